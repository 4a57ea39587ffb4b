import { sql, type Kysely } from 'kysely'

/** What a sign-in was asked for, and when it was. */
const statements: readonly string[] = [
  'ALTER TABLE oauth_transactions ADD nonce text, ADD prompts jsonb, ADD max_age integer, ADD login_hint text',
  'ALTER TABLE oauth_authorization_codes ADD nonce text, ADD authenticated_at timestamptz'
]

export async function up (db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
