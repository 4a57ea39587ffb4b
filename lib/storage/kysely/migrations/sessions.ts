import { sql, type Kysely } from 'kysely'

const statements: readonly string[] = [
  // Sign-ins that are for no client.
  `ALTER TABLE oauth_transactions
    ALTER client_id DROP NOT NULL, ALTER redirect_uri DROP NOT NULL, ALTER scopes DROP NOT NULL, ALTER resource DROP NOT NULL,
    ALTER code_challenge DROP NOT NULL, ADD pending text`,
  `CREATE TABLE oauth_sessions (
    session_hash text PRIMARY KEY,
    kind text NOT NULL,
    user_id text NOT NULL,
    email text NOT NULL,
    provider text NOT NULL,
    authenticated_at timestamptz NOT NULL,
    is_proven boolean NOT NULL,
    pending text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
  )`,
  'ALTER TABLE oauth_grants ADD redirect_uri text, ADD last_used_at timestamptz'
]

/** Room for people who are signed in at a page of ours, and for what they see there. */
export async function up (db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
