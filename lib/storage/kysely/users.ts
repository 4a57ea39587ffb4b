import { sql, type RawBuilder, type SqlBool } from 'kysely'
import { refuse } from '../sign-in.ts'
import type { NewUser, PageRequest, SignIn, SignInResult, User, UserChanges } from '../records.ts'
import { isActiveAdmin } from '../verdicts.ts'
import { contains, fold, foldedColumn } from './expressions.ts'
import { errorCode } from './failures.ts'
import { inTransaction } from './in-transaction.ts'
import { revokingGrants } from './revoking-grants.ts'
import { toUser } from './rows.ts'
import { userColumns, type Database, type UserRow } from './tables.ts'

/** A row of the whitelist, and whether another one has its e-mail in another spelling. */
export type ListedRow = UserRow & { ambiguous: SqlBool }

/** The whitelist, to be joined by whoever asks about one of its people. */
export function listedUsers (db: Database) {
  return db.selectFrom('user_profiles as own').select(userColumns)
    .select(({ exists, selectFrom }) => exists(selectFrom('user_profiles as other').select('other.user_id')
      .whereRef('other.user_id', '!=', 'own.user_id')
      .where(foldedColumn('other.email'), '=', foldedColumn('own.email'))).as('ambiguous'))
    .as('listed')
}

export async function findUser (db: Database, userId: string): Promise<User | undefined> {
  const row = await db.selectFrom('user_profiles').select(userColumns).where('user_id', '=', userId).executeTakeFirst()
  return row && toUser(row)
}

export async function listUsers (db: Database, email?: string): Promise<User[]> {
  const all = db.selectFrom('user_profiles').select(userColumns).orderBy('email')
  const rows = await (email === undefined ? all : all.where(foldedColumn('email'), '=', fold(email))).execute()
  return rows.map(toUser)
}

export async function searchUsers (db: Database, { search, offset = 0, limit }: PageRequest): Promise<User[]> {
  const all = db.selectFrom('user_profiles').select(userColumns)
  const rows = await (search === undefined ? all : all.where(({ or }) => or([contains('email', search), contains('name', search)])))
    .orderBy('email').orderBy('user_id').limit(limit).offset(offset).execute()
  return rows.map(toUser)
}

/** Folded before it is stored, so that the unique e-mail decides between two callers; the condition looks at rows from elsewhere. */
export async function addUser (db: Database, { id, email, name, role }: NewUser, now: Date): Promise<boolean> {
  const added = await db.insertInto('user_profiles')
    .columns(['user_id', 'email', 'name', 'status', 'role', 'created_at', 'updated_at'])
    .expression(db.selectNoFrom(({ cast, val }) => [
      cast<string>(val(id), 'text').as('user_id'),
      fold(email).as('email'),
      cast<string | null>(val(name), 'text').as('name'),
      sql.lit('active').as('status'),
      cast<string>(val(role), 'text').as('role'),
      cast<Date>(val(now), 'timestamptz').as('created_at'),
      cast<Date>(val(now), 'timestamptz').as('updated_at')
    ]).where(({ not, exists }) => not(exists(
      db.selectFrom('user_profiles as other').select('other.user_id').where(foldedColumn('other.email'), '=', fold(email))
    ))))
    .onConflict((conflict) => conflict.doNothing()).returning('user_id').executeTakeFirst()
  return added !== undefined
}

/** The marker's primary key picks the winner, and outlives the row. */
export function addFirstAdmin (db: Database, admin: NewUser, now: Date): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const marked = await trx.insertInto('oauth_first_admins').values({ email: fold(admin.email), created_at: now })
      .onConflict((conflict) => conflict.doNothing()).returning('email').executeTakeFirst()
    return marked !== undefined && await addUser(trx, admin, now)
  })
}

export async function updateUser (
  db: Database, userId: string, changes: UserChanges, now: Date, keepsAdmin = false
): Promise<User | 'taken' | 'last-admin' | undefined> {
  const row = await unlessTaken(inTransaction(db, async (trx) => {
    if (keepsAdmin && !isActiveAdmin({ role: 'admin', status: 'active', ...present(changes) }) && await isLastAdmin(trx, userId)) return 'last-admin'
    const updated = await updateWhereFree(trx, userId, changes, now)
    // What was given for another e-mail than the row has from now on.
    if (updated !== undefined && changes.email !== undefined) await revokingGrants(trx, userId, now).where('email', '!=', fold(changes.email)).execute()
    return updated
  }))
  if (row === 'last-admin') return row
  if (row !== undefined) return toUser(row)
  return await findUser(db, userId) && 'taken'
}

