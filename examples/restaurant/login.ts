import type { FastifyInstance } from 'fastify'
import mcpOAuth, { optionsFromEnv } from 'fastify-mcp-oauth'
import { KyselyStorage, migrateToLatest } from 'fastify-mcp-oauth/kysely'
import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** Puts the login in front of `/mcp` and the API. All that the server needs to be protected is here. */
export async function login (app: FastifyInstance, { db, env }: { db: Kysely<Database>, env: NodeJS.ProcessEnv }): Promise<void> {
  const options = optionsFromEnv(env)
  await migrateToLatest(db)
  await app.register(mcpOAuth, {
    ...options,
    storage: new KyselyStorage(db),
    protect: ['/mcp', '/api/restaurants'],
    resource: `${options.issuer}/mcp`
  })
}
