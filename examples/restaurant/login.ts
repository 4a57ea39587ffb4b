import type { FastifyInstance } from 'fastify'
import mcpOAuth, { optionsFromEnv } from 'fastify-mcp-oauth'
import type { KyselyStorage } from 'fastify-mcp-oauth/kysely'

const writes = { scopes: ['restaurants:write'] }
const deletes = { roles: ['admin'] } as const

/** Puts the login in front of `/mcp` and the API. All that the server needs to be protected is here. */
export async function login (app: FastifyInstance, { storage, env }: { storage: KyselyStorage, env: NodeJS.ProcessEnv }): Promise<void> {
  const options = optionsFromEnv(env)
  await app.register(mcpOAuth, {
    ...options,
    storage,
    metrics: true,
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
    resource: `${options.issuer}/mcp`,
    pages: { name: 'The Restaurant', accentColor: '#0f6b4f', account: true, admin: true }
  })
}