function present (changes: UserChanges): UserChanges {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

/** Under the locks of all who are: of two that take each other's role away, the second finds itself alone. */
async function isLastAdmin (trx: Database, userId: string): Promise<boolean> {
  const admins = await trx.selectFrom('user_profiles').select('user_id')
    .where('role', '=', 'admin').where('status', '=', 'active').orderBy('user_id').forUpdate().execute()
  return admins.length === 1 && admins[0]?.user_id === userId
}

export async function unpinUser (db: Database, userId: string, now: Date): Promise<boolean> {
  const unpinned = await db
    .with('revoked', (cte) => revokingGrants(cte, userId, now))
    .with('ended', (cte) => cte.deleteFrom('oauth_sessions').where('user_id', '=', userId).returning('session_hash'))
    .updateTable('user_profiles')
    .set({ provider: null, provider_issuer: null, provider_user_id: null, updated_at: now })
    .where('user_id', '=', userId).returning('user_id').executeTakeFirst()
  return unpinned !== undefined
}

function updateWhereFree (db: Database, userId: string, changes: UserChanges, now: Date): Promise<UserRow | undefined> {
  const { email, ...others } = changes
  const update = db.updateTable('user_profiles as u').set({ ...others, updated_at: now }).where('user_id', '=', userId)
  const guarded = email === undefined
    ? update
    : update.set({ email: fold(email) }).where(({ not, exists, selectFrom }) => not(exists(
      selectFrom('user_profiles as other').select('other.user_id')
        .whereRef('other.user_id', '!=', 'u.user_id').where(foldedColumn('other.email'), '=', fold(email))
    )))
  return guarded.returning(userColumns).executeTakeFirst()
}

export function removeUser (db: Database, userId: string, now: Date, keepsAdmin = false): Promise<boolean | 'last-admin'> {
  return inTransaction(db, async (trx) => {
    if (keepsAdmin && await isLastAdmin(trx, userId)) return 'last-admin'
    const removed = await trx
      .with('revoked', (cte) => revokingGrants(cte, userId, now))
      .deleteFrom('user_profiles').where('user_id', '=', userId).returning('user_id').executeTakeFirst()
    return removed !== undefined
  })
}

export async function signIn (db: Database, signIn: SignIn): Promise<SignInResult> {
  const row = await pin(db, signIn)
  if (row !== undefined) return { user: toUser(row) }
  const involved = await db.selectFrom('user_profiles as u').select(userColumns)
    .select(sql<boolean>`${foldedColumn('u.email')} = ${signIn.email}`.as('listed'))
    .where(({ or, eb }) => or([eb(foldedColumn('u.email'), '=', signIn.email), isPinnedTo('u', signIn)]))
    .orderBy('user_id').execute()
  const listed = involved.filter((user) => user.listed).map(toUser)
  const holders = involved.filter((user) => !user.listed).map(toUser)
  return refuse(listed, holders, signIn)
}

/** The row lock decides who pins a row; the unique index over the pins decides which row an identity is pinned to. */
function pin (db: Database, signIn: SignIn): Promise<UserRow | undefined> {
  const { email, provider, issuer, subject, name, picture, now } = signIn
  return unlessTaken(db.updateTable('user_profiles as u')
    .set({
      provider,
      provider_issuer: issuer,
      provider_user_id: subject,
      name: sql<string | null>`coalesce(${name}, u.name)`,
      picture: sql<string | null>`coalesce(${picture}, u.picture)`,
      last_login_at: now,
      updated_at: now
    })
    .where(foldedColumn('u.email'), '=', email)
    .where('u.status', '=', 'active')
    .where(isEmptyOr('u.provider', provider))
    .where(isEmptyOr('u.provider_issuer', issuer))
    .where(isEmptyOr('u.provider_user_id', subject))
    .where(({ not, exists, selectFrom }) => not(exists(
      selectFrom('user_profiles as other').select('other.user_id').whereRef('other.user_id', '!=', 'u.user_id')
        .where(({ eb, or }) => or([eb(foldedColumn('other.email'), '=', email), isPinnedTo('other', signIn)]))
    )))
    .returning(userColumns).executeTakeFirst())
}

function isPinnedTo (alias: string, { provider, issuer, subject }: SignIn): RawBuilder<boolean> {
  const column = (name: string) => sql.ref(`${alias}.${name}`)
  return sql<boolean>`(${column('provider')} = ${provider} AND ${column('provider_user_id')} = ${subject}
    AND ${isEmptyOr(`${alias}.provider_issuer`, issuer)})`
}

function isEmptyOr (column: string, value: string): RawBuilder<boolean> {
  return sql<boolean>`coalesce(nullif(${sql.ref(column)}, ''), ${value}) = ${value}`
}

async function unlessTaken<T> (update: Promise<T>): Promise<T | undefined> {
  try {
    return await update
  } catch (error) {
    // unique_violation: the e-mail or the identity went to another row meanwhile.
    if (errorCode(error) === '23505') return undefined
    throw error
  }
}
