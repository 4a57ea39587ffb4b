import type { AuthorizationCode, CodeRecord, Connection, Grant, GrantRecord, Living, PageRequest, TokenRecord } from '../records.ts'
import { readClient } from './clients.ts'
import { contains, whole } from './expressions.ts'
import type { GrantRecordRow, HotPaths } from './hot-paths.ts'
import { revokingGrants } from './revoking-grants.ts'
import { toClient, toCode, toGrant, toToken, toUser } from './rows.ts'
import type { ClientRow, Database, GrantRow } from './tables.ts'

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
      redirect_uri: grant.redirectUri,
      created_at: grant.createdAt,
      last_used_at: grant.lastUsedAt,
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

export async function revokeGrants (db: Database, userId: string, clientId: string | undefined, now: Date): Promise<number> {
  const all = revokingGrants(db, userId, now)
  const revoked = await (clientId === undefined ? all : all.where('client_id', '=', clientId)).execute()
  return revoked.length
}

export async function revokeEveryGrant (db: Database, limit: number, now: Date): Promise<number> {
  const revoked = await db
    .with('alive', (cte) => cte.selectFrom('oauth_grants').select('grant_id').where('revoked_at', 'is', null).where('expires_at', '>', now).limit(limit))
    .updateTable('oauth_grants').set({ revoked_at: now }).where('grant_id', 'in', (eb) => eb.selectFrom('alive').select('alive.grant_id'))
    .where('revoked_at', 'is', null).returning('grant_id').execute()
  return revoked.length
}

export async function listConnections (db: Database, userId: string, now: Date): Promise<Connection[]> {
  return await readConnections(connections(db, now).where('granted.user_id', '=', userId))
}

export async function searchConnections (db: Database, { search, offset = 0, limit }: PageRequest, now: Date): Promise<Connection[]> {
  const all = connections(db, now)
  const found = search === undefined ? all : all.where(({ or }) => or(searched.map((column) => contains(column, search))))
  return await readConnections(found.limit(limit).offset(offset))
}

const searched = ['granted.grant_id', 'granted.user_id', 'granted.email', 'client.client_id', 'client.client_name']

function connections (db: Database, now: Date) {
  return db.selectFrom('oauth_grants as granted')
    .innerJoin('oauth_clients as client', 'client.client_id', 'granted.client_id')
    .select([whole<GrantRow>('granted').as('granted'), whole<ClientRow>('client').as('client')])
    .where('granted.revoked_at', 'is', null).where('granted.expires_at', '>', now)
    .orderBy('granted.created_at', 'desc').orderBy('granted.grant_id')
}

async function readConnections (query: { execute (): Promise<Array<{ granted: GrantRow, client: ClientRow }>> }): Promise<Connection[]> {
  const rows = await query.execute()
  return rows.map(({ granted, client }) => ({ grant: toGrant(granted), client: toClient(client) }))
}

export async function touchGrant (db: Database, grantId: string, before: Date, now: Date): Promise<void> {
  await db.updateTable('oauth_grants').set({ last_used_at: now }).where('grant_id', '=', grantId)
    .where(({ eb, or }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<', before)])).execute()
}

export async function countLiving (db: Database, now: Date): Promise<Living> {
  const { grants, clients } = await db.selectNoFrom(({ fn, selectFrom }) => [
    selectFrom('oauth_grants').select(fn.countAll().as('count')).where('revoked_at', 'is', null).where('expires_at', '>', now).as('grants'),
    selectFrom('oauth_clients').select(fn.countAll().as('count')).where('active', '=', true).as('clients')
  ]).executeTakeFirstOrThrow()
  // A bigint: `pg` reads it as a string.
  return { grants: Number(grants), clients: Number(clients) }
}

export async function findCode (db: Database, { findCode }: HotPaths, codeHash: string): Promise<CodeRecord | undefined> {
  const row = await findCode(codeHash)
  return row && { code: toCode(row.code), ...await readGrant(db, row) }
}

export async function findToken (db: Database, { findToken }: HotPaths, tokenId: string): Promise<TokenRecord | undefined> {
  const row = await findToken(tokenId)
  return row && { token: toToken(row.token), ...await readGrant(db, row) }
}

async function readGrant (db: Database, { granted, client, user }: GrantRecordRow): Promise<GrantRecord> {
  return {
    grant: toGrant(granted),
    client: await readClient(db, client),
    user: user === null ? undefined : toUser(user),
    ambiguous: user?.ambiguous === true
  }
}
