import { Kysely, PostgresDialect } from 'kysely'
import { InvalidOptionError } from '../../errors.ts'
import { KyselyStorage } from './storage.ts'

/**
 * A storage in the PostgreSQL that `DATABASE_URL` names, through a pool of its own: end it with `db.destroy()`.
 *
 * @throws {InvalidOptionError} where `DATABASE_URL` is absent or no PostgreSQL URL.
 */
export async function storageFromEnv (env: NodeJS.ProcessEnv = process.env): Promise<{ db: Kysely<any>, storage: KyselyStorage }> {
  const connectionString = env['DATABASE_URL'] ?? ''
  if (!/^postgres(?:ql)?:\/\//.test(connectionString)) {
    throw new InvalidOptionError('DATABASE_URL', 'set it to the URL of your PostgreSQL, as in postgres://user:password@host:5432/database')
  }
  // Only here: who brings a Kysely need not have pg.
  const { default: { Pool } } = await import('pg')
  const pool = new Pool({ connectionString, connectionTimeoutMillis: 5000, query_timeout: 10_000, keepAlive: true })
  // A lost connection without a listener would end the process, idle or at work. Whoever uses it is told by its query.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  return { db, storage: new KyselyStorage(db) }
}
