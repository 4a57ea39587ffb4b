import { OAuthError } from '../errors.ts'
import { checkAuthenticationRequest, type AuthenticationRequest } from './authentication-request.ts'
import { parameter, requiredParameter, type Parameters } from './parameters.ts'
import { isCodeChallenge } from './pkce.ts'
import { checkRedirectUri, matchesRedirectUri } from './redirect-uri.ts'
import { resolveResource } from './resource.ts'
import { resolveScopes } from './scope.ts'

/** What a client asks a person for, checked. */
export interface AuthorizationRequest extends AuthenticationRequest {
  clientId: string
  redirectUri: string
  state: string | null
  scopes: readonly string[]
  resource: string
  codeChallenge: string
}

/** What this server has to offer. */
export interface AuthorizationPolicy {
  /** By their URL, each with the scopes that can be asked for there. */
  resources: ReadonlyMap<string, { readonly scopes: readonly string[] }>
  defaultResource: string
}

/** The answer is wanted where it may not be sent. */
export class RedirectUriError extends OAuthError {
  constructor () {
    super('invalid_request', 'The redirect_uri is not registered for this client')
  }
}

/**
 * Where the answer may be sent: the one that the request names, if it is registered, or the only one that is.
 *
 * @throws {RedirectUriError | OAuthError} `invalid_request`: then nobody may be sent anywhere. OAuth 2.1 §4.1.2.1.
 * @see [OAuth 2.1 §4.1.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.1)
 */
export function resolveRedirectUri (requested: string | undefined, registered: readonly string[], allowed: readonly string[]): string {
  const [first, ...others] = registered
  const redirectUri = requested ?? (others.length === 0 ? first : undefined)
  if (redirectUri === undefined) throw new OAuthError('invalid_request', 'The parameter redirect_uri is missing')
  if (!registered.some(uri => matchesRedirectUri(redirectUri, uri)) || checkRedirectUri(redirectUri, allowed) !== 'usable') {
    throw new RedirectUriError()
  }
  return redirectUri
}

/**
 * Checks the rest of the request, once client and redirect URI are known to be good.
 *
 * @throws {OAuthError} in the words of RFC 6749 §4.1.2.1, RFC 7636 §4.4.1 and RFC 8707 §2.
 */
export function checkAuthorizationRequest (
  parameters: Parameters, clientId: string, redirectUri: string, policy: AuthorizationPolicy
): AuthorizationRequest {
  for (const name of ['client_id', 'redirect_uri', 'ui_locales']) parameter(parameters, name)
  const state = parameter(parameters, 'state') ?? null
  if (requiredParameter(parameters, 'response_type') !== 'code') {
    throw new OAuthError('unsupported_response_type', 'The response_type must be code')
  }
  // OAuth 2.0 Multiple Response Type Encoding Practices §2.1: an answer by another way than was asked for would get lost.
  if ((parameter(parameters, 'response_mode') ?? 'query') !== 'query') throw new OAuthError('invalid_request', 'The response_mode must be query')
  const codeChallenge = requiredParameter(parameters, 'code_challenge')
  // RFC 7636 §4.3: an absent method means plain, which OAuth 2.1 §4.1.1 drops.
  if (parameter(parameters, 'code_challenge_method') !== 'S256' || !isCodeChallenge(codeChallenge)) {
    throw new OAuthError('invalid_request', 'The code_challenge_method must be S256, with a challenge of 43 characters')
  }
  const resource = resolveResource(parameters.get('resource'), [...policy.resources.keys()], policy.defaultResource)
  const available = [...policy.resources].flatMap(([url, { scopes }]) => url === resource ? scopes : [])
  const scopes = resolveScopes(parameter(parameters, 'scope'), available)
  return { clientId, redirectUri, state, scopes, resource, codeChallenge, ...checkAuthenticationRequest(parameters) }
}
