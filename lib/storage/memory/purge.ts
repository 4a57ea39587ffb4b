import type { PurgeKind } from '../records.ts'
import type { MemoryTables } from './tables.ts'

interface Due { at: Date, remove: () => void }

/** Removes what is due. @returns how many, the grants that go along not counted */
export function purgeMemory (tables: MemoryTables, kind: PurgeKind, before: Date, limit: number): number {
  const due = dues[kind](tables).filter(({ at }) => at < before).sort((one, other) => one.at.getTime() - other.at.getTime()).slice(0, limit)
  for (const { remove } of due) remove()
  return due.length
}

const dues: Record<PurgeKind, (tables: MemoryTables) => Due[]> = {
  tokens: tables => [...tables.tokens.values()].map(({ token }) => ({
    at: token.expiresAt,
    remove: () => {
      tables.tokens.delete(token.id)
      if (!hasToken(tables, token.grantId)) removeGrant(tables, token.grantId)
    }
  })),
  codes: tables => [...tables.codes.values()].filter(({ code }) => code.consumedAt === null).map(({ code }) => ({
    at: code.expiresAt, remove: () => { removeGrant(tables, code.grantId) }
  })),
  grants: tables => [...tables.grants.values()].filter(({ grant }) => !hasToken(tables, grant.id)).map(({ grant }) => ({
    at: grant.expiresAt, remove: () => { removeGrant(tables, grant.id) }
  })),
  transactions: tables => [...tables.transactions.values()].map(({ transaction }) => ({
    at: transaction.expiresAt,
    remove: () => {
      tables.transactions.delete(transaction.handleHash)
      tables.consents.delete(transaction.consentHash)
    }
  })),
  sessions: tables => [...tables.sessions.values()].map(({ expiresAt, sessionHash }) => ({
    at: expiresAt, remove: () => { tables.sessions.delete(sessionHash) }
  })),
  clients: tables => [...tables.registrations.values()].flatMap(({ client, unusedSince }) => unusedSince === null || !client.active
    ? []
    : [{
        at: unusedSince,
        remove: () => {
          tables.clients.delete(client.id)
          tables.registrations.delete(client.id)
        }
      }])
}

function hasToken ({ tokens }: MemoryTables, grantId: string): boolean {
  return [...tokens.values()].some(({ token }) => token.grantId === grantId)
}

function removeGrant ({ codes, grants }: MemoryTables, grantId: string): void {
  for (const [codeHash, { code }] of codes) if (code.grantId === grantId) codes.delete(codeHash)
  grants.delete(grantId)
}
