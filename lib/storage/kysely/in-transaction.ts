import { errorCode } from './failures.ts'
import type { Database } from './tables.ts'

/** Its isolation is named, whatever the database's default is: a stricter one refuses what has waited for a lock. */
export function inTransaction<T> (db: Database, work: (trx: Database) => Promise<T>): Promise<T> {
  return db.transaction().setIsolationLevel('read committed').execute(work)
}

/** One statement, which is a transaction by itself. Where the database's default isolates that more strictly and refuses it (40001), it is done once more. */
export async function inOneStatement<T> (db: Database, statement: (db: Database) => Promise<T>): Promise<T> {
  try {
    return await statement(db)
  } catch (error) {
    if (errorCode(error) !== '40001') throw error
    return await inTransaction(db, statement)
  }
}
