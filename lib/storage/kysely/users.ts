import { sql, type RawBuilder } from 'kysely'
import { refuse } from '../sign-in.ts'
import type { NewUser, SignIn, SignInResult, User, UserChanges } from '../types.ts'
import { fold, foldedColumn } from './expressions.ts'
import { errorCode } from './failures.ts'
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

export async function addUser (db: Database, user: NewUser, now: Date): Promise<boolean> {
  const added = await insertWhereUnlisted(user, now, sql`true`).execute(db)
  return added.rows.length > 0
}

/** One statement: the marker's primary key picks the winner, and marker and row come together or not at all. */
export async function addFirstAdmin (db: Database, admin: NewUser, now: Date): Promise<boolean> {
  const added = await sql`
    WITH marker AS (
      INSERT INTO ${sql.table('oauth_first_admins')} (email, created_at) VALUES (${fold(admin.email)}, ${now})
      ON CONFLICT DO NOTHING RETURNING email
    ) ${insertWhereUnlisted(admin, now, sql`EXISTS (SELECT FROM marker)`)}`.execute(db)
  return added.rows.length > 0
}

/** Folded before it is stored, so that the unique e-mail decides between two callers; the condition looks at rows from elsewhere. */
function insertWhereUnlisted ({ id, email, name, role }: NewUser, now: Date, condition: RawBuilder<unknown>): RawBuilder<unknown> {
  const users = sql.table('user_profiles')
  return sql`
    INSERT INTO ${users} (user_id, email, name, status, role, created_at, updated_at)
    SELECT ${id}::text, ${fold(email)}, ${name}::text, 'active', ${role}::text, ${now}::timestamptz, ${now}::timestamptz
    WHERE ${condition} AND NOT EXISTS (SELECT FROM ${users} AS other WHERE ${foldedColumn('other.email')} = ${fold(email)})
    ON CONFLICT DO NOTHING RETURNING user_id`
}

export async function updateUser (db: Database, userId: string, changes: UserChanges, now: Date): Promise<User | false | undefined> {
  const { email, ...others } = changes
  const update = db.updateTable('user_profiles as u').set({ ...others, updated_at: now }).where('user_id', '=', userId)
  const guarded = email === undefined
    ? update
    : update.set({ email: fold(email) }).where(({ not, exists, selectFrom }) => not(exists(
      selectFrom('user_profiles as other').select('other.user_id')
        .whereRef('other.user_id', '!=', 'u.user_id').where(foldedColumn('other.email'), '=', fold(email))
    )))
  const row = await unlessTaken(guarded.returning(userColumns).executeTakeFirst())
  if (row !== undefined) return toUser(row)
  return await findUser(db, userId) && false
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
