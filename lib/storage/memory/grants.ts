import { isAlive, judgeExchange, judgeRedemption } from '../verdicts.ts'
import type {
  AuthorizationCode, CodeRecord, Connection, Grant, GrantRecord, Living, PageRequest, Redemption, RedemptionResult, Rotation, RotationResult, Token, TokenRecord
} from '../records.ts'
import { pageOf } from './page.ts'
import type { GrantEntry, MemoryTables } from './tables.ts'

export function createGrant (tables: MemoryTables, grant: Grant, code: AuthorizationCode): void {
  const client = tables.clients.get(grant.clientId)
  if (client === undefined) throw new Error('The client of the grant is not stored')
  const entry = { grant: structuredClone(grant), client }
  const registration = tables.registrations.get(grant.clientId)
  if (registration !== undefined) registration.unusedSince = null
  tables.grants.set(grant.id, entry)
  tables.codes.set(code.codeHash, { ...entry, code: structuredClone(code) })
}

export function findCode (tables: MemoryTables, codeHash: string): CodeRecord | undefined {
  const entry = tables.codes.get(codeHash)
  return entry && structuredClone({ code: entry.code, ...recordOf(tables, entry) })
}

export function redeemCode (tables: MemoryTables, { codeHash, accessToken, refreshToken, now }: Redemption): RedemptionResult {
  const entry = tables.codes.get(codeHash)
  if (entry === undefined) return 'dead'
  const { code, grant } = entry
  const verdict = judgeRedemption(code, grant, now)
  if (verdict === 'replayed') grant.revokedAt = now
  if (verdict === 'redeemed') {
    code.consumedAt = now
    store(tables, entry, accessToken, refreshToken)
  }
  return verdict
}

export function findToken (tables: MemoryTables, tokenId: string): TokenRecord | undefined {
  const entry = tables.tokens.get(tokenId)
  return entry && structuredClone({ token: entry.token, ...recordOf(tables, entry) })
}

export function rotateRefreshToken (tables: MemoryTables, { tokenId, successor, accessToken, now }: Rotation): RotationResult {
  const entry = tables.tokens.get(tokenId)
  if (entry === undefined) return { outcome: 'dead' }
  const { token, grant } = entry
  const standing = tables.tokens.get(token.successorId ?? '')?.token ?? successor
  const verdict = judgeExchange(token, grant, standing, now)
  if (verdict === 'reused') grant.revokedAt = now
  if (verdict !== 'rotate' && verdict !== 'repeat') return { outcome: verdict }
  if (verdict === 'rotate') Object.assign(token, { consumedAt: now, successorId: standing.id })
  store(tables, entry, standing, accessToken)
  return { outcome: 'rotated', refreshToken: structuredClone(standing) }
}

export function revokeToken (tables: MemoryTables, tokenId: string): boolean {
  const token = tables.tokens.get(tokenId)?.token
  if (token?.active !== true) return false
  token.active = false
  return true
}

export function revokeGrant (tables: MemoryTables, grantId: string, now: Date): boolean {
  const grant = tables.grants.get(grantId)?.grant
  if (grant?.revokedAt !== null) return false
  grant.revokedAt = now
  return true
}

export function listConnections (tables: MemoryTables, userId: string, now: Date): Connection[] {
  const living = [...tables.grants.values()].filter(({ grant }) => grant.userId === userId && isAlive(grant, now))
  return structuredClone(living.sort((one, other) => other.grant.createdAt.getTime() - one.grant.createdAt.getTime()))
}

export function searchConnections (tables: MemoryTables, page: PageRequest, now: Date): Connection[] {
  const living = [...tables.grants.values()].filter(({ grant }) => isAlive(grant, now))
  const newestFirst = living.sort((one, other) => other.grant.createdAt.getTime() - one.grant.createdAt.getTime())
  return pageOf(newestFirst, page, ({ grant, client }) => [grant.id, grant.userId, grant.email, client.id, client.name].join('\n'))
}

export function revokeEveryGrant (tables: MemoryTables, limit: number, now: Date): number {
  const living = [...tables.grants.values()].filter(({ grant }) => isAlive(grant, now)).slice(0, limit)
  for (const { grant } of living) grant.revokedAt = now
  return living.length
}

export function revokeGrants (tables: MemoryTables, userId: string, clientId: string | undefined, now: Date): number {
  const living = [...tables.grants.values()].filter(({ grant }) =>
    grant.userId === userId && (clientId === undefined || grant.clientId === clientId) && grant.revokedAt === null)
  for (const { grant } of living) grant.revokedAt = now
  return living.length
}

export function touchGrant (tables: MemoryTables, grantId: string, before: Date, now: Date): void {
  const grant = tables.grants.get(grantId)?.grant
  if (grant !== undefined && (grant.lastUsedAt === null || grant.lastUsedAt < before)) grant.lastUsedAt = now
}

export function countLiving (tables: MemoryTables, now: Date): Living {
  const grants = [...tables.grants.values()].filter(({ grant }) => isAlive(grant, now))
  const clients = [...tables.clients.values()].filter(({ active }) => active)
  return { grants: grants.length, clients: clients.length }
}

/** All of a user's, or all but those given for an e-mail. */
export function endGrants (tables: MemoryTables, userId: string, now: Date, email?: string): void {
  for (const { grant } of tables.grants.values()) {
    if (grant.userId === userId && grant.email !== email) grant.revokedAt ??= now
  }
}

function recordOf (tables: MemoryTables, { grant, client }: GrantEntry): GrantRecord {
  return { grant, client, user: tables.users.get(grant.userId), ambiguous: false }
}

function store (tables: MemoryTables, { grant, client }: GrantEntry, ...tokens: Array<Token | undefined>): void {
  for (const token of tokens) {
    if (token !== undefined) tables.tokens.set(token.id, { grant, client, token: structuredClone(token) })
  }
}
