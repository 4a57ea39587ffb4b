import { sql, type Kysely } from 'kysely'

/** Where every process that wants to know listens. */
export const channel = 'fastify_mcp_oauth'

/**
 * Tells of a row that access hangs on, `user:…` say, or `*` for everything: for ids that are long, for whole tables, and after a hundred in one
 * transaction. PostgreSQL delivers at the commit, and the same words of one transaction once.
 */
const tell = `CREATE FUNCTION oauth_tell_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  told integer := coalesce(substring(current_setting('fastify_mcp_oauth.told', true) FROM '^\\d{1,3}$'), '0')::integer;
  change text := '*';
BEGIN
  IF TG_NARGS = 1 AND told < 100 THEN
    -- One column, never the whole row: whatever the application keeps beside it is none of our business.
    CASE TG_ARGV[0]
      WHEN 'token' THEN change := 'token:' || OLD.token_id;
      WHEN 'grant' THEN change := 'grant:' || OLD.grant_id;
      WHEN 'client' THEN change := 'client:' || OLD.client_id;
      WHEN 'user' THEN change := 'user:' || OLD.user_id;
    END CASE;
    IF change IS NULL OR octet_length(change) > 500 THEN change := '*'; END IF;
    PERFORM set_config('fastify_mcp_oauth.told', (told + 1)::text, true);
  END IF;
  PERFORM pg_notify('${channel}', change);
  RETURN NULL;
END $$`

const trigger = (name: string, when: string, condition: string, told = '') =>
  `CREATE TRIGGER oauth_tell_${name} AFTER ${when} FOR EACH ROW WHEN (${condition}) EXECUTE FUNCTION oauth_tell_change(${told})`

const differs = (columns: string) => {
  const of = (row: string) => columns.split(' ').map(column => `${row}.${column}`).join(', ')
  return `(${of('OLD')}) IS DISTINCT FROM (${of('NEW')})`
}

const wholeTables = ['oauth_tokens', 'oauth_grants', 'oauth_clients', 'user_profiles']

/** What the hot paths write meets no condition of these: codes and refresh tokens that are used up, the last use of a grant, rows whose time is over. */
const statements: readonly string[] = [
  tell,
  trigger('token', 'UPDATE ON oauth_tokens',
    `OLD.active AND OLD.token_type = 'access_token' AND ${differs('token_id token_type grant_id client_id user_id resource scopes key_id expires_at active')}`,
    "'token'"),
  trigger('token_removal', 'DELETE ON oauth_tokens', "OLD.active AND OLD.token_type = 'access_token' AND OLD.expires_at > now()", "'token'"),
  trigger('grant', 'UPDATE ON oauth_grants', differs('grant_id client_id user_id email resource scopes expires_at revoked_at'), "'grant'"),
  trigger('client', 'UPDATE ON oauth_clients', differs('client_id client_name active'), "'client'"),
  trigger('user', 'UPDATE ON user_profiles', differs('user_id email name status role'), "'user'"),
  trigger('user_removal', 'DELETE ON user_profiles', 'true', "'user'"),
  // An e-mail may be there twice now, which ends access for both.
  trigger('email', 'UPDATE ON user_profiles', differs('email')),
  trigger('user_addition', 'INSERT ON user_profiles', 'true'),
  ...wholeTables.map(table => `CREATE TRIGGER oauth_tell_all AFTER TRUNCATE ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION oauth_tell_change()`)
]

/** Triggers that tell every process what has changed, whoever changed it: by the server, the command line or plain SQL. */
export async function up (db: Kysely<any>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db)
}
