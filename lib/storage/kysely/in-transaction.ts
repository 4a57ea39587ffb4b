import type { Database } from './tables.ts'

/** Its isolation is named, whatever the database's default is: a stricter one refuses what has waited for a lock. */
export function inTransaction<T> (db: Database, work: (trx: Database) => Promise<T>): Promise<T> {
  return db.transaction().setIsolationLevel('read committed').execute(work)
}
