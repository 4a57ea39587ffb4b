import type { OAuthErrorCode } from '../errors.ts'

/** What goes back to the client. `iss` is on every one. RFC 6749 §4.1.2, RFC 9207 §2. */
export type AuthorizationResponse =
  & { state: string | null, issuer: string }
  & ({ code: string } | { error: OAuthErrorCode, errorDescription: string })

/** The redirect URI with the response in its query; what stood there already stays. OAuth 2.1 §2.3 */
export function authorizationResponseUri (redirectUri: string, response: AuthorizationResponse): string {
  const query = new URLSearchParams()
  if ('code' in response) {
    query.set('code', response.code)
  } else {
    query.set('error', response.error)
    query.set('error_description', response.errorDescription)
  }
  if (response.state !== null) query.set('state', response.state)
  query.set('iss', response.issuer)
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${query}`
}
