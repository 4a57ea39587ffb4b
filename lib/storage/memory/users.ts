import { isActiveAdmin } from '../verdicts.ts'
import { admits, foldEmail, isPinnedTo, refuse } from '../sign-in.ts'
import type { NewUser, PageRequest, SignIn, SignInResult, User, UserChanges } from '../records.ts'
import { endGrants } from './grants.ts'
import { pageOf } from './page.ts'
import type { MemoryTables } from './tables.ts'

export function addFirstAdmin (tables: MemoryTables, admin: NewUser, now: Date): boolean {
  const email = foldEmail(admin.email)
  if (tables.firstAdmins.has(email)) return false
  tables.firstAdmins.add(email)
  return insertUser(tables, admin, now)
}

export function addUser (tables: MemoryTables, user: NewUser, now: Date): boolean {
  return insertUser(tables, user, now)
}

export function findUser (tables: MemoryTables, userId: string): User | undefined {
  return structuredClone(tables.users.get(userId))
}

export function listUsers (tables: MemoryTables, email?: string): User[] {
  if (email !== undefined) return structuredClone(listed(tables, email))
  return structuredClone(usersByEmail(tables))
}

export function searchUsers (tables: MemoryTables, page: PageRequest): User[] {
  return pageOf(usersByEmail(tables), page, ({ email, name }) => `${email}\n${name ?? ''}`)
}

export function updateUser (tables: MemoryTables, userId: string, changes: UserChanges, now: Date, keepsAdmin = false): User | 'taken' | 'last-admin' | undefined {
  const user = tables.users.get(userId)
  if (user === undefined) return undefined
  const email = foldEmail(changes.email ?? user.email)
  if (listed(tables, email).some((other) => other !== user)) return 'taken'
  const present = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  if (keepsAdmin && !isActiveAdmin({ ...user, ...present }) && isLastAdmin(tables, user)) return 'last-admin'
  endGrants(tables, userId, now, email)
  return structuredClone(Object.assign(user, present, { email }))
}

export function unpinUser (tables: MemoryTables, userId: string, now: Date): boolean {
  const user = tables.users.get(userId)
  if (user === undefined) return false
  Object.assign(user, { provider: null, providerIssuer: null, providerUserId: null })
  for (const [sessionHash, session] of tables.sessions) if (session.userId === userId) tables.sessions.delete(sessionHash)
  endGrants(tables, userId, now)
  return true
}

export function removeUser (tables: MemoryTables, userId: string, now: Date, keepsAdmin = false): boolean | 'last-admin' {
  const user = tables.users.get(userId)
  if (keepsAdmin && user !== undefined && isLastAdmin(tables, user)) return 'last-admin'
  endGrants(tables, userId, now)
  return tables.users.delete(userId)
}

export function signIn (tables: MemoryTables, signIn: SignIn): SignInResult {
  const rows = listed(tables, signIn.email)
  const holders = [...tables.users.values()].filter((user) => isPinnedTo(user, signIn) && !rows.includes(user))
  const [user, ...twins] = rows
  if (user === undefined || twins.length + holders.length > 0 || !admits(user, signIn)) {
    return refuse(rows, holders, signIn)
  }
  return {
    user: structuredClone(Object.assign(user, {
      provider: signIn.provider,
      providerIssuer: signIn.issuer,
      providerUserId: signIn.subject,
      name: signIn.name ?? user.name,
      picture: signIn.picture ?? user.picture,
      lastLoginAt: signIn.now
    }))
  }
}

/** Nobody gets in twice, in whatever spelling. */
function insertUser (tables: MemoryTables, { id, email, name, role }: NewUser, now: Date): boolean {
  if (listed(tables, email).length > 0) return false
  tables.users.set(id, {
    id,
    email: foldEmail(email),
    name,
    picture: null,
    status: 'active',
    role,
    provider: null,
    providerIssuer: null,
    providerUserId: null,
    createdAt: now,
    lastLoginAt: null
  })
  return true
}

function listed (tables: MemoryTables, email: string): User[] {
  return [...tables.users.values()].filter((user) => foldEmail(user.email) === foldEmail(email))
}

function usersByEmail (tables: MemoryTables): User[] {
  return [...tables.users.values()].sort((one, other) => one.email < other.email ? -1 : 1)
}

function isLastAdmin (tables: MemoryTables, user: User): boolean {
  return isActiveAdmin(user) && [...tables.users.values()].filter(isActiveAdmin).length === 1
}
