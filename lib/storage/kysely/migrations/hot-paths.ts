import { sql, type Kysely } from 'kysely'

/** The row of the whitelist that `granted` is for; `ambiguous` where its e-mail stands there twice. */
const listed = `LEFT JOIN (
      SELECT own.user_id, own.email, own.name, own.picture, own.provider, own.provider_issuer, own.provider_user_id, own.status, own.role,
        own.created_at, own.last_login_at,
        EXISTS (SELECT FROM user_profiles other WHERE other.user_id <> own.user_id
          AND lower(btrim(other.email, E' \\t\\n\\r') COLLATE "C") = lower(btrim(own.email, E' \\t\\n\\r') COLLATE "C")) AS ambiguous
      FROM user_profiles own
    ) listed ON listed.user_id = granted.user_id`

/** @param body of PL/pgSQL, which may name the tables only: the function finds them in this schema, whoever calls */
const define = (declaration: string, schema: string, body: string) =>
  `CREATE FUNCTION ${declaration} LANGUAGE plpgsql SET search_path = pg_catalog, ${schema}, pg_temp AS $$ ${body} END $$`

/** A token or a code with the grant, client and user that it hangs on. As one value, it is answered about as fast as one row. */
const record = (name: string, part: string, table: string, key: string, schema: string) => define(`${name}(wanted text) RETURNS json STABLE`, schema, `BEGIN
  RETURN (
    SELECT json_build_object('${part}', row_to_json(part), 'granted', row_to_json(granted), 'client', row_to_json(client), 'user', row_to_json(listed))
    FROM ${table} part
    JOIN oauth_grants granted ON granted.grant_id = part.grant_id
    JOIN oauth_clients client ON client.client_id = granted.client_id
    ${listed}
    WHERE part.${key} = wanted);`)

const tokenColumns = 'token_id, token_type, grant_id, client_id, user_id, resource, scopes, key_id, created_at, expires_at, active, consumed_at, successor_id'

const insertTokens = `INSERT INTO oauth_tokens (${tokenColumns}) SELECT ${tokenColumns} FROM json_populate_recordset(NULL::oauth_tokens, issued);`

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
