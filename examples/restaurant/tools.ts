import { McpServer, type CallToolResult, type ServerContext } from '@modelcontextprotocol/server'
import type { FastifyBaseLogger } from 'fastify'
import type { Kysely } from 'kysely'
import * as z from 'zod'
import * as orders from './orders.ts'
import * as restaurants from './restaurants.ts'
import type { Database } from './schema.ts'

const id = z.int32().positive()
const text = z.string().min(1).max(200)
const price = z.int32().nonnegative().max(1_000_000).describe('In cents')
const restaurant = z.object({ name: text, cuisine: text, address: text, description: z.string().max(2000) })
const menuItem = z.object({ name: text, description: z.string().max(2000), price_cents: price })
const order = z.object({
  items: z.array(z.object({ menu_item_id: id, quantity: z.int32().min(1).max(100) })).min(1).max(20),
  note: z.string().max(500).default('')
})
const orderChanges = z.object({
  status: z.enum(['placed', 'preparing', 'delivered', 'cancelled']).optional(),
  note: z.string().max(500).optional()
})
const user = z.object({ id: z.string(), email: z.string() })

const reads = { readOnlyHint: true }
const removes = { destructiveHint: true }

/** The user who signed in: the plugin puts it where the SDK hands it to every tool. */
function callerOf (context: ServerContext): orders.Caller | undefined {
  return user.safeParse(context.http?.authInfo?.extra?.user).data
}

/** One server for one request: nothing in it is shared between callers. */
export function createRestaurantServer (db: Kysely<Database>, log: FastifyBaseLogger): McpServer {
  const server = new McpServer({ name: 'restaurant', version: '1.0.0' })

  async function answer (work: Promise<unknown>): Promise<CallToolResult> {
    try {
      return { content: [{ type: 'text', text: JSON.stringify(await work, null, 2) }] }
    } catch (error) {
      if (error instanceof restaurants.NotFoundError) return { isError: true, content: [{ type: 'text', text: error.message }] }
      // What the database says is for the log, not for the caller.
      log.error({ err: error }, 'tool failed')
      return { isError: true, content: [{ type: 'text', text: 'The restaurant service is out of order, try again later' }] }
    }
  }

  server.registerTool('list_restaurants', { description: 'All restaurants', annotations: reads },
    () => answer(restaurants.listRestaurants(db)))
  server.registerTool('get_restaurant', { description: 'One restaurant', inputSchema: z.object({ id }), annotations: reads },
    (args) => answer(restaurants.getRestaurant(db, args.id)))
  server.registerTool('create_restaurant', { description: 'Add a restaurant', inputSchema: restaurant },
    (args) => answer(restaurants.createRestaurant(db, args)))
  server.registerTool('update_restaurant', { description: 'Change a restaurant', inputSchema: restaurant.partial().extend({ id }) },
    ({ id, ...changes }) => answer(restaurants.updateRestaurant(db, id, changes)))
  server.registerTool('delete_restaurant', { description: 'Remove a restaurant with its menu and orders', inputSchema: z.object({ id }), annotations: removes },
    (args) => answer(restaurants.deleteRestaurant(db, args.id)))

  server.registerTool('get_menu', { description: 'The menu of a restaurant', inputSchema: z.object({ restaurant_id: id }), annotations: reads },
    (args) => answer(restaurants.getMenu(db, args.restaurant_id)))
  server.registerTool('create_menu_item', { description: 'Add a dish to a menu', inputSchema: menuItem.extend({ restaurant_id: id }) },
    (args) => answer(restaurants.createMenuItem(db, args)))
  server.registerTool('update_menu_item', { description: 'Change a dish', inputSchema: menuItem.partial().extend({ id }) },
    ({ id, ...changes }) => answer(restaurants.updateMenuItem(db, id, changes)))
  server.registerTool('delete_menu_item', { description: 'Take a dish off its menu', inputSchema: z.object({ id }), annotations: removes },
    (args) => answer(restaurants.deleteMenuItem(db, args.id)))

  server.registerTool('list_orders', { description: 'All orders, or those at one restaurant, with who ordered', inputSchema: z.object({ restaurant_id: id.optional() }), annotations: reads },
    (args) => answer(orders.listOrders(db, args.restaurant_id)))
  server.registerTool('get_order', { description: 'One order, with who ordered', inputSchema: z.object({ id }), annotations: reads },
    (args) => answer(orders.getOrder(db, args.id)))
  server.registerTool('create_order', { description: 'Order in the name of the person who is signed in', inputSchema: order.extend({ restaurant_id: id }) },
    (args, context) => answer(orders.createOrder(db, args, callerOf(context))))
  server.registerTool('update_order', { description: 'Change the status or the note of an order', inputSchema: orderChanges.extend({ id }) },
    ({ id, ...changes }) => answer(orders.updateOrder(db, id, changes)))
  server.registerTool('delete_order', { description: 'Remove an order', inputSchema: z.object({ id }), annotations: removes },
    (args) => answer(orders.deleteOrder(db, args.id)))

  return server
}
