import { OAuthError } from '../errors.ts'

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/**
 * The scope that asks for a refresh token. Every client here gets one if its grant types say so; the name is known because
 * clients add it where the metadata lists it. OpenID Connect Core §11.
 */
export const offlineAccess = 'offline_access'

/**
 * The distinct scope tokens of a space-separated list, in their order.
 *
 * @throws {OAuthError} `invalid_scope` where it has other characters than RFC 6749 §3.3 allows.
 */
export function parseScope (scope: string): string[] {
  const tokens = [...new Set(scope.split(' ').filter(token => token !== ''))]
  if (!tokens.every(token => scopeToken.test(token))) throw new OAuthError('invalid_scope', 'The scope is malformed')
  return tokens
}

/** Whether a configured name can stand in a scope list. RFC 6749 §3.3. */
export function isScopeToken (name: string): boolean {
  return scopeToken.test(name)
}

/** Whether who has one scope has the other: `restaurants` covers `restaurants:read`, `rest` does not. */
export function covers (scope: string, other: string): boolean {
  return scope === other || other.startsWith(`${scope}:`)
}

/** The scopes that a resource is about. `offline_access` is the authorization server's business, not the resource's. */
export function resourceScopes (scopes: readonly string[]): readonly string[] {
  return scopes.filter(scope => scope !== offlineAccess)
}

/**
 * The scopes that a request is for: what it names, or all of `available` but `offline_access` where it names none.
 *
 * @throws {OAuthError} `invalid_scope` where it names one that is not available.
 * @see [RFC 6749 §3.3](https://www.rfc-editor.org/rfc/rfc6749.html#section-3.3)
 */
export function resolveScopes (requested: string | undefined, available: readonly string[]): readonly string[] {
  const scopes = requested === undefined ? [] : parseScope(requested)
  if (scopes.length === 0) return resourceScopes(available)
  if (!scopes.every(scope => available.includes(scope))) {
    throw new OAuthError('invalid_scope', 'The scope names what is not to be had here')
  }
  return scopes
}

/**
 * The scopes of a refreshed access token: what the request names, or what was granted where it names none. A granted scope can be narrowed to
 * one that it covers.
 *
 * @param known all scopes that there are
 * @throws {OAuthError} `invalid_scope` where it names one that was not granted.
 * @see [RFC 6749 §6](https://www.rfc-editor.org/rfc/rfc6749.html#section-6)
 */
export function narrowScopes (requested: string | undefined, granted: readonly string[], known: readonly string[]): readonly string[] {
  const scopes = requested === undefined ? [] : parseScope(requested)
  if (scopes.length === 0) return granted
  const within = [...granted, ...known.filter(scope => granted.some(own => covers(own, scope)))]
  return resolveScopes(scopes.join(' '), within)
}
