import { Ajv } from 'ajv'
import { OAuthError } from '../errors.ts'
import { isDomainName } from './client-id-url.ts'
import { checkClientMetadata, clientMetadataSchema, withoutNulls, type ClientMetadata, type RegistrationPolicy } from './client-metadata.ts'
import { displayText } from './text.ts'

/** A client as its metadata document describes it, accepted. Such a client is public. */
export interface ClientDocument {
  clientName: string
  redirectUris: readonly string[]
  grantTypes: readonly string[]
  clientUri: string | null
  logoUri: string | null
  /** Milliseconds since the epoch. */
  fetchedAt: number
}

/** What a document is made of, as far as it means something here. */
interface DocumentMembers extends ClientMetadata {
  client_id: string
  client_name: string
  redirect_uris: string[]
  token_endpoint_auth_methods_supported?: string[]
}

/** Where the redirect URIs of documents may lead. */
export type DocumentPolicy = Pick<RegistrationPolicy, 'allowedRedirectHosts' | 'allowedRedirectUris'>

const isDocument = new Ajv({ coerceTypes: false }).compile<DocumentMembers>({
  ...clientMetadataSchema,
  required: ['client_id', 'client_name', 'redirect_uris'],
  properties: {
    ...clientMetadataSchema.properties,
    client_id: { type: 'string' },
    redirect_uris: { ...clientMetadataSchema.properties.redirect_uris, minItems: 1 },
    token_endpoint_auth_methods_supported: { type: 'array', items: { type: 'string' } },
    // What is told to everybody is no secret.
    client_secret: false,
    client_secret_expires_at: false
  }
})

function refuse (description: string): never {
  throw new OAuthError('invalid_client_metadata', description)
}

/**
 * The client is public here whatever else it can do, if only it can do that too. OpenID Connect RP Metadata Choices §2.
 */
function requirePublicClient ({ token_endpoint_auth_method: method = 'none', token_endpoint_auth_methods_supported: others = [] }: DocumentMembers): void {
  if (/^client_secret/.test(method)) refuse('token_endpoint_auth_method must not be one with a shared secret')
  if (method !== 'none' && !others.includes('none')) refuse('token_endpoint_auth_method must be none, or stand beside a list that holds it')
}

/** The web address of something that everybody sees alike: nothing on this machine or its network. */
function publicUri (uri: string | null): string | null {
  if (uri === null) return null
  const { protocol, hostname } = new URL(uri)
  return protocol === 'https:' && isDomainName(hostname) ? uri : null
}

/**
 * Decides about a metadata document by the rules of a registration, and some of its own.
 *
 * @param fetchedAt milliseconds since the epoch
 * @throws {OAuthError} `invalid_client_metadata` or `invalid_redirect_uri`.
 * @see [Client ID Metadata Document §4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02#section-4)
 */
export function checkClientDocument (
  clientId: string, document: unknown, policy: DocumentPolicy, fetchedAt: number
): ClientDocument {
  const members = withoutNulls(document)
  if (!isDocument(members)) return refuse('The document lacks a member, or has one that can not be')
  // As strings, RFC 3986 §6.2.1: one document can't speak for another.
  if (members.client_id !== clientId) return refuse('client_id must be the URL of the document')
  if (displayText(members.client_name) === '') return refuse('client_name must be a name')
  requirePublicClient(members)
  const { clientName, redirectUris, grantTypes, clientUri, logoUri } = checkClientMetadata(
    { ...members, token_endpoint_auth_method: 'none' }, { ...policy, defaultRedirectUris: [], scopes: [] }
  )
  return { clientName, redirectUris, grantTypes, clientUri: publicUri(clientUri), logoUri: publicUri(logoUri), fetchedAt }
}

/** What a document says otherwise than before, as far as a person should know. */
export interface DocumentChanges {
  /** Undefined where the name is the same. */
  formerName: string | undefined
  redirectUris: boolean
}

/** Undefined where neither name nor redirect URIs have changed. */
export function documentChanges (
  before: Readonly<{ name: string, redirectUris: readonly string[] }>, { clientName, redirectUris }: ClientDocument
): DocumentChanges | undefined {
  const formerName = before.name === clientName ? undefined : before.name
  const [then, now, ever] = [before.redirectUris, redirectUris, [...before.redirectUris, ...redirectUris]].map(uris => new Set(uris).size)
  const haveChanged = then !== ever || now !== ever
  return formerName === undefined && !haveChanged ? undefined : { formerName, redirectUris: haveChanged }
}
