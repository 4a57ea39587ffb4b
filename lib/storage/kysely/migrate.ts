import { sql, type Kysely } from 'kysely'
import { InvalidOptionError } from '../../errors.ts'
import { requirePostgres, requireUtf8 } from './dialect.ts'
import { answerOf, errorCode } from './failures.ts'
import { inTransaction } from './in-transaction.ts'
import { createBookkeeping, migrations } from './migrations/index.ts'
import type { KyselyStorageOptions } from './storage.ts'
import type { Database } from './tables.ts'

// A number of our own: it only has to be the same in every replica.
const migrationLock = '7306917452018366465'

/**
 * Brings the tables to what this version needs, in one transaction: all of it, or nothing. Several replicas may call it at
 * once; one does the work, the others wait for it.
 *
 * Tables of the guide's server are taken over with their rows. The `schema` has to exist.
 *
 * @returns the names of the migrations that this call ran.
 * @throws {InvalidOptionError} where tables of these names are there that can't be taken over, or the database is not in UTF-8.
 */
export function migrateToLatest (db: Kysely<any>, { schema }: KyselyStorageOptions = {}): Promise<string[]> {
  requirePostgres(db)
  const plain: Database = db.withoutPlugins()
  return answerOf(inTransaction(plain, async (trx) => {
    await sql`SELECT pg_advisory_xact_lock(${sql.raw(migrationLock)})`.execute(trx)
    if (schema !== undefined) await useSchema(trx, schema)
    await requireUtf8(trx)
    await createBookkeeping(trx)
    const missing = await missingMigrations(trx)
    for (const [, migration] of missing) await migration.up(trx)
    return missing.map(([name]) => name)
  }))
}

/** @throws {InvalidOptionError} where a migration has not been run, or the database is not in UTF-8. */
export async function requireMigrated (db: Database): Promise<void> {
  await requireUtf8(db)
  const missing = await missingMigrations(db).catch((error: unknown) => {
    // undefined_table: not even the bookkeeping is there.
    if (errorCode(error) === '42P01') return Object.entries(migrations)
    throw error
  })
  if (missing.length === 0) return
  throw new InvalidOptionError('storage',
    'the database lacks tables of this version; run npx fastify-mcp-oauth migrate, or call migrateToLatest(db) before the start')
}

async function missingMigrations (db: Database) {
  const recorded = await db.selectFrom('oauth_migrations').select('name').execute()
  const done = new Set(recorded.map(({ name }) => name))
  return Object.entries(migrations).filter(([name]) => !done.has(name))
}

async function useSchema (trx: Database, schema: string): Promise<void> {
  await sql`SELECT set_config('search_path', quote_ident(${schema}), true)`.execute(trx)
  const { rows: [found] } = await sql<{ schema: string | null }>`SELECT current_schema() AS schema`.execute(trx)
  if (found?.schema !== null) return
  throw new InvalidOptionError('schema', `there is no schema ${schema}; create it first`)
}
