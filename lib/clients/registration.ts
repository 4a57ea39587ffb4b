import { hashSecret, randomId, randomSecret } from '../keys/secrets.ts'
import { checkClientMetadata, type ClientMetadata } from '../oauth/client-metadata.ts'
import type { AuthorizationServer } from '../server.ts'

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

/**
 * Registers a client.
 *
 * @throws {OAuthError} `invalid_redirect_uri` or `invalid_client_metadata`.
 * @see [RFC 7591 §3](https://www.rfc-editor.org/rfc/rfc7591.html#section-3)
 */
export async function registerClient (server: AuthorizationServer, metadata: ClientMetadata, now: Date): Promise<ClientInformation> {
  const { options, storage } = server
  const accepted = checkClientMetadata(metadata, {
    allowedRedirectUris: options.allowedRedirectUris,
    defaultRedirectUris: options.defaultRedirectUris,
    scopes: [...options.scopes.keys()]
  })
  const secret = accepted.tokenEndpointAuthMethod === 'none' ? undefined : randomSecret()
  const client = {
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
  await storage.createClient(client)
  return {
    client_id: client.id,
    client_id_issued_at: Math.floor(now.getTime() / 1000),
    ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }),
    ...(client.name === '' ? {} : { client_name: client.name }),
    ...(client.clientUri === null ? {} : { client_uri: client.clientUri }),
    ...(client.logoUri === null ? {} : { logo_uri: client.logoUri }),
    redirect_uris: client.redirectUris,
    grant_types: client.grantTypes,
    response_types: ['code'],
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    ...(accepted.scopes.length === 0 ? {} : { scope: accepted.scopes.join(' ') })
  }
}
