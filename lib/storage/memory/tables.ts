import type { AuthorizationCode, Client, Grant, Session, SigningKey, Token, Transaction, User } from '../records.ts'

export interface GrantEntry { grant: Grant, client: Client }

/** What a storage in memory keeps. */
export interface MemoryTables {
  readonly users: Map<string, User>
  readonly firstAdmins: Set<string>
  readonly clients: Map<string, Client>
  /** Of clients that registered themselves. */
  readonly registrations: Map<string, { client: Client, metadataHash: string | null, unusedSince: Date | null }>
  readonly transactions: Map<string, { transaction: Transaction, isConsumed: boolean }>
  /** Of transactions. */
  readonly consents: Set<string>
  readonly sessions: Map<string, Session>
  readonly grants: Map<string, GrantEntry>
  readonly codes: Map<string, GrantEntry & { code: AuthorizationCode }>
  readonly tokens: Map<string, GrantEntry & { token: Token }>
  readonly signingKeys: Map<string, SigningKey>
}

export function emptyTables (): MemoryTables {
  return {
    users: new Map(),
    firstAdmins: new Set(),
    clients: new Map(),
    registrations: new Map(),
    transactions: new Map(),
    consents: new Set(),
    sessions: new Map(),
    grants: new Map(),
    codes: new Map(),
    tokens: new Map(),
    signingKeys: new Map()
  }
}
