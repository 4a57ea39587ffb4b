import { StorageUnavailableError } from '../errors.ts'
import { verifyAccessToken, verifyRefreshToken, type VerifiedClaims } from '../keys/tokens.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Token, TokenRecord } from '../storage/records.ts'

/** Why a string is none of our tokens, for the log. */
export interface Unknown { reason: unknown }

/** A signature alone is not enough: under a leaked or guessed secret, only the row tells what was really issued. */
function fitsRow (claims: VerifiedClaims, token: Token): boolean {
  return token.type === 'access_token' &&
    claims.keyId === token.keyId &&
    claims.sub === token.userId &&
    claims.client_id === token.clientId &&
    claims.aud === token.resource &&
    claims.scope === token.scopes.join(' ') &&
    claims.exp * 1000 === token.expiresAt.getTime()
}

async function claimsOf<C> (verified: Promise<C>): Promise<{ claims: C } | Unknown> {
  try {
    return { claims: await verified }
  } catch (reason) {
    // Its key could not be looked for.
    if (reason instanceof StorageUnavailableError) throw reason
    return { reason }
  }
}

/** What is stored about an access token that has not expired, with the grant that it hangs on. Whether that lives is another question. */
export async function accessTokenRecord ({ keys, options, storage }: AuthorizationServer, token: string, now: Date): Promise<TokenRecord | Unknown> {
  const verified = await claimsOf(verifyAccessToken(keys, token, options.issuer, now))
  if ('reason' in verified) return verified
  const record = await storage.findToken(verified.claims.jti)
  if (record === undefined) return { reason: 'the token is unknown' }
  return fitsRow(verified.claims, record.token) ? record : { reason: 'the claims are not those of the row' }
}

/** What is stored about a refresh token that has not expired, with the grant that it hangs on. Whether that lives is another question. */
export async function refreshTokenRecord ({ keys, options, storage }: AuthorizationServer, token: string, now: Date): Promise<TokenRecord | Unknown> {
  const verified = await claimsOf(verifyRefreshToken(keys, token, options.issuer, now))
  if ('reason' in verified) return verified
  const record = await storage.findToken(verified.claims.jti)
  return record?.token.type === 'refresh_token' ? record : { reason: 'the token is unknown' }
}
