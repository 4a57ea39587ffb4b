import type { SigningKey } from '../records.ts'
import type { MemoryTables } from './tables.ts'

export function listSigningKeys (tables: MemoryTables): SigningKey[] {
  return structuredClone([...tables.signingKeys.values()])
}

export function addSigningKey (tables: MemoryTables, key: SigningKey): boolean {
  for (const { algorithm, retiredAt } of tables.signingKeys.values()) {
    if (algorithm === key.algorithm && retiredAt === null) return false
  }
  tables.signingKeys.set(key.id, structuredClone(key))
  return true
}

export function retireSigningKey (tables: MemoryTables, keyId: string, now: Date): boolean {
  return change(tables, keyId, ({ retiredAt }) => retiredAt === null, { retiredAt: now })
}

export function extendSigningKey (tables: MemoryTables, keyId: string, tokenLifetime: number): boolean {
  return change(tables, keyId, key => key.tokenLifetime < tokenLifetime, { tokenLifetime })
}

export function resealSigningKey (tables: MemoryTables, keyId: string, from: string, to: string): boolean {
  return change(tables, keyId, ({ sealed }) => sealed === from, { sealed: to })
}

export function removeSigningKey (tables: MemoryTables, keyId: string): boolean {
  const key = tables.signingKeys.get(keyId)
  return key !== undefined && key.retiredAt !== null && tables.signingKeys.delete(keyId)
}

function change (tables: MemoryTables, keyId: string, condition: (key: SigningKey) => boolean, changes: Partial<SigningKey>): boolean {
  const key = tables.signingKeys.get(keyId)
  if (key === undefined || !condition(key)) return false
  Object.assign(key, changes)
  return true
}
