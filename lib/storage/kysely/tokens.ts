import type { Insertable } from 'kysely'
import type { Redemption, RedemptionResult, Rotation, RotationResult, Token } from '../records.ts'
import { judgeExchange, judgeRedemption } from '../verdicts.ts'
import { whole } from './expressions.ts'
import { revokeGrant } from './grants.ts'
import type { HotPaths } from './hot-paths.ts'
import { inTransaction } from './in-transaction.ts'
import { toCode, toGrant, toToken } from './rows.ts'
import type { CodeRow, Database, GrantRow, Tables, TokenRow } from './tables.ts'

/** Under the locks of code and grant: all that happens to one grant happens one after another, on all machines. */
export async function redeemCode (db: Database, { redeemCode }: HotPaths, redemption: Redemption): Promise<RedemptionResult> {
  const { codeHash, accessToken, refreshToken, now } = redemption
  const tokens = refreshToken === undefined ? [accessToken] : [accessToken, refreshToken]
  if (await redeemCode(codeHash, now, issued(tokens))) return 'redeemed'
  return await inTransaction(db, async (trx) => {
    const row = await trx.selectFrom('oauth_authorization_codes as code')
      .innerJoin('oauth_grants as granted', 'granted.grant_id', 'code.grant_id')
      .select([whole<CodeRow>('code').as('code'), whole<GrantRow>('granted').as('granted')])
      .where('code.code_hash', '=', codeHash).forUpdate().executeTakeFirst()
    if (row === undefined) return 'dead'
    const grant = toGrant(row.granted)
    const verdict = judgeRedemption(toCode(row.code), grant, now)
    if (verdict === 'replayed') await revokeGrant(trx, grant.id, now)
    if (verdict === 'redeemed') {
      await trx
        .with('consumed', (cte) => cte.updateTable('oauth_authorization_codes').set({ consumed_at: now })
          .where('code_hash', '=', codeHash).returning('code_hash'))
        .insertInto('oauth_tokens').values(tokens.map(fromToken)).execute()
    }
    return verdict
  })
}

/** Under the locks of token and grant. The successor is read after they are held: no one else can touch it then. */
export async function rotateRefreshToken (db: Database, { rotateToken }: HotPaths, rotation: Rotation): Promise<RotationResult> {
  const { tokenId, successor, accessToken, now } = rotation
  if (await rotateToken(tokenId, now, issued([successor, accessToken]), successor.id)) return { outcome: 'rotated', refreshToken: successor }
  return await inTransaction(db, async (trx) => {
    const row = await trx.selectFrom('oauth_tokens as token')
      .innerJoin('oauth_grants as granted', 'granted.grant_id', 'token.grant_id')
      .select([whole<TokenRow>('token').as('token'), whole<GrantRow>('granted').as('granted')])
      .where('token.token_id', '=', tokenId).forUpdate().executeTakeFirst()
    if (row === undefined) return { outcome: 'dead' }
    const token = toToken(row.token)
    const grant = toGrant(row.granted)
    const standing = await findSuccessor(trx, token) ?? successor
    const verdict = judgeExchange(token, grant, standing, now)
    if (verdict === 'reused') await revokeGrant(trx, grant.id, now)
    if (verdict !== 'rotate' && verdict !== 'repeat') return { outcome: verdict }
    await trx
      .with('consumed', (cte) => cte.updateTable('oauth_tokens')
        .set({ consumed_at: token.consumedAt ?? now, successor_id: standing.id })
        .where('token_id', '=', tokenId).returning('token_id'))
      .insertInto('oauth_tokens').values([standing, accessToken].map(fromToken))
      // Within the grace, the successor stands already.
      .onConflict((conflict) => conflict.column('token_id').doNothing()).execute()
    return { outcome: 'rotated', refreshToken: standing }
  })
}

export async function revokeToken (db: Database, tokenId: string): Promise<boolean> {
  const revoked = await db.updateTable('oauth_tokens').set({ active: false })
    .where('token_id', '=', tokenId).where('active', '=', true)
    .returning('token_id').executeTakeFirst()
  return revoked !== undefined
}

async function findSuccessor (db: Database, { successorId }: Token): Promise<Token | undefined> {
  if (successorId === null) return undefined
  const row = await db.selectFrom('oauth_tokens').selectAll().where('token_id', '=', successorId).executeTakeFirst()
  return row && toToken(row)
}

/** For a function, which takes JSON. */
function issued (tokens: readonly Token[]): string {
  return JSON.stringify(tokens.map((token) => ({ ...fromToken(token), scopes: token.scopes })))
}

function fromToken (token: Token): Insertable<Tables['oauth_tokens']> {
  return {
    token_id: token.id,
    token_type: token.type,
    grant_id: token.grantId,
    client_id: token.clientId,
    user_id: token.userId,
    resource: token.resource,
    scopes: JSON.stringify(token.scopes),
    key_id: token.keyId,
    created_at: token.issuedAt,
    expires_at: token.expiresAt,
    active: token.active,
    consumed_at: token.consumedAt,
    successor_id: token.successorId
  }
}
