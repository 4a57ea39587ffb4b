import { KyselyStorage, migrateToLatest } from 'fastify-mcp-oauth/kysely'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { bearer } from '../contender.ts'
import { countedPool, type DatabaseServer } from '../database.ts'
import { appWithPlugin, minter } from '../plugin.ts'
import type { Result } from '../report.ts'
import { redirectUri } from '../oauth.ts'

const tables = ['user_profiles', 'oauth_clients', 'oauth_grants', 'oauth_tokens', 'oauth_authorization_codes', 'oauth_audit_events']
const [people, refreshes, calls] = [1000, 4, 20]

/** What a row takes on disk, with its indexes: of people who connect, refresh and call tools. */
export async function measureSizes (database: DatabaseServer): Promise<Result> {
  const { pool } = countedPool(await database.create('sizes'))
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  await migrateToLatest(db)
  const app = await appWithPlugin({ storage: new KyselyStorage(db) })
  const mint = await minter(app)
  await sql`INSERT INTO user_profiles (user_id, email, name, provider, provider_issuer, provider_user_id)
    SELECT substr(md5('u' || n), 1, 22), 'somebody.' || n || '@example.com', 'Somebody ' || n, 'google', 'https://accounts.google.com', (1e20 + n)::text FROM generate_series(1, ${people}::int) n`.execute(db)
  const post = async (url: string, payload: string | object, headers: Record<string, string> = {}) => {
    const response = await app.inject({ method: 'POST', url, payload, headers })
    if (response.statusCode >= 300) throw new Error(`${url}: ${response.statusCode} ${response.body}`)
    return response.json()
  }
  const metadata = { redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }
  for (let client = 0; client < people; client++) await post('/oauth/register', { client_name: `Client ${client}`, ...metadata })
  for (const { headers, body = '' } of await mint.codes(people)) {
    let tokens = await post('/oauth/token', body, headers)
    for (let refresh = 0; refresh < refreshes; refresh++) {
      tokens = await post('/oauth/token', new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token }).toString(), headers)
    }
    for (let call = 0; call < calls; call++) await post('/mcp', { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_restaurants' } }, bearer(tokens.access_token))
  }
  await app.close()
  const rows: Result['rows'] = {}
  for (const table of tables) {
    const { rows: [size] } = await sql<{ rows: string, table: string, indexes: string }>`SELECT count(*) AS rows, pg_table_size(${table}) AS table, pg_indexes_size(${table}) AS indexes FROM ${sql.table(table)}`.execute(db)
    const per = (bytes = '0') => Math.round(Number(bytes) / Number(size?.rows))
    rows[table] = { rows: Number(size?.rows), 'bytes a row': per(size?.table), 'of indexes': per(size?.indexes) }
  }
  await db.destroy()
  return { title: 'bytes a row, on PostgreSQL', rows, targets: [] }
}
