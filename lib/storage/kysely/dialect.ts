import { PostgresAdapter, type Kysely } from 'kysely'
import { InvalidOptionError } from '../../errors.ts'

/** @throws {InvalidOptionError} where the dialect is not PostgreSQL's or one built on it, as PGlite's is. */
export function requirePostgres (db: Kysely<any>): void {
  const { adapter } = db.getExecutor()
  if (adapter instanceof PostgresAdapter || lineOf(adapter).includes('PostgresAdapter')) return
  throw new InvalidOptionError('storage', `${adapter.constructor.name} is not supported; use Kysely's PostgresDialect or a PGlite dialect`)
}

/** By name too: a dialect that was loaded as CommonJS extends another copy of the same class. */
function lineOf (value: object): string[] {
  const parent: unknown = Object.getPrototypeOf(value)
  return typeof parent === 'object' && parent !== null ? [parent.constructor.name, ...lineOf(parent)] : []
}
