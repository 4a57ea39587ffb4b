/** What both of the guide's schemas have; only the first has `oauth_tokens.created_at`. */
export const guideColumns: readonly string[] = [
  ...['id', 'user_id', 'email', 'name', 'picture', 'provider', 'provider_user_id', 'status', 'role', 'created_at', 'last_login_at', 'updated_at']
    .map((column) => `user_profiles.${column}`),
  ...['id', 'client_id', 'client_secret', 'client_name', 'redirect_uris', 'grant_types', 'created_at', 'active']
    .map((column) => `oauth_clients.${column}`),
  ...['id', 'token_id', 'client_id', 'user_id', 'token_type', 'expires_at', 'active']
    .map((column) => `oauth_tokens.${column}`)
]

/** The guide's tables, as it has them: what is true of these is true of those that are taken over. */
export const guideTables: readonly string[] = [
  `CREATE TABLE user_profiles (
    id SERIAL PRIMARY KEY,
    user_id VARCHAR(255) UNIQUE NOT NULL,
    email VARCHAR(255) UNIQUE NOT NULL,
    name VARCHAR(255),
    picture TEXT,
    provider VARCHAR(50),
    provider_user_id VARCHAR(255),
    status VARCHAR(20) DEFAULT 'active',
    role VARCHAR(20) DEFAULT 'user',
    created_at TIMESTAMPTZ DEFAULT NOW(),
    last_login_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ DEFAULT NOW()
  )`,
  `CREATE TABLE oauth_clients (
    id SERIAL PRIMARY KEY,
    client_id VARCHAR(255) UNIQUE NOT NULL,
    client_secret VARCHAR(255) NOT NULL,
    client_name VARCHAR(255) NOT NULL,
    redirect_uris JSONB NOT NULL,
    grant_types JSONB DEFAULT '["authorization_code"]'::jsonb,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    active BOOLEAN DEFAULT true
  )`,
  `CREATE TABLE oauth_tokens (
    id SERIAL PRIMARY KEY,
    token_id VARCHAR(255) UNIQUE NOT NULL,
    client_id VARCHAR(255) NOT NULL,
    user_id VARCHAR(255) NOT NULL,
    token_type VARCHAR(50) NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    active BOOLEAN DEFAULT true,
    created_at TIMESTAMPTZ DEFAULT NOW(),
    FOREIGN KEY (client_id) REFERENCES oauth_clients(client_id)
  )`,
  // Before PostgreSQL 13 the guide's INSERT finds its gen_random_uuid() here only; who may not create it does without.
  `DO $$ BEGIN
    IF to_regproc('gen_random_uuid') IS NULL THEN CREATE EXTENSION pgcrypto; END IF;
  EXCEPTION WHEN insufficient_privilege OR undefined_file THEN NULL;
  END $$`
]

/** From the guide's tables to ours. */
export const takeOver: readonly string[] = [
  `ALTER TABLE user_profiles
    ALTER user_id TYPE text, ALTER email TYPE text, ALTER name TYPE text, ALTER provider TYPE text,
    ALTER provider_user_id TYPE text, ALTER status TYPE text, ALTER role TYPE text,
    ADD provider_issuer text`,
  `ALTER TABLE oauth_clients
    ALTER client_id TYPE text, ALTER client_secret TYPE text, ALTER client_secret DROP NOT NULL, ALTER client_name TYPE text,
    ALTER grant_types SET DEFAULT '["authorization_code", "refresh_token"]',
    ADD token_endpoint_auth_method text, ADD client_uri text, ADD logo_uri text`,
  // Nothing here is a hash yet, not even what looks like one.
  `UPDATE oauth_clients SET client_secret = 'sha256:' ||
    rtrim(translate(encode(sha256(convert_to(client_secret, 'UTF8')), 'base64'), '+/', '-_'), '=')
    WHERE client_secret <> ''`,
  `UPDATE oauth_clients SET grant_types = grant_types || '["refresh_token"]'
    WHERE grant_types @> '["authorization_code"]' AND NOT grant_types @> '["refresh_token"]'`
]

/** What the guide does not have. */
export const ownTables: readonly string[] = [
  `CREATE TABLE oauth_grants (
    grant_id text PRIMARY KEY,
    client_id text NOT NULL REFERENCES oauth_clients (client_id),
    user_id text NOT NULL,
    email text NOT NULL,
    resource text NOT NULL,
    scopes jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
  )`,
  'CREATE INDEX oauth_grants_user ON oauth_grants (user_id)',
  // Tokens of before grants were kept have none, and open nothing any more.
  `ALTER TABLE oauth_tokens
    ALTER token_id TYPE text, ALTER client_id TYPE text, ALTER user_id TYPE text, ALTER token_type TYPE text,
    ADD grant_id text REFERENCES oauth_grants (grant_id), ADD resource text, ADD scopes jsonb, ADD key_id text,
    ADD consumed_at timestamptz, ADD successor_id text, ADD IF NOT EXISTS created_at timestamptz,
    ALTER created_at SET DEFAULT now()`,
  'CREATE INDEX oauth_tokens_grant ON oauth_tokens (grant_id)',
  `CREATE TABLE oauth_authorization_codes (
    code_hash text PRIMARY KEY,
    grant_id text NOT NULL REFERENCES oauth_grants (grant_id),
    redirect_uri text NOT NULL,
    code_challenge text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz
  )`,
  'CREATE INDEX oauth_authorization_codes_grant ON oauth_authorization_codes (grant_id)',
  `CREATE TABLE oauth_transactions (
    handle_hash text PRIMARY KEY,
    kind text NOT NULL,
    binding_hash text NOT NULL,
    consent_hash text NOT NULL UNIQUE,
    provider text NOT NULL,
    client_id text NOT NULL,
    redirect_uri text NOT NULL,
    state text,
    scopes jsonb NOT NULL,
    resource text NOT NULL,
    code_challenge text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    consumed_at timestamptz
  )`,
  'CREATE TABLE oauth_first_admins (email text PRIMARY KEY, created_at timestamptz NOT NULL)',
  'CREATE INDEX oauth_user_profiles_email ON user_profiles (lower(btrim(email, E\' \\t\\n\\r\') COLLATE "C"))',
  'CREATE INDEX oauth_user_profiles_subject ON user_profiles (provider_user_id)',
  // Who signed in as one identity is one row. Empty is as good as null: plain SQL may have put it in.
  `CREATE UNIQUE INDEX oauth_user_profiles_identity ON user_profiles (provider, provider_issuer, provider_user_id)
    WHERE provider <> '' AND provider_issuer <> '' AND provider_user_id <> ''`
]
