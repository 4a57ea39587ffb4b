import { sql, type Kysely } from 'kysely'

/** The row of the whitelist that `granted` is for; `ambiguous` where its e-mail stands there twice. */
const listed = `LEFT JOIN (
      SELECT own.user_id, own.email, own.name, own.picture, own.provider, own.provider_issuer, own.provider_user_id, own.status, own.role,
        own.created_at, own.last_login_at,
        EXISTS (SELECT FROM user_profiles other WHERE other.user_id <> own.user_id
          AND lower(btrim(other.email, E' \\t\\n\\r') COLLATE "C") = lower(btrim(own.email, E' \\t\\n\\r') COLLATE "C")) AS ambiguous
      FROM user_profiles own
    ) listed ON listed.user_id = granted.user_id`

/**
 * Made to hold whatever else there is in the database: functions are named with their schema, so that none of the same name comes before them, and no
 * column that the application has added is taken for a parameter or a row.
 *
 * @param body of PL/pgSQL, which may name the tables only: the function finds them in this schema, whoever calls
 */
const define = (declaration: string, schema: string, body: string) =>
  `CREATE FUNCTION ${declaration} LANGUAGE plpgsql SET search_path = pg_catalog, ${schema}, pg_temp AS $$ #variable_conflict use_variable\n${body} END $$`

/** Null where an outer join found none. */
const row = (alias: string) => `pg_catalog.row_to_json(${alias}.*)`

/** A token or a code with the grant, client and user that it hangs on. As one value, it is answered about as fast as one row. */
const record = (name: string, part: string, table: string, key: string, schema: string) => define(`${name}(wanted text) RETURNS json STABLE`, schema, `BEGIN
  RETURN (
    SELECT pg_catalog.json_build_object('${part}', ${row('part')}, 'granted', ${row('granted')}, 'client', ${row('client')}, 'user', ${row('listed')})
    FROM ${table} part
    JOIN oauth_grants granted ON granted.grant_id = part.grant_id
    JOIN oauth_clients client ON client.client_id = granted.client_id
    ${listed}
    WHERE part.${key} = wanted);`)

const tokenColumns = {
  token_id: 'text',
  token_type: 'text',
  grant_id: 'text',
  client_id: 'text',
  user_id: 'text',
  resource: 'text',
  scopes: 'jsonb',
  key_id: 'text',
  created_at: 'timestamptz',
  expires_at: 'timestamptz',
  active: 'boolean',
  consumed_at: 'timestamptz',
  successor_id: 'text'
}

const insertTokens = `INSERT INTO oauth_tokens (${Object.keys(tokenColumns).join(', ')})
    SELECT t.* FROM pg_catalog.json_to_recordset(issued) t(${Object.entries(tokenColumns).map(definition => definition.join(' ')).join(', ')});`

/**
 * Uses something up, where it is alive and unused: under its lock and its grant's, as everything that happens to a grant. What else there is to say,
 * nobody asks here. It is found by its key alone, so that no plan goes by another index.
 */
const consume = (declaration: string, table: string, key: string, isAlive: string, set: string, schema: string) => define(`${declaration} RETURNS boolean`, schema, `
DECLARE
  good boolean;
BEGIN
  SELECT part.consumed_at IS NULL AND part.expires_at > at ${isAlive} AND granted.revoked_at IS NULL AND granted.expires_at > at INTO good
    FROM ${table} part JOIN oauth_grants granted ON granted.grant_id = part.grant_id WHERE part.${key} = wanted FOR UPDATE;
  IF good IS NOT TRUE THEN RETURN false; END IF;
  UPDATE ${table} SET ${set} WHERE ${key} = wanted;
  ${insertTokens}
  RETURN true;`)

/**
 * The hot paths as functions. PostgreSQL keeps their plans for as long as a connection lasts, through every pooler, and making one anew takes several
 * times as long as the look-up itself; what takes a transaction of four statements is one.
 */
const functions = (schema: string): readonly string[] => [
  record('oauth_token_record', 'token', 'oauth_tokens', 'token_id', schema),
  record('oauth_code_record', 'code', 'oauth_authorization_codes', 'code_hash', schema),
  consume('oauth_redeem_code(wanted text, at timestamptz, issued json)', 'oauth_authorization_codes', 'code_hash', '', 'consumed_at = at', schema),
  consume('oauth_rotate_token(wanted text, at timestamptz, issued json, successor text)', 'oauth_tokens', 'token_id',
    "AND part.token_type = 'refresh_token' AND part.active", 'consumed_at = at, successor_id = successor', schema)
]

/** Whoever may use the tables may call them: they run with the caller's rights. */
export async function up (db: Kysely<any>): Promise<void> {
  // The schema that the tables are in, whoever calls, by whatever search path.
  const { rows: [found] } = await sql<{ schema: string }>`SELECT quote_ident(current_schema()) AS schema`.execute(db)
  for (const statement of functions(String(found?.schema))) await sql.raw(statement).execute(db)
  for (const name of ['oauth_token_record', 'oauth_code_record', 'oauth_redeem_code', 'oauth_rotate_token']) {
    await sql.raw(`GRANT EXECUTE ON FUNCTION ${name} TO PUBLIC`).execute(db)
  }
}
