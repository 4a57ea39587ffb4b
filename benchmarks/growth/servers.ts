import { KyselyStorage, migrateToLatest } from 'fastify-mcp-oauth/kysely'
import { Kysely, PostgresDialect } from 'kysely'
import { bearer, type Contender, type Contenders } from '../contender.ts'
import { countedPool, query } from '../database.ts'
import { appWithPlugin, minter } from '../plugin.ts'

/** Rows like those of a sign-in; foreign keys and triggers are for rows that come one by one. */
const filling = (tokens: number) => {
  const [users, grants] = [Math.max(100, tokens / 10), tokens / 2]
  const redirectUri = 'https://client.example.com/callback'
  return [
    'SET session_replication_role = replica',
    `INSERT INTO user_profiles (user_id, email, name, status, role, provider, provider_issuer, provider_user_id)
      SELECT 'u' || n, 'u' || n || '@example.com', 'User ' || n, 'active', 'user', 'google', 'https://accounts.google.com', 's' || n FROM generate_series(1, ${users}) n`,
    `INSERT INTO oauth_clients (client_id, client_name, redirect_uris, token_endpoint_auth_method, metadata_hash, active)
      SELECT 'c' || n, 'Client ' || n, '["${redirectUri}"]', 'none', 'h' || n, true FROM generate_series(1, ${users}) n`,
    `INSERT INTO oauth_grants (grant_id, client_id, user_id, email, resource, scopes, redirect_uri, created_at, expires_at)
      SELECT md5('g' || n), 'c' || (n % ${users} + 1), 'u' || (n % ${users} + 1), 'u' || (n % ${users} + 1) || '@example.com', 'https://api.example.com/mcp', '["email"]', '${redirectUri}',
        now() - n % 90 * interval '1 day', now() + interval '90 days' FROM generate_series(1, ${grants}) n`,
    `INSERT INTO oauth_tokens (token_id, token_type, grant_id, client_id, user_id, resource, scopes, key_id, created_at, expires_at, active)
      SELECT md5('t' || n), CASE WHEN n % 2 = 0 THEN 'access_token' ELSE 'refresh_token' END, md5('g' || ((n + 1) / 2)), 'c' || ((n + 1) / 2 % ${users} + 1), 'u' || ((n + 1) / 2 % ${users} + 1),
        'https://api.example.com/mcp', '["email"]', 'key', now(), now() + n % 30 * interval '1 day', true FROM generate_series(1, ${tokens}) n`,
    'VACUUM ANALYZE'
  ]
}

async function over (database: string, tokens: number): Promise<Contender> {
  const { pool, statements } = countedPool(database)
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  await migrateToLatest(db)
  await query(database, ...filling(tokens))
  const app = await appWithPlugin({ storage: new KyselyStorage(db), audit: { access: false } })
  const mint = await minter(app)
  return {
    url: await app.listen({ host: '127.0.0.1', port: 0 }),
    statements,
    prepare: async (count, kind) => kind === 'code'
      ? await mint.codes(count)
      : (await mint.accessTokens(count)).map(token => ({ method: 'POST', path: '/mcp', headers: { ...bearer(token), 'content-type': 'application/json' }, body: '{}' }))
  }
}

export const contenders: Contenders = new Map([
  ['few', async () => await over(process.env['BENCHMARK_FEW'] ?? '', 1000)],
  ['many', async () => await over(process.env['BENCHMARK_MANY'] ?? '', Number(process.env['BENCHMARK_TOKENS']))]
])
