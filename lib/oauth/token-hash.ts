import { createHash } from 'node:crypto'

/**
 * The `at_hash` of an access token beside an id_token that is signed with RS256: the left half of its SHA-256.
 *
 * @see [OpenID Connect Core §3.1.3.6](https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken)
 */
export function accessTokenHash (accessToken: string): string {
  return createHash('sha256').update(accessToken, 'ascii').digest().subarray(0, 16).toString('base64url')
}
