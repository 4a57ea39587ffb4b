import { OAuthError } from '../errors.ts'
import { isCleanText } from './text.ts'

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

/** Undefined for what is no text: a stray percent sign, or what no store can take. */
function formDecode (value: string): string | undefined {
  try {
    const decoded = decodeURIComponent(value.replaceAll('+', ' '))
    return isCleanText(decoded) ? decoded : undefined
  } catch {
    return undefined
  }
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
  const credentials = Buffer.from(basic.exec(header)?.[1] ?? '', 'base64').toString('utf8')
  const [clientId, clientSecret] = (/^([^:]+):(.+)/s.exec(credentials)?.slice(1) ?? []).map(formDecode)
  if (clientId === undefined || clientSecret === undefined) {
    throw new OAuthError('invalid_client', 'The Authorization header can not be read')
  }
  return { clientId, clientSecret }
}
