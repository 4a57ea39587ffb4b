import { createHash, timingSafeEqual } from 'node:crypto'

const s256Challenge = /^[A-Za-z0-9_-]{43}$/
const verifier = /^[A-Za-z0-9._~-]{43,128}$/

/** Whether it can be the S256 challenge of some verifier. RFC 7636 §4.2. */
export function isCodeChallenge (value: string): boolean {
  return s256Challenge.test(value)
}

/** The S256 challenge of a verifier. RFC 7636 §4.2. */
export function codeChallengeOf (codeVerifier: string): string {
  return createHash('sha256').update(codeVerifier).digest('base64url')
}

/**
 * Whether the verifier is the one that the challenge was made from. S256 only: OAuth 2.1 drops `plain`.
 *
 * @see [RFC 7636 §4.6](https://www.rfc-editor.org/rfc/rfc7636.html#section-4.6)
 */
export function verifyCodeChallenge (codeVerifier: string, codeChallenge: string): boolean {
  if (!verifier.test(codeVerifier) || !isCodeChallenge(codeChallenge)) return false
  return timingSafeEqual(Buffer.from(codeChallengeOf(codeVerifier)), Buffer.from(codeChallenge))
}
