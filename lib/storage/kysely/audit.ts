import { sql, type Expression, type RawBuilder } from 'kysely'
import type { AuditBatch, AuditChain, AuditCheckpoint, AuditFilter, AuditRecord, AuditSeal } from '../audit.ts'
import { toAuditChain, toAuditRecord, toAuditSeal } from './audit-rows.ts'
import { inTransaction } from './in-transaction.ts'
import type { Database } from './tables.ts'

/** The columns behind `writer`, in the order that a batch's text has them, and how each is read out of it. */
const columns = {
  sequence: 'bigint',
  type: 'text',
  at: 'time',
  actor_type: 'text',
  actor_id: 'text',
  actor_email: 'text',
  user_id: 'text',
  client_id: 'text',
  grant_id: 'text',
  token_id: 'text',
  outcome: 'text',
  reason: 'text',
  request_id: 'text',
  address: 'text',
  user_agent: 'text',
  details: 'json'
} as const

const names = ['writer', ...Object.keys(columns)] as ReadonlyArray<'writer' | keyof typeof columns>

const readers: Readonly<Record<string, (index: RawBuilder<number>) => RawBuilder<unknown>>> = {
  bigint: index => sql`(event ->> ${index})::bigint`,
  text: index => sql`event ->> ${index}`,
  time: index => sql`to_timestamp((event ->> ${index})::float8 / 1000)`,
  json: index => sql`event -> ${index}`
}

/** One statement: all of it, or nothing. What is there already, as after an answer that was lost, stays. */
export async function appendAudit (db: Database, { seal, head, text }: AuditBatch): Promise<void> {
  const values = Object.values(columns).map((type, index) => readers[type]?.(sql.lit(index)))
  await db
    .with('stored_events', (qb) => qb.insertInto('oauth_audit_events')
      .columns([...names])
      .expression(sql`SELECT ${seal.writer}, ${sql.join(values)} FROM jsonb_array_elements(${text}::jsonb) AS event`)
      .onConflict((conflict) => conflict.doNothing()))
    .with('stored_seal', (qb) => qb.insertInto('oauth_audit_seals').values({
      writer: seal.writer,
      first_sequence: seal.first,
      last_sequence: seal.last,
      sealed_at: seal.sealedAt,
      key_id: seal.keyId,
      previous_mac: seal.previous,
      digest: seal.digest,
      mac: seal.mac
    }).onConflict((conflict) => conflict.doNothing()))
    .insertInto('oauth_audit_chains').values({
      writer: head.writer,
      head_sequence: head.sequence,
      head_mac: head.mac,
      head_key_id: head.keyId,
      head_signature: head.signature,
      head_sealed_at: head.sealedAt
    })
    .onConflict((conflict) => conflict.column('writer').doUpdateSet((eb) => ({
      head_sequence: eb.ref('excluded.head_sequence'),
      head_mac: eb.ref('excluded.head_mac'),
      head_key_id: eb.ref('excluded.head_key_id'),
      head_signature: eb.ref('excluded.head_signature'),
      head_sealed_at: eb.ref('excluded.head_sealed_at')
    })).where('oauth_audit_chains.head_sequence', '<', (eb) => eb.ref('excluded.head_sequence')))
    .execute()
}

export async function queryAudit (db: Database, { userId, clientId, types, since, until, before, limit }: AuditFilter): Promise<AuditRecord[]> {
  let query = db.selectFrom('oauth_audit_events').selectAll()
  if (userId !== undefined) query = query.where('user_id', '=', userId)
  if (clientId !== undefined) query = query.where('client_id', '=', clientId)
  if (types !== undefined) query = query.where('type', 'in', types)
  if (since !== undefined) query = query.where('at', '>=', since)
  if (until !== undefined) query = query.where('at', '<', until)
  if (before !== undefined) {
    // The index knows the time alone.
    query = query.where('at', '<=', before.at)
      .where(sql<boolean>`(at, writer COLLATE "C", sequence) < (${before.at}::timestamptz, ${before.writer}, ${before.sequence}::bigint)`)
  }
  const rows = await query.orderBy('at', 'desc').orderBy(sql`writer COLLATE "C"`, 'desc').orderBy('sequence', 'desc').limit(limit).execute()
  return rows.map(toAuditRecord)
}

/**
 * Jumps along the key from one writer to the next: however many rows there are, as many steps as there are writers.
 *
 * @param first the lowest one
 * @param next the lowest one above `writers.writer`
 */
async function writersBy (db: Database, first: Expression<unknown>, next: Expression<unknown>): Promise<string[]> {
  const { rows } = await sql<{ writer: string }>`
    WITH RECURSIVE writers AS (${first} UNION ALL SELECT (${next}) FROM writers WHERE writers.writer IS NOT NULL)
    SELECT writer FROM writers WHERE writer IS NOT NULL`.execute(db)
  return rows.map(({ writer }) => writer)
}

const lowest = sql<string>`min(writer)`.as('writer')
const isLater = sql<boolean>`writer > writers.writer`

export async function listAuditChains (db: Database): Promise<AuditChain[]> {
  // In this order: whatever is found there has its chain by then.
  const [events, seals] = [db.selectFrom('oauth_audit_events').select(lowest), db.selectFrom('oauth_audit_seals').select(lowest)]
  const writers = [...await writersBy(db, events, events.where(isLater)), ...await writersBy(db, seals, seals.where(isLater))]
  const rows = await db.selectFrom('oauth_audit_chains').selectAll().execute()
  const chains = new Map(rows.map((row) => [row.writer, row]))
  return [...new Set([...writers, ...chains.keys()])].sort().map((writer) => toAuditChain(writer, chains.get(writer)))
}

export async function listAuditSeals (db: Database, writer: string, after: number, limit: number): Promise<AuditSeal[]> {
  const rows = await db.selectFrom('oauth_audit_seals').selectAll()
    .where('writer', '=', writer).where('last_sequence', '>', after).orderBy('last_sequence').limit(limit).execute()
  return rows.map(toAuditSeal)
}

export async function listAuditRecords (db: Database, writer: string, first: number, last: number, limit: number): Promise<AuditRecord[]> {
  const rows = await db.selectFrom('oauth_audit_events').selectAll()
    .where('writer', '=', writer).where('sequence', '>=', first).where('sequence', '<=', last).orderBy('sequence').limit(limit).execute()
  return rows.map(toAuditRecord)
}

/** The row of the chain decides who removes. */
export function removeAudit (db: Database, { writer, sequence, mac, keyId, signature }: AuditCheckpoint, before: number): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const marked = await trx.updateTable('oauth_audit_chains')
      .set({ checkpoint_sequence: sequence, checkpoint_mac: mac, checkpoint_key_id: keyId, checkpoint_signature: signature })
      .where('writer', '=', writer).where(sql<boolean>`coalesce(checkpoint_sequence, 0) = ${before}`)
      .returning('writer').executeTakeFirst()
    if (marked === undefined) return false
    await trx.deleteFrom('oauth_audit_events').where('writer', '=', writer).where('sequence', '<=', sequence).execute()
    await trx.deleteFrom('oauth_audit_seals').where('writer', '=', writer).where('last_sequence', '<=', sequence).execute()
    return true
  })
}
