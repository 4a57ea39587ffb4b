import { Ajv } from 'ajv'
import { OAuthError } from '../errors.ts'
import { hashSecret, randomId, randomSecret } from '../keys/secrets.ts'
import { canonicalMetadata, checkClientMetadata, clientMetadataSchema, withoutNulls, type AcceptedMetadata, type ClientMetadata } from '../oauth/client-metadata.ts'
import type { ServerCore } from '../server.ts'
import type { Client } from '../storage/records.ts'

/** The answer to a registration. RFC 7591 §3.2.1. */
export interface ClientInformation {
  client_id: string
  /** Seconds since the epoch. */
  client_id_issued_at: number
  client_secret?: string
  /** 0: it does not expire. Only beside a secret. */
  client_secret_expires_at?: number
  client_name?: string
  client_uri?: string
  logo_uri?: string
  redirect_uris: readonly string[]
  grant_types: readonly string[]
  response_types: readonly string[]
  token_endpoint_auth_method: string
  scope?: string
}

const isClientMetadata = new Ajv().compile<ClientMetadata>(clientMetadataSchema)

/** The gate that every new client comes through, whoever brings it. */
function accept ({ options }: ServerCore, metadata: unknown): AcceptedMetadata {
  const given = withoutNulls(metadata)
  if (!isClientMetadata(given)) throw new OAuthError('invalid_client_metadata', 'The request is malformed', { cause: isClientMetadata.errors })
  return checkClientMetadata(given, {
    allowedRedirectUris: options.allowedRedirectUris,
    allowedRedirectHosts: options.registration.allowedRedirectHosts,
    defaultRedirectUris: options.defaultRedirectUris,
    scopes: [...options.scopes.keys()]
  })
}

function newClient (accepted: AcceptedMetadata, secret: string | undefined, now: Date): Client {
  return {
    id: `mcp-${randomId()}`,
    secretHash: secret === undefined ? null : hashSecret(secret),
    name: accepted.clientName,
    redirectUris: accepted.redirectUris,
    grantTypes: accepted.grantTypes,
    tokenEndpointAuthMethod: accepted.tokenEndpointAuthMethod,
    clientUri: accepted.clientUri,
    logoUri: accepted.logoUri,
    documentFetchedAt: null,
    createdAt: now,
    active: true
  }
}

function clientInformation (client: Client, secret: string | undefined, { scopes }: AcceptedMetadata): ClientInformation {
  return {
    client_id: client.id,
    client_id_issued_at: Math.floor(client.createdAt.getTime() / 1000),
    ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }),
    ...(client.name === '' ? {} : { client_name: client.name }),
    ...(client.clientUri === null ? {} : { client_uri: client.clientUri }),
    ...(client.logoUri === null ? {} : { logo_uri: client.logoUri }),
    redirect_uris: client.redirectUris,
    grant_types: client.grantTypes,
    response_types: ['code'],
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') })
  }
}

function secretFor ({ tokenEndpointAuthMethod }: AcceptedMetadata): string | undefined {
  return tokenEndpointAuthMethod === 'none' ? undefined : randomSecret()
}

/**
 * Registers a client that came by itself. A public one has nothing but its metadata to be known by: the same metadata gets the same
 * client, which RFC 7591 §3.2.1 leaves to the server. A confidential one is always new.
 *
 * @throws {OAuthError} `invalid_redirect_uri` or `invalid_client_metadata`; `access_denied` where that client is deactivated.
 * @see [RFC 7591 §3](https://www.rfc-editor.org/rfc/rfc7591.html#section-3)
 */
export async function registerClient (server: ServerCore, metadata: unknown, now: Date): Promise<ClientInformation> {
  const accepted = accept(server, metadata)
  const secret = secretFor(accepted)
  const metadataHash = secret === undefined ? hashSecret(canonicalMetadata(accepted)) : null
  const client = await server.storage.registerClient(newClient(accepted, secret, now), metadataHash)
  if (!client.active) throw new OAuthError('access_denied', 'A client of this metadata was deactivated by the operator of this server')
  return clientInformation(client, secret, accepted)
}

/**
 * Creates a client for the operator: by the same rules, always new, and it stays however long it lies unused.
 *
 * @throws {OAuthError} `invalid_redirect_uri` or `invalid_client_metadata`.
 */
export async function createClient (server: ServerCore, metadata: unknown, now: Date): Promise<ClientInformation> {
  const accepted = accept(server, metadata)
  const secret = secretFor(accepted)
  const client = newClient(accepted, secret, now)
  await server.storage.createClient(client)
  return clientInformation(client, secret, accepted)
}
