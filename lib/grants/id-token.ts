import { idTokenLifetime } from '../keys/server-keys.ts'
import { signIdToken } from '../keys/tokens.ts'
import { accessTokenHash } from '../oauth/token-hash.ts'
import type { AuthorizationServer } from '../server.ts'
import type { CodeRecord, User } from '../storage/records.ts'
import { userClaims } from './user-claims.ts'

function seconds (date: Date): number {
  return Math.floor(date.getTime() / 1000)
}

/**
 * Tells the client who has signed in, once, at the exchange of the code. A refresh brings none: nobody signs in then, and OpenID Connect
 * Core §12.2 leaves it open; the userinfo endpoint says what has changed.
 *
 * @see [OpenID Connect Core §2](https://openid.net/specs/openid-connect-core-1_0.html#IDToken)
 */
export async function idToken (
  server: AuthorizationServer, { code, grant }: CodeRecord, user: User, accessToken: string, now: Date
): Promise<string> {
  return await signIdToken(server.keys.signingKey('id', now), {
    ...userClaims(user, grant.scopes),
    iss: server.options.issuer,
    aud: grant.clientId,
    iat: seconds(now),
    exp: seconds(now) + idTokenLifetime,
    auth_time: seconds(code.authenticatedAt),
    ...(code.nonce === null ? {} : { nonce: code.nonce }),
    at_hash: accessTokenHash(accessToken)
  })
}
