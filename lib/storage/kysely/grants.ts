import type { SqlBool } from 'kysely'
import type { AuthorizationCode, CodeRecord, Grant, GrantRecord, TokenRecord } from '../records.ts'
import { readClient } from './clients.ts'
import { foldedColumn, whole } from './expressions.ts'
import { toCode, toGrant, toToken, toUser } from './rows.ts'
import { userColumns, type ClientRow, type CodeRow, type Database, type GrantRow, type TokenRow, type UserRow } from './tables.ts'

/** One statement: both rows come, or neither. The client's is written once only, at its first grant. */
export async function createGrant (db: Database, grant: Grant, code: AuthorizationCode): Promise<void> {
  await db
    .with('granted', (cte) => cte.insertInto('oauth_grants').values({
      grant_id: grant.id,
      client_id: grant.clientId,
      user_id: grant.userId,
      email: grant.email,
      resource: grant.resource,
      scopes: JSON.stringify(grant.scopes),
      created_at: grant.createdAt,
      expires_at: grant.expiresAt,
      revoked_at: grant.revokedAt
    }).returning('grant_id'))
    .with('used', (cte) => cte.updateTable('oauth_clients').set({ unused_since: null })
      .where('client_id', '=', grant.clientId).where('unused_since', 'is not', null).returning('client_id'))
    .insertInto('oauth_authorization_codes').values({
      code_hash: code.codeHash,
      grant_id: code.grantId,
      redirect_uri: code.redirectUri,
      code_challenge: code.codeChallenge,
      nonce: code.nonce,
      authenticated_at: code.authenticatedAt,
      created_at: code.createdAt,
      expires_at: code.expiresAt,
      consumed_at: code.consumedAt
    }).execute()
}

export async function revokeGrant (db: Database, grantId: string, now: Date): Promise<boolean> {
  const revoked = await db.updateTable('oauth_grants').set({ revoked_at: now })
    .where('grant_id', '=', grantId).where('revoked_at', 'is', null)
    .returning('grant_id').executeTakeFirst()
  return revoked !== undefined
}

export async function findCode (db: Database, codeHash: string): Promise<CodeRecord | undefined> {
  const row = await grantRecords(db)
    .innerJoin('oauth_authorization_codes as code', 'code.grant_id', 'granted.grant_id')
    .select(whole<CodeRow>('code').as('code'))
    .where('code.code_hash', '=', codeHash).executeTakeFirst()
  return row && { code: toCode(row.code), ...await readGrant(db, row) }
}

export async function findToken (db: Database, tokenId: string): Promise<TokenRecord | undefined> {
  const row = await grantRecords(db)
    .innerJoin('oauth_tokens as token', 'token.grant_id', 'granted.grant_id')
    .select(whole<TokenRow>('token').as('token'))
    .where('token.token_id', '=', tokenId).executeTakeFirst()
  return row && { token: toToken(row.token), ...await readGrant(db, row) }
}

interface GrantRecordRow { granted: GrantRow, client: ClientRow, user: UserRow | null, ambiguous: SqlBool }

/** What every question about a code or a token asks along: one query, so that its parts fit each other. */
function grantRecords (db: Database) {
  return db.selectFrom('oauth_grants as granted')
    .innerJoin('oauth_clients as client', 'client.client_id', 'granted.client_id')
    .leftJoin(
      (eb) => eb.selectFrom('user_profiles').select(userColumns).as('listed'),
      (join) => join.onRef('listed.user_id', '=', 'granted.user_id'))
    .select(({ exists, selectFrom }) => [
      whole<GrantRow>('granted').as('granted'),
      whole<ClientRow>('client').as('client'),
      whole<UserRow | null>('listed').as('user'),
      exists(selectFrom('user_profiles as other').select('other.user_id')
        .whereRef('other.user_id', '!=', 'listed.user_id')
        .where(foldedColumn('other.email'), '=', foldedColumn('listed.email'))).as('ambiguous')
    ])
}

async function readGrant (db: Database, { granted, client, user, ambiguous }: GrantRecordRow): Promise<GrantRecord> {
  return {
    grant: toGrant(granted),
    client: await readClient(db, client),
    user: user === null ? undefined : toUser(user),
    ambiguous: ambiguous === true
  }
}
