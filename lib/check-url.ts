import { InvalidOptionError } from './errors.ts'
import { isLoopbackUri } from './oauth/redirect-uri.ts'

/** An absolute URL that may be put before clients: canonical, https or loopback, without user information, query and fragment. */
export function checkUrl (option: string, value: unknown): URL {
  if (typeof value !== 'string' || !URL.canParse(value)) {
    throw new InvalidOptionError(option, 'must be a URL such as https://api.example.com')
  }
  const url = new URL(value)
  if (url.protocol !== 'https:' && !isLoopbackUri(value)) {
    throw new InvalidOptionError(option, 'must start with https:// (http:// only on localhost, 127.0.0.1 or [::1])')
  }
  const canonical = url.pathname === '/' && !value.endsWith('/') ? url.origin : url.origin + url.pathname
  if (value !== canonical) throw new InvalidOptionError(option, `must be written as ${canonical}, without user, query or fragment`)
  // Clients have handed such URLs to a shell: CVE-2025-6514.
  if (!/^[\w./~%-]*$/.test(url.pathname)) throw new InvalidOptionError(option, 'must have a path of letters, digits, and the characters . _ ~ % and - only')
  return url
}

/** Segments that a router takes as they are: nothing that it would decode, fold away or read as a parameter. */
export const plainPath = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.~-]+)+$/

/** @throws {InvalidOptionError} where it can't be the authorization server's identifier. RFC 8414 §2. */
export function checkIssuer (issuer: unknown): URL {
  const option = 'issuer (OAUTH_SERVER_URL)'
  const url = checkUrl(option, issuer)
  if (issuer === url.href && issuer.endsWith('/')) throw new InvalidOptionError(option, `must not end with a slash: write ${url.href.slice(0, -1)}`)
  if (url.pathname !== '/' && !plainPath.test(url.pathname)) {
    throw new InvalidOptionError(option, 'must have a path of letters, digits, and the characters . _ ~ and - only, such as https://example.com/api')
  }
  return url
}
