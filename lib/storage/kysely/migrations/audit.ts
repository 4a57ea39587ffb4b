import { sql, type Kysely } from 'kysely'

const statements: readonly string[] = [
  `CREATE TABLE oauth_audit_events (
    writer text NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    actor_type text NOT NULL,
    actor_id text,
    actor_email text,
    user_id text,
    client_id text,
    grant_id text,
    token_id text,
    outcome text NOT NULL,
    reason text,
    request_id text,
    address text,
    user_agent text,
    details jsonb NOT NULL,
    PRIMARY KEY (writer, sequence)
  )`,
  'CREATE INDEX oauth_audit_events_at ON oauth_audit_events (at)',
  'CREATE INDEX oauth_audit_events_user ON oauth_audit_events (user_id, at) WHERE user_id IS NOT NULL',
  'CREATE INDEX oauth_audit_events_client ON oauth_audit_events (client_id, at) WHERE client_id IS NOT NULL',
  // Most events are of the one type that is left out.
  "CREATE INDEX oauth_audit_events_type ON oauth_audit_events (type, at) WHERE type <> 'access'",
  `CREATE TABLE oauth_audit_seals (
    writer text NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,
    sealed_at timestamptz NOT NULL,
    key_id text NOT NULL,
    previous_mac text NOT NULL,
    digest text NOT NULL,
    mac text NOT NULL,
    PRIMARY KEY (writer, last_sequence)
  )`,
  `CREATE TABLE oauth_audit_chains (
    writer text PRIMARY KEY,
    head_sequence bigint NOT NULL,
    head_mac text NOT NULL,
    head_key_id text NOT NULL,
    head_signature text NOT NULL,
    head_sealed_at timestamptz NOT NULL,
    checkpoint_sequence bigint,
    checkpoint_mac text,
    checkpoint_key_id text,
    checkpoint_signature text
  )`
]

/** Where the audit trail is kept. */
export async function up (db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
