import { refuseTransaction } from '../verdicts.ts'
import type { Session, SessionRecord, Transaction, TransactionKey, TransactionRefusal } from '../records.ts'
import type { MemoryTables } from './tables.ts'

export function createTransaction (tables: MemoryTables, transaction: Transaction): boolean {
  if (tables.consents.has(transaction.consentHash)) return false
  tables.consents.add(transaction.consentHash)
  tables.transactions.set(transaction.handleHash, { transaction: structuredClone(transaction), isConsumed: false })
  return true
}

export function findTransaction (tables: MemoryTables, key: TransactionKey): Transaction | TransactionRefusal {
  return standing(tables, key)
}

export function consumeTransaction (tables: MemoryTables, key: TransactionKey): Transaction | TransactionRefusal {
  const found = standing(tables, key)
  const entry = tables.transactions.get(key.handleHash)
  if (entry !== undefined && typeof found === 'object') entry.isConsumed = true
  return found
}

function standing (tables: MemoryTables, key: TransactionKey): Transaction | TransactionRefusal {
  const entry = tables.transactions.get(key.handleHash)
  if (entry === undefined) return 'unknown'
  return refuseTransaction(entry, key) ?? structuredClone(entry.transaction)
}

export function createSession (tables: MemoryTables, session: Session): void {
  tables.sessions.set(session.sessionHash, structuredClone(session))
}

export function findSession (tables: MemoryTables, sessionHash: string, now: Date): SessionRecord | undefined {
  const session = tables.sessions.get(sessionHash)
  if (session === undefined || session.expiresAt <= now) return undefined
  return structuredClone({ session, user: tables.users.get(session.userId), ambiguous: false })
}

export function endSession (tables: MemoryTables, sessionHash: string): void {
  tables.sessions.delete(sessionHash)
}
