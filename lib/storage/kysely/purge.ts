import { sql } from 'kysely'
import type { PurgeKind } from '../records.ts'
import { inTransaction } from './in-transaction.ts'
import type { Database } from './tables.ts'

// A number of our own: it only has to be the same in every replica.
const purgeLock = '7306917452018366466'

/** What is taken away is locked before, and what is locked by somebody else is left for the next time: nobody waits for housekeeping. */
type Purge = (trx: Database, before: Date, limit: number) => Promise<number>

/** Of any number of processes one is at work; the others are told so at once. */
export function purge (db: Database, kind: PurgeKind, before: Date, limit: number): Promise<number | undefined> {
  return inTransaction(db, async (trx) => {
    const { rows: [lock] } = await sql<{ held: boolean }>`SELECT pg_try_advisory_xact_lock(${sql.raw(purgeLock)}) AS held`.execute(trx)
    return lock?.held === true ? await purges[kind](trx, before, limit) : undefined
  })
}

const purges: Record<PurgeKind, Purge> = {
  tokens: purgeTokens,
  codes: purgeCodes,
  grants: purgeGrants,
  transactions: purgeTransactions,
  sessions: purgeSessions,
  clients: purgeClients
}

async function purgeTokens (trx: Database, before: Date, limit: number): Promise<number> {
  const expired = await trx
    .with('expired', (cte) => cte.selectFrom('oauth_tokens').select('token_id')
      .where('expires_at', '<', before).orderBy('expires_at').limit(limit).forUpdate().skipLocked())
    .deleteFrom('oauth_tokens').where('token_id', 'in', (eb) => eb.selectFrom('expired').select('expired.token_id'))
    .returning('grant_id').execute()
  await removeSpentGrants(trx, expired.map((row) => row.grant_id))
  return expired.length
}

/** A code that was used stays with its grant: that it comes back is a replay. RFC 6749 §4.1.2. */
async function purgeCodes (trx: Database, before: Date, limit: number): Promise<number> {
  const expired = await trx
    .with('expired', (cte) => cte.selectFrom('oauth_authorization_codes').select('code_hash')
      .where('consumed_at', 'is', null).where('expires_at', '<', before).orderBy('expires_at').limit(limit).forUpdate().skipLocked())
    .deleteFrom('oauth_authorization_codes').where('code_hash', 'in', (eb) => eb.selectFrom('expired').select('expired.code_hash'))
    .returning('grant_id').execute()
  await removeSpentGrants(trx, expired.map((row) => row.grant_id))
  return expired.length
}

/** Those that have expired. All else goes with its last token, or with a code that nobody used. */
async function purgeGrants (trx: Database, before: Date, limit: number): Promise<number> {
  const expired = await trx.selectFrom('oauth_grants as granted').select('granted.grant_id')
    .where('granted.expires_at', '<', before)
    .where(({ not, exists, selectFrom }) => not(exists(
      selectFrom('oauth_tokens as token').select('token.token_id').whereRef('token.grant_id', '=', 'granted.grant_id'))))
    .orderBy('granted.expires_at').limit(limit).execute()
  return await removeSpentGrants(trx, expired.map((row) => row.grant_id))
}

async function purgeTransactions (trx: Database, before: Date, limit: number): Promise<number> {
  const deleted = await trx
    .with('expired', (cte) => cte.selectFrom('oauth_transactions').select('handle_hash')
      .where('expires_at', '<', before).orderBy('expires_at').limit(limit).forUpdate().skipLocked())
    .deleteFrom('oauth_transactions').where('handle_hash', 'in', (eb) => eb.selectFrom('expired').select('expired.handle_hash'))
    .returning('handle_hash').execute()
  return deleted.length
}

async function purgeSessions (trx: Database, before: Date, limit: number): Promise<number> {
  const deleted = await trx
    .with('expired', (cte) => cte.selectFrom('oauth_sessions').select('session_hash')
      .where('expires_at', '<', before).orderBy('expires_at').limit(limit).forUpdate().skipLocked())
    .deleteFrom('oauth_sessions').where('session_hash', 'in', (eb) => eb.selectFrom('expired').select('expired.session_hash'))
    .returning('session_hash').execute()
  return deleted.length
}

/** Whoever grants first has cleared `unused_since` when the lock is had; whoever deletes first is seen by the grant's foreign key. */
async function purgeClients (trx: Database, before: Date, limit: number): Promise<number> {
  const deleted = await trx
    .with('unused', (cte) => cte.selectFrom('oauth_clients as client').select('client.client_id')
      .where('client.unused_since', '<', before).where('client.active', '=', true)
      // A server of before `unused_since` leaves it set.
      .where(({ not, exists, selectFrom }) => not(exists(
        selectFrom('oauth_grants as granted').select('granted.grant_id').whereRef('granted.client_id', '=', 'client.client_id'))))
      .orderBy('client.unused_since').limit(limit).forUpdate('client').skipLocked())
    .deleteFrom('oauth_clients').where('client_id', 'in', (eb) => eb.selectFrom('unused').select('unused.client_id'))
    .returning('client_id').execute()
  return deleted.length
}

/**
 * Removes those of these grants that nothing can come of: they have no token, and no code that may still be exchanged. Codes are locked
 * before grants, as their exchange does it. While a grant's row is locked, nobody stores a token of it: its foreign key waits.
 */
async function removeSpentGrants (trx: Database, candidates: ReadonlyArray<string | null>): Promise<number> {
  const ids = [...new Set(candidates)].filter((id) => id !== null)
  if (ids.length === 0) return 0
  const codes = await trx.selectFrom('oauth_authorization_codes').select('code_hash')
    .where('grant_id', 'in', ids).forUpdate().skipLocked().execute()
  const grants = await trx.selectFrom('oauth_grants').select('grant_id').where('grant_id', 'in', ids).forUpdate().skipLocked().execute()
  if (grants.length === 0) return 0
  // Another statement: it sees what was stored until the locks were had. `any` takes a list that is empty.
  const [heldCodes, heldGrants] = [codes.map((row) => row.code_hash), grants.map((row) => row.grant_id)]
  const removed = await trx
    .with('spent', (cte) => cte.selectFrom('oauth_grants as granted').select('granted.grant_id')
      .where('granted.grant_id', 'in', heldGrants)
      .where(({ not, exists, selectFrom }) => not(exists(
        selectFrom('oauth_tokens as token').select('token.token_id').whereRef('token.grant_id', '=', 'granted.grant_id'))))
      .where(({ not, exists, selectFrom }) => not(exists(
        selectFrom('oauth_authorization_codes as code').select('code.code_hash').whereRef('code.grant_id', '=', 'granted.grant_id')
          .where(sql<boolean>`code.code_hash <> ALL (${heldCodes}::text[])`)))))
    .with('codes', (cte) => cte.deleteFrom('oauth_authorization_codes')
      .where('grant_id', 'in', (eb) => eb.selectFrom('spent').select('spent.grant_id')).returning('code_hash'))
    .deleteFrom('oauth_grants').where('grant_id', 'in', (eb) => eb.selectFrom('spent').select('spent.grant_id'))
    .returning('grant_id').execute()
  return removed.length
}
