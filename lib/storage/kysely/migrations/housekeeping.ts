import { sql, type Kysely } from 'kysely'

const statements: readonly string[] = [
  'CREATE INDEX oauth_tokens_expiry ON oauth_tokens (expires_at)',
  'CREATE INDEX oauth_grants_expiry ON oauth_grants (expires_at)',
  'CREATE INDEX oauth_authorization_codes_expiry ON oauth_authorization_codes (expires_at) WHERE consumed_at IS NULL',
  'CREATE INDEX oauth_transactions_expiry ON oauth_transactions (expires_at)',
  'CREATE INDEX oauth_sessions_expiry ON oauth_sessions (expires_at)'
]

/** What finds the rows whose time is over. */
export async function up (db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
