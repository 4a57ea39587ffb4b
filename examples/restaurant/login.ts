import type { FastifyInstance } from 'fastify'
import mcpOAuth, { optionsFromEnv } from 'fastify-mcp-oauth'
import { KyselyStorage, migrateToLatest } from 'fastify-mcp-oauth/kysely'
import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

const writes = { scopes: ['restaurants:write'] }
const deletes = { roles: ['admin'] } as const

/** Puts the login in front of `/mcp` and the API. All that the server needs to be protected is here. */
export async function login (app: FastifyInstance, { db, env }: { db: Kysely<Database>, env: NodeJS.ProcessEnv }): Promise<void> {
  const options = optionsFromEnv(env)
  await migrateToLatest(db)
  await app.register(mcpOAuth, {
    ...options,
    storage: new KyselyStorage(db),
    scopes: {
      'restaurants:read': 'See restaurants, menus and orders',
      'restaurants:write': 'Order, and change restaurants, menus and orders'
    },
    protect: [
      {
        url: '/mcp',
        tools: {
          create_restaurant: writes,
          update_restaurant: writes,
          delete_restaurant: deletes,
          create_menu_item: writes,
          update_menu_item: writes,
          delete_menu_item: deletes,
          create_order: writes,
          update_order: writes,
          delete_order: deletes
        }
      },
      { url: '/api/restaurants', scopes: ['restaurants:read'] }
    ],
    resource: `${options.issuer}/mcp`
  })
}
