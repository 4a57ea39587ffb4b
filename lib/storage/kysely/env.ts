import { Kysely, PostgresDialect } from 'kysely'
import { InvalidOptionError } from '../../errors.ts'
import { KyselyStorage, type KyselyStorageOptions } from './storage.ts'

export interface StorageFromEnvOptions extends KyselyStorageOptions {
  /** How long a statement may take, in milliseconds. @default 10000 */
  queryTimeout?: number
}

/**
 * A storage in the PostgreSQL that `DATABASE_URL` names, through a pool of its own: end it with `db.destroy()`. A server hears of changes on one
 * connection more, to `DATABASE_LISTEN_URL` where that is set: where `DATABASE_URL` leads to a pooler, the address of PostgreSQL itself; `none` for no
 * such connection.
 *
 * @throws {InvalidOptionError} where `DATABASE_URL` is absent, or one of them is no PostgreSQL URL.
 */
export async function storageFromEnv (
  env: NodeJS.ProcessEnv = process.env, { queryTimeout = 10_000, ...options }: StorageFromEnvOptions = {}
): Promise<{ db: Kysely<any>, storage: KyselyStorage }> {
  const connectionString = requireUrl('DATABASE_URL', env['DATABASE_URL'])
  const given = env['DATABASE_LISTEN_URL'] || connectionString
  const listenUrl = given === 'none' ? undefined : requireUrl('DATABASE_LISTEN_URL', given)
  // Only here: who brings a Kysely need not have pg.
  const { default: { Client, Pool } } = await import('pg')
  const pool = new Pool({ connectionString, connectionTimeoutMillis: 5000, query_timeout: queryTimeout, keepAlive: true })
  // A lost connection without a listener would end the process, idle or at work. Whoever uses it is told by its query.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  const listen = listenUrl === undefined ? undefined : () => new Client({ connectionString: listenUrl, connectionTimeoutMillis: 5000, keepAlive: true, keepAliveInitialDelayMillis: 10_000 })
  return { db, storage: new KyselyStorage(db, { ...listen && { listen }, ...options }) }
}

function requireUrl (name: string, value = ''): string {
  if (/^postgres(?:ql)?:\/\//.test(value)) return value
  throw new InvalidOptionError(name, 'set it to the URL of your PostgreSQL, as in postgres://user:password@host:5432/database')
}
