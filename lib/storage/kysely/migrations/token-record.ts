import { sql, type Kysely } from 'kysely'

/**
 * What the guard asks for: a token with its grant, client and user. As a function, PostgreSQL keeps its plan for as long as a connection lasts,
 * through every pooler; making it anew takes several times as long as the look-up itself.
 */
const tokenRecord = (schema: string) => `CREATE FUNCTION oauth_token_record(wanted text)
  RETURNS TABLE (found_token jsonb, found_grant jsonb, found_client jsonb, found_user jsonb)
  LANGUAGE plpgsql STABLE SET search_path = pg_catalog, ${schema}, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT to_jsonb(token), to_jsonb(granted), to_jsonb(client), to_jsonb(listed)
    FROM oauth_tokens token
    JOIN oauth_grants granted ON granted.grant_id = token.grant_id
    JOIN oauth_clients client ON client.client_id = granted.client_id
    LEFT JOIN (
      SELECT own.user_id, own.email, own.name, own.picture, own.provider, own.provider_issuer, own.provider_user_id, own.status, own.role,
        own.created_at, own.last_login_at,
        EXISTS (SELECT FROM user_profiles other WHERE other.user_id <> own.user_id
          AND lower(btrim(other.email, E' \\t\\n\\r') COLLATE "C") = lower(btrim(own.email, E' \\t\\n\\r') COLLATE "C")) AS ambiguous
      FROM user_profiles own
    ) listed ON listed.user_id = granted.user_id
    WHERE token.token_id = wanted;
END $$`

/** The look-up of the hot path. Whoever may read the tables may call it: it runs with the caller's rights. */
export async function up (db: Kysely<any>): Promise<void> {
  // The schema that the tables are in, whoever calls, by whatever search path.
  const { rows: [found] } = await sql<{ schema: string }>`SELECT quote_ident(current_schema()) AS schema`.execute(db)
  await sql.raw(tokenRecord(String(found?.schema))).execute(db)
  await sql.raw('GRANT EXECUTE ON FUNCTION oauth_token_record(text) TO PUBLIC').execute(db)
}
