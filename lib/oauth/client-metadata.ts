import { OAuthError } from '../errors.ts'
import { checkRedirectUri, isWebUri } from './redirect-uri.ts'
import { isCleanText } from './text.ts'

/** The members of a registration request that mean something here; all others are ignored. RFC 7591 §2. */
export interface ClientMetadata {
  redirect_uris?: string[]
  client_name?: string
  client_uri?: string
  logo_uri?: string
  policy_uri?: string
  tos_uri?: string
  grant_types?: string[]
  response_types?: string[]
  token_endpoint_auth_method?: string
  scope?: string
}

/** What those members have to look like. Checked before `checkClientMetadata`. */
export const clientMetadataSchema = {
  type: 'object',
  properties: {
    redirect_uris: { type: 'array', maxItems: 32, items: { type: 'string', maxLength: 2048 } },
    client_name: { type: 'string', maxLength: 16384 },
    client_uri: { type: 'string', maxLength: 2048 },
    logo_uri: { type: 'string', maxLength: 2048 },
    policy_uri: { type: 'string', maxLength: 2048 },
    tos_uri: { type: 'string', maxLength: 2048 },
    grant_types: { type: 'array', maxItems: 16, items: { type: 'string', maxLength: 255 } },
    response_types: { type: 'array', maxItems: 16, items: { type: 'string', maxLength: 255 } },
    token_endpoint_auth_method: { type: 'string', maxLength: 255 },
    scope: { type: 'string', maxLength: 8192 }
  }
} as const

/** Some clients send `null` for what they do not mean to say. */
export function withoutNulls (body: unknown): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
}

export interface RegistrationPolicy {
  allowedRedirectUris: readonly string[]
  /** Undefined: any. */
  allowedRedirectHosts: readonly string[] | undefined
  defaultRedirectUris: readonly string[]
  scopes: readonly string[]
}

const grantTypes = ['authorization_code', 'refresh_token']
const authMethods = ['client_secret_basic', 'client_secret_post', 'none'] as const

/** Metadata as this server accepts it. */
export interface AcceptedMetadata {
  redirectUris: readonly string[]
  clientName: string
  clientUri: string | null
  logoUri: string | null
  grantTypes: readonly string[]
  tokenEndpointAuthMethod: typeof authMethods[number]
  scopes: readonly string[]
}

/** Whether it leads to a host that the operator has not named. What is no web URI can not be used unless it is named itself. */
function isElsewhere (uri: string, { allowedRedirectHosts: hosts, allowedRedirectUris }: RegistrationPolicy): boolean {
  return hosts !== undefined && isWebUri(uri) && !allowedRedirectUris.includes(uri) && !hosts.includes(new URL(uri).hostname)
}

function acceptRedirectUris (requested: readonly string[] | undefined, policy: RegistrationPolicy): readonly string[] {
  const redirectUris = requested === undefined || requested.length === 0 ? policy.defaultRedirectUris : requested
  const verdicts = redirectUris.map(uri => checkRedirectUri(uri, policy.allowedRedirectUris))
  if (verdicts.includes('forbidden')) {
    throw new OAuthError('invalid_redirect_uri', 'A redirect URI must be https, or http on a loopback address, without fragment, user information or wildcard')
  }
  if (!verdicts.includes('usable')) {
    throw new OAuthError('invalid_redirect_uri', 'Redirects to private-use schemes have to be allowed by the operator of this server')
  }
  if (redirectUris.some(uri => isElsewhere(uri, policy))) {
    throw new OAuthError('invalid_redirect_uri', 'The operator of this server has not allowed redirects to this host')
  }
  return redirectUris
}

function acceptUri (name: string, uri: string | undefined): string | null {
  if (uri === undefined || uri === '') return null
  if (!isWebUri(uri)) throw new OAuthError('invalid_client_metadata', `${name} must be an https URL`)
  return uri
}

function acceptGrantTypes (requested: readonly string[] = grantTypes): readonly string[] {
  const accepted = grantTypes.filter(grantType => requested.includes(grantType))
  if (!accepted.includes('authorization_code')) {
    throw new OAuthError('invalid_client_metadata', 'grant_types must hold authorization_code')
  }
  return accepted
}

/**
 * Decides about a registration. What is unknown is dropped, what is dangerous refuses.
 *
 * @throws {OAuthError} `invalid_redirect_uri` or `invalid_client_metadata`. RFC 7591 §3.2.2.
 * @see [RFC 7591 §2](https://www.rfc-editor.org/rfc/rfc7591.html#section-2)
 */
export function checkClientMetadata (metadata: ClientMetadata, policy: RegistrationPolicy): AcceptedMetadata {
  const redirectUris = acceptRedirectUris(metadata.redirect_uris, policy)
  const clientName = metadata.client_name ?? ''
  if (!isCleanText(clientName)) throw new OAuthError('invalid_client_metadata', 'client_name holds characters that are not allowed')
  if (metadata.response_types !== undefined && !metadata.response_types.includes('code')) {
    throw new OAuthError('invalid_client_metadata', 'response_types must hold code')
  }
  const requestedMethod = metadata.token_endpoint_auth_method ?? 'client_secret_basic'
  const tokenEndpointAuthMethod = authMethods.find(method => method === requestedMethod)
  if (tokenEndpointAuthMethod === undefined) {
    throw new OAuthError('invalid_client_metadata', `token_endpoint_auth_method must be one of ${authMethods.join(', ')}`)
  }
  acceptUri('policy_uri', metadata.policy_uri)
  acceptUri('tos_uri', metadata.tos_uri)
  return {
    redirectUris,
    clientName,
    clientUri: acceptUri('client_uri', metadata.client_uri),
    logoUri: acceptUri('logo_uri', metadata.logo_uri),
    grantTypes: acceptGrantTypes(metadata.grant_types),
    tokenEndpointAuthMethod,
    scopes: [...new Set(metadata.scope?.split(' '))].filter(scope => policy.scopes.includes(scope))
  }
}

/** All that was accepted, as one string: equal for equal metadata, and for no other. */
export function canonicalMetadata (accepted: AcceptedMetadata): string {
  const members = Object.entries(accepted).sort(([one], [other]) => one < other ? -1 : 1)
  return JSON.stringify(members)
}
