import { sql, type RawBuilder } from 'kysely'
import { refuse } from '../sign-in.ts'
import type { NewUser, SignIn, SignInResult, User, UserChanges } from '../records.ts'
import { fold, foldedColumn } from './expressions.ts'
import { errorCode } from './failures.ts'
import { inTransaction } from './in-transaction.ts'
import { toUser } from './rows.ts'
import { userColumns, type Database, type UserRow } from './tables.ts'

export async function findUser (db: Database, userId: string): Promise<User | undefined> {
  const row = await db.selectFrom('user_profiles').select(userColumns).where('user_id', '=', userId).executeTakeFirst()
  return row && toUser(row)
}

export async function listUsers (db: Database, email?: string): Promise<User[]> {
  const all = db.selectFrom('user_profiles').select(userColumns).orderBy('email')
  const rows = await (email === undefined ? all : all.where(foldedColumn('email'), '=', fold(email))).execute()
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

export async function updateUser (db: Database, userId: string, changes: UserChanges, now: Date): Promise<User | false | undefined> {
  const row = await unlessTaken(inTransaction(db, async (trx) => {
    const updated = await updateWhereFree(trx, userId, changes, now)
    if (updated !== undefined && changes.email !== undefined) await revokeGrantsOfOthers(trx, userId, changes.email, now)
    return updated
  }))
  if (row !== undefined) return toUser(row)
  return await findUser(db, userId) && false
}

/** What was given for another e-mail than the row has from now on. */
async function revokeGrantsOfOthers (db: Database, userId: string, email: string, now: Date): Promise<void> {
  await db.updateTable('oauth_grants').set({ revoked_at: now })
    .where('user_id', '=', userId).where('email', '!=', fold(email)).where('revoked_at', 'is', null).execute()
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

export async function removeUser (db: Database, userId: string, now: Date): Promise<boolean> {
  const removed = await db
    .with('revoked', (cte) => cte.updateTable('oauth_grants').set({ revoked_at: now })
      .where('user_id', '=', userId).where('revoked_at', 'is', null).returning('grant_id'))
    .deleteFrom('user_profiles').where('user_id', '=', userId).returning('user_id').executeTakeFirst()
  return removed !== undefined
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
