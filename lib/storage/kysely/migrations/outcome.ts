/** What all migrations together come to: the tables, each with its columns. A test holds it against a database that they have run on. */
export const columns: Readonly<Record<string, readonly string[]>> = Object.fromEntries(Object.entries({
  user_profiles: 'id user_id email name picture provider provider_user_id status role created_at last_login_at updated_at provider_issuer',
  oauth_clients: 'id client_id client_secret client_name redirect_uris grant_types created_at active token_endpoint_auth_method client_uri ' +
    'logo_uri document_fetched_at metadata_hash unused_since',
  oauth_tokens: 'id token_id client_id user_id token_type expires_at active created_at grant_id resource scopes key_id consumed_at successor_id',
  oauth_grants: 'grant_id client_id user_id email resource scopes created_at expires_at revoked_at redirect_uri last_used_at',
  oauth_authorization_codes: 'code_hash grant_id redirect_uri code_challenge created_at expires_at consumed_at nonce authenticated_at',
  oauth_transactions: 'handle_hash kind binding_hash consent_hash provider client_id redirect_uri state scopes resource code_challenge ' +
    'created_at expires_at consumed_at nonce prompts max_age login_hint client_document pending',
  oauth_sessions: 'session_hash kind user_id email provider authenticated_at is_proven pending created_at expires_at',
  oauth_signing_keys: 'key_id algorithm sealed_key token_lifetime created_at signs_from retired_at',
  oauth_first_admins: 'email created_at',
  oauth_migrations: 'name run_at',
  oauth_audit_events: 'writer sequence type at actor_type actor_id actor_email user_id client_id grant_id token_id outcome reason request_id ' +
    'address user_agent details',
  oauth_audit_seals: 'writer first_sequence last_sequence sealed_at key_id previous_mac digest mac',
  oauth_audit_chains: 'writer head_sequence head_mac head_key_id head_signature head_sealed_at checkpoint_sequence checkpoint_mac ' +
    'checkpoint_key_id checkpoint_signature'
}).map(([table, names]) => [table, names.split(' ')]))

/**
 * The indexes of each table, as PostgreSQL writes them down: what counts is what an index does, not what it is called. Those of the
 * `id` columns are the guide's, and nothing here needs them.
 */
export const indexes: Readonly<Record<string, readonly string[]>> = {
  user_profiles: [
    'UNIQUE (user_id)',
    'UNIQUE (email)',
    '(lower((btrim(email, \' \t\n\r\'::text) COLLATE "C")))',
    '(provider_user_id)',
    "UNIQUE (provider, provider_issuer, provider_user_id) WHERE ((provider <> ''::text) AND (provider_issuer <> ''::text) AND (provider_user_id <> ''::text))"
  ],
  oauth_clients: ['UNIQUE (client_id)', 'UNIQUE (metadata_hash)', '(unused_since) WHERE (unused_since IS NOT NULL)'],
  oauth_tokens: ['UNIQUE (token_id)', '(grant_id)', '(client_id)', '(expires_at)'],
  oauth_grants: ['UNIQUE (grant_id)', '(user_id)', '(client_id)', '(expires_at)'],
  oauth_authorization_codes: ['UNIQUE (code_hash)', '(grant_id)', '(expires_at) WHERE (consumed_at IS NULL)'],
  oauth_transactions: ['UNIQUE (handle_hash)', 'UNIQUE (consent_hash)', '(expires_at)'],
  oauth_sessions: ['UNIQUE (session_hash)', '(expires_at)'],
  oauth_signing_keys: ['UNIQUE (key_id)', 'UNIQUE (algorithm) WHERE (retired_at IS NULL)'],
  oauth_first_admins: ['UNIQUE (email)'],
  oauth_migrations: ['UNIQUE (name)'],
  oauth_audit_events: [
    'UNIQUE (writer, sequence)',
    '(at)',
    '(client_id, at) WHERE (client_id IS NOT NULL)',
    "(type, at) WHERE (type <> 'access'::text)",
    '(user_id, at) WHERE (user_id IS NOT NULL)'
  ],
  oauth_audit_seals: ['UNIQUE (writer, last_sequence)'],
  oauth_audit_chains: ['UNIQUE (writer)']
}

/** The triggers of each table. Those that tell of changes: without one, what it tells of counts within `revalidateAfter`. */
export const triggers: Readonly<Record<string, readonly string[]>> = {
  oauth_tokens: ['oauth_tell_all', 'oauth_tell_token', 'oauth_tell_token_removal'],
  oauth_grants: ['oauth_tell_all', 'oauth_tell_grant'],
  oauth_clients: ['oauth_tell_all', 'oauth_tell_client'],
  user_profiles: ['oauth_tell_all', 'oauth_tell_email', 'oauth_tell_user', 'oauth_tell_user_addition', 'oauth_tell_user_removal']
}

/** The functions, as PostgreSQL names them. */
export const functions: readonly string[] = [
  'oauth_tell_change()', 'oauth_token_record(text)', 'oauth_code_record(text)', 'oauth_redeem_code(text,timestamp with time zone,json)',
  'oauth_rotate_token(text,timestamp with time zone,json,text)'
]
