import { OAuthError } from '../errors.ts'

const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i
const basic = /^Basic +([A-Za-z0-9+/]+=*) *$/i

/** What a request carries: nothing of ours, something that is no token, or a token. */
export type BearerCredentials = { token: string } | 'absent' | 'malformed'

/**
 * Reads the `Authorization` header of a protected request. The query string is never looked at.
 *
 * @see [RFC 6750 §2.1](https://www.rfc-editor.org/rfc/rfc6750.html#section-2.1)
 */
export function parseBearer (header: string | undefined): BearerCredentials {
  if (header === undefined || !/^Bearer(?: |$)/i.test(header)) return 'absent'
  const token = bearer.exec(header)?.[1]
  return token === undefined ? 'malformed' : { token }
}

export interface ClientCredentials { clientId: string, clientSecret: string }

function formDecode (value: string): string {
  return decodeURIComponent(value.replaceAll('+', ' '))
}

/**
 * Reads a client's credentials from the `Authorization` header. Both halves are form-encoded before they are joined.
 *
 * @returns undefined where there is no Basic header.
 * @throws {OAuthError} `invalid_client` where there is one that can't be read.
 * @see [RFC 6749 §2.3.1](https://www.rfc-editor.org/rfc/rfc6749.html#section-2.3.1)
 */
export function parseBasic (header: string | undefined): ClientCredentials | undefined {
  if (header === undefined || !/^Basic(?: |$)/i.test(header)) return undefined
  const [, clientId, clientSecret] = /^([^:]+):(.+)$/.exec(atob64(basic.exec(header)?.[1])) ?? []
  if (clientId !== undefined && clientSecret !== undefined) {
    try {
      return { clientId: formDecode(clientId), clientSecret: formDecode(clientSecret) }
    } catch {
      // A stray percent sign: answered below like every other malformed header.
    }
  }
  throw new OAuthError('invalid_client', 'The Authorization header can not be read')
}

function atob64 (encoded = ''): string {
  return Buffer.from(encoded, 'base64').toString('utf8')
}
