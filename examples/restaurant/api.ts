import type { FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import { getMenu, getRestaurant, listRestaurants } from './restaurants.ts'
import type { Database } from './schema.ts'

interface ById { Params: { id: number } }

const schema = {
  params: { type: 'object', properties: { id: { type: 'integer', minimum: 1, maximum: 2147483647 } } }
}

/** The same data for programs that speak no MCP. */
export async function api (app: FastifyInstance, { db }: { db: Kysely<Database> }): Promise<void> {
  app.get('/api/restaurants', async () => await listRestaurants(db))
  app.get<ById>('/api/restaurants/:id', { schema }, async (request) => await getRestaurant(db, request.params.id))
  app.get<ById>('/api/restaurants/:id/menu', { schema }, async (request) => await getMenu(db, request.params.id))
}
