import { PostgresAdapter, sql, type Kysely } from 'kysely'
import { InvalidOptionError } from '../../errors.ts'

/** @throws {InvalidOptionError} where the dialect is not PostgreSQL's or one built on it, as PGlite's is. */
export function requirePostgres (db: Kysely<any>): void {
  const { adapter } = db.getExecutor()
  if (adapter instanceof PostgresAdapter || lineOf(adapter).includes('PostgresAdapter')) return
  throw new InvalidOptionError('storage', `${adapter.constructor.name} is not supported; use Kysely's PostgresDialect or a PGlite dialect`)
}

/** As in `UTF8`. */
export async function encodingOf (db: Kysely<any>): Promise<string> {
  const { rows: [found] } = await sql<{ encoding: string }>`SELECT current_setting('server_encoding') AS encoding`.execute(db)
  return String(found?.encoding)
}

/**
 * A client id that comes from anybody may be any text: where it can't be written, the look-up fails, for all who share it.
 *
 * @throws {InvalidOptionError} where the database is not in UTF-8.
 */
export async function requireUtf8 (db: Kysely<any>): Promise<void> {
  const encoding = await encodingOf(db)
  if (encoding === 'UTF8') return
  throw new InvalidOptionError('database', `it is in ${encoding}, which can not hold every text; use one that was made with ENCODING 'UTF8' TEMPLATE template0`)
}

/** By name too: a dialect that was loaded as CommonJS extends another copy of the same class. */
function lineOf (value: object): string[] {
  const parent: unknown = Object.getPrototypeOf(value)
  return typeof parent === 'object' && parent !== null ? [parent.constructor.name, ...lineOf(parent)] : []
}
