import { resourceScopes } from './scope.ts'

/** Where the well-known documents of a server live. RFC 8414 §3.1, RFC 9728 §3.1. */
export function wellKnownPaths (name: string, path: string): string[] {
  const root = `/.well-known/${name}`
  return path === '' ? [root] : [root, `${root}${path}`]
}

/** Where the OpenID provider's document lives: OpenID Connect Discovery §4.1 appends to the issuer, RFC 8414 §5 inserts as for its own. */
export function openidConfigurationPaths (path: string): string[] {
  const name = 'openid-configuration'
  return [...new Set([...wellKnownPaths(name, path), `${path}/.well-known/${name}`])]
}

/** Below the issuer's path, and at the root. */
export const jwksPath = '/.well-known/jwks.json'

/** What the authorization server's metadata is made from. */
export interface ServerDescription {
  issuer: string
  /** Issuer and base path, without a slash at the end. */
  endpoints: string
  scopes: readonly string[]
  /** Whether clients may register themselves. */
  registration: boolean
  /** Whether a client id may be the URL of a metadata document. */
  clientMetadataDocuments: boolean
}

/**
 * The authorization server's metadata. It names what works, and nothing else.
 *
 * @see [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414.html#section-2)
 */
export function authorizationServerMetadata ({
  issuer, endpoints, scopes, registration, clientMetadataDocuments
}: ServerDescription): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${endpoints}/authorize`,
    token_endpoint: `${endpoints}/token`,
    ...(registration ? { registration_endpoint: `${endpoints}/register` } : {}),
    revocation_endpoint: `${endpoints}/revoke`,
    introspection_endpoint: `${endpoints}/introspect`,
    userinfo_endpoint: `${endpoints}/userinfo`,
    jwks_uri: issuer + jwksPath,
    scopes_supported: scopes,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    revocation_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    introspection_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'Bearer'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    ...(clientMetadataDocuments ? { client_id_metadata_document_supported: true } : {})
  }
}

/**
 * What the OpenID provider says besides. Members whose default is the truth are left out.
 *
 * @see [OpenID Connect Discovery §3](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata)
 */
export function openidConfiguration (description: ServerDescription): Record<string, unknown> {
  return {
    ...authorizationServerMetadata(description),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'at_hash', 'email', 'email_verified', 'name', 'picture'],
    request_uri_parameter_supported: false
  }
}

/**
 * A protected resource's metadata.
 *
 * @see [RFC 9728 §2](https://www.rfc-editor.org/rfc/rfc9728.html#section-2)
 */
export function protectedResourceMetadata (resource: string, issuer: string, scopes: readonly string[]): Record<string, unknown> {
  const supported = resourceScopes(scopes)
  return {
    resource,
    authorization_servers: [issuer],
    // RFC 9728 §3.2: without elements, a member is left out.
    ...(supported.length === 0 ? {} : { scopes_supported: supported }),
    bearer_methods_supported: ['header']
  }
}

/** Where a resource's metadata is: the well-known path goes between host and path. RFC 9728 §3.1. */
export function resourceMetadataUrl (resource: string): string {
  const { origin, pathname, search } = new URL(resource)
  return `${origin}/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname}${search}`
}
