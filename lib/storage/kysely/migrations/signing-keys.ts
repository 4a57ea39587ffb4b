import { sql, type Kysely } from 'kysely'

const statements = [
  `CREATE TABLE oauth_signing_keys (
    key_id text PRIMARY KEY,
    algorithm text NOT NULL,
    sealed_key text NOT NULL,
    token_lifetime integer NOT NULL,
    created_at timestamptz NOT NULL,
    signs_from timestamptz NOT NULL,
    retired_at timestamptz
  )`,
  // Of any number of processes that make a key at once, one stores it.
  'CREATE UNIQUE INDEX oauth_signing_keys_current ON oauth_signing_keys (algorithm) WHERE retired_at IS NULL'
]

/** Where the keys are kept whose public halves are published. */
export async function up (db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
