const dangerousScheme = /^(?:javascript|data|vbscript|file|blob|about|filesystem|view-source|ws|wss|ftp):/i
const visibleAscii = /^[\x21-\x5b\x5d-\x7e]+$/
const loopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::\d{1,5})?(?=[/?]|$)/i

/**
 * - `usable`: https, http on a loopback name, or one that the deployer allowed.
 * - `private-use`: some other app's scheme; it may stand in a registration, but nothing is ever sent there.
 * - `forbidden`: never.
 */
export type RedirectUriVerdict = 'usable' | 'private-use' | 'forbidden'

/** Whether `http` is acceptable because the URI names this machine. RFC 8252 §7.3; `localhost` for interoperability. */
export function isLoopbackUri (uri: string): boolean {
  return loopback.test(uri)
}

/**
 * Whether a URI from outside can be put in front of a browser: absolute, https or http on loopback, without user information,
 * fragment, wildcard, white space or control characters.
 */
export function isWebUri (uri: string): boolean {
  if (!visibleAscii.test(uri) || /[#*]/.test(uri) || !URL.canParse(uri)) return false
  if (!/^https:\/\/[^/?]/i.test(uri) && !isLoopbackUri(uri)) return false
  return !/^[a-z]+:\/\/[^/?]*@/i.test(uri)
}

/**
 * What may be done with a redirect URI.
 *
 * @param allowed exact URIs with private-use schemes that the deployer allows
 * @see [OAuth 2.1 §2.3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.3.1)
 */
export function checkRedirectUri (uri: string, allowed: readonly string[]): RedirectUriVerdict {
  if (allowed.includes(uri) || isWebUri(uri)) return 'usable'
  if (!visibleAscii.test(uri) || /[#*]/.test(uri) || !URL.canParse(uri)) return 'forbidden'
  return dangerousScheme.test(uri) || /^https?:/i.test(uri) ? 'forbidden' : 'private-use'
}

/**
 * Whether the requested redirect URI is the registered one: the same string, but for the port of a loopback redirect.
 *
 * @see [OAuth 2.1 §2.3.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.3.2)
 */
export function matchesRedirectUri (requested: string, registered: string): boolean {
  if (requested === registered) return true
  return isLoopbackUri(requested) && isWebUri(requested) && requested.replace(loopback, '$1') === registered.replace(loopback, '$1')
}
