import { KyselyStorage, migrateToLatest } from 'fastify-mcp-oauth/kysely'
import { Kysely, PostgresDialect } from 'kysely'
import { betterAuthServer } from '../better-auth/server.ts'
import type { Contender, Contenders } from '../contender.ts'
import { countedPool } from '../database.ts'
import { appWithPlugin, minter } from '../plugin.ts'
import { oidcProviderServer } from './oidc-provider.ts'

/** As it comes, with its audit trail. */
async function plugin (): Promise<Contender> {
  const { pool, statements } = countedPool(process.env['BENCHMARK_PLUGIN'] ?? '')
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  await migrateToLatest(db)
  const app = await appWithPlugin({ storage: new KyselyStorage(db) })
  const { codes } = await minter(app)
  return { url: await app.listen({ host: '127.0.0.1', port: 0 }), statements, prepare: codes }
}

export const contenders: Contenders = new Map([
  ['fastify-mcp-oauth', plugin],
  ['better-auth', betterAuthServer],
  ['oidc-provider', oidcProviderServer]
])
