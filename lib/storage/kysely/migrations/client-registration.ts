import { sql, type Kysely } from 'kysely'

const statements: readonly string[] = [
  // Null, as in every row of before: the client stays, however long it lies unused.
  'ALTER TABLE oauth_clients ADD metadata_hash text, ADD unused_since timestamptz',
  // Nulls are distinct here: only who has nothing but its metadata to be known by is found again.
  'CREATE UNIQUE INDEX oauth_clients_metadata ON oauth_clients (metadata_hash)',
  'CREATE INDEX oauth_clients_unused ON oauth_clients (unused_since) WHERE unused_since IS NOT NULL',
  // What refers to a client is looked up by its id when the client goes.
  'CREATE INDEX oauth_grants_client ON oauth_grants (client_id)',
  'CREATE INDEX oauth_tokens_client ON oauth_tokens (client_id)'
]

/** What lets registrations be found again, and expire. */
export async function up (db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
