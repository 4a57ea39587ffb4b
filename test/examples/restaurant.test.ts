import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import t from 'tap'
import * as z from 'zod'
import { createTables } from '../../examples/restaurant/schema.ts'
import { startOpenServer } from './open-server.ts'

const toolNames = [
  'list_restaurants', 'get_restaurant', 'create_restaurant', 'update_restaurant', 'delete_restaurant',
  'get_menu', 'create_menu_item', 'update_menu_item', 'delete_menu_item',
  'list_orders', 'get_order', 'create_order', 'update_order', 'delete_order'
]

const textResult = z.object({ content: z.tuple([z.object({ type: z.literal('text'), text: z.string() })]), isError: z.boolean().optional() })
const identified = z.looseObject({ id: z.number() })
const orderRow = z.looseObject({ id: z.number(), ordered_by_id: z.string().nullable(), ordered_by_email: z.string().nullable() })

type Call = (name: string, args?: Record<string, unknown>) => Promise<unknown>

t.setTimeout(120_000)

const server = await startOpenServer()
t.teardown(server.close)

async function connect (user: string | undefined, mode: 'legacy' | { pin: string }): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  const headers: Record<string, string> = user === undefined ? {} : { 'x-user': user }
  await client.connect(new StreamableHTTPClientTransport(server.url, { requestInit: { headers } }))
  t.teardown(() => client.close())
  return client
}

function callOf (client: { callTool: (request: { name: string, arguments: Record<string, unknown> }) => Promise<unknown> }): Call {
  return async (name, args = {}) => {
    const result = textResult.parse(await client.callTool({ name, arguments: args }))
    return result.isError === true ? { refused: result.content[0].text } : JSON.parse(result.content[0].text)
  }
}

async function connectV1 (user: string) {
  const client = new ClientV1({ name: 'test', version: '1' })
  await client.connect(new TransportV1(server.url, { requestInit: { headers: { 'x-user': user } } }))
  t.teardown(() => client.close())
  return client
}

const clients = {
  'client 2.x, protocol of 2025': await connect('ann', 'legacy'),
  'client 2.x, protocol of 2026-07-28': await connect('ann', { pin: '2026-07-28' }),
  'sdk 1.x': await connectV1('ann')
}

for (const [title, client] of Object.entries(clients)) {
  const call = callOf(client)

  t.test(`${title}: the 14 tools are listed`, async (t) => {
    const { tools } = await client.listTools()
    t.strictSame(tools.map((tool) => tool.name).sort(), [...toolNames].sort())
  })

  t.test(`${title}: what is not there is refused in words`, async (t) => {
    const missing = 2_000_000
    for (const name of ['get_restaurant', 'update_restaurant', 'delete_restaurant', 'update_menu_item', 'delete_menu_item', 'get_order', 'update_order', 'delete_order']) {
      const what = name.slice(name.indexOf('_') + 1).replace('_', ' ')
      t.strictSame(await call(name, { id: missing }), { refused: `There is no ${what} ${missing}` }, name)
    }
    t.strictSame(await call('get_menu', { restaurant_id: missing }), { refused: `There is no restaurant ${missing}` })
    t.strictSame(await call('create_menu_item', { restaurant_id: missing, name: 'x', description: '', price_cents: 1 }), { refused: `There is no restaurant ${missing}` })
    t.strictSame(await call('create_order', { restaurant_id: 1, items: [{ menu_item_id: missing, quantity: 1 }] }), { refused: `There is no menu item ${missing}` })
  })

  t.test(`${title}: a restaurant, its menu and an order from creation to removal`, async (t) => {
    const restaurant = identified.parse(await call('create_restaurant', { name: 'New', cuisine: 'Thai', address: 'Here', description: '' }))
    t.match(await call('update_restaurant', { id: restaurant.id, name: 'Newer' }), { name: 'Newer', cuisine: 'Thai' })
    t.match(await call('get_restaurant', { id: restaurant.id }), { name: 'Newer' })
    t.match(await call('list_restaurants'), [{ name: 'Trattoria Lucia' }, { name: 'Sakura' }, { name: 'El Camino' }, { name: 'Newer' }])

    const dish = identified.parse(await call('create_menu_item', { restaurant_id: restaurant.id, name: 'Pad Thai', description: '', price_cents: 900 }))
    t.match(await call('update_menu_item', { id: dish.id, price_cents: 950 }), { price_cents: 950, name: 'Pad Thai' })
    t.match(await call('get_menu', { restaurant_id: restaurant.id }), { restaurant: 'Newer', items: [{ id: dish.id, price_cents: 950 }] })

    const order = orderRow.parse(await call('create_order', { restaurant_id: restaurant.id, items: [{ menu_item_id: dish.id, quantity: 3 }] }))
    t.match(order, { total_cents: 2850, status: 'placed', ordered_by_id: 'ann', ordered_by_email: 'ann@example.com' })
    t.match(await call('update_order', { id: order.id, status: 'delivered' }), { status: 'delivered', ordered_by_id: 'ann' })
    t.match(await call('get_order', { id: order.id }), { status: 'delivered', ordered_by_email: 'ann@example.com', items: [{ name: 'Pad Thai', quantity: 3 }] })
    t.match(await call('list_orders', { restaurant_id: restaurant.id }), [{ id: order.id, ordered_by_email: 'ann@example.com' }])
    t.strictSame(await call('list_orders', { restaurant_id: 2 }), [])

    t.strictSame(await call('delete_menu_item', { id: dish.id }), { deleted: { id: dish.id, name: 'Pad Thai' } })
    t.match(await call('get_order', { id: order.id }), { items: [{ name: 'Pad Thai', price_cents: 950 }] }, 'an order keeps what was ordered')
    t.strictSame(await call('delete_order', { id: order.id }), { deleted: { id: order.id } })
    t.strictSame(await call('list_orders'), [])
    t.strictSame(await call('delete_restaurant', { id: restaurant.id }), { deleted: { id: restaurant.id, name: 'Newer' } })
  })
}

t.test('arguments of the wrong shape reach no query', async (t) => {
  const client = clients['client 2.x, protocol of 2025']
  for (const id of ['1', 0, -1, 1.5, 2 ** 31, null]) {
    const result = textResult.parse(await client.callTool({ name: 'get_restaurant', arguments: { id } }))
    t.equal(result.isError, true, String(id))
    t.match(result.content[0].text, /Invalid arguments/)
  }
})

t.test('a caller cannot name somebody else', async (t) => {
  const call = callOf(clients['client 2.x, protocol of 2025'])
  const order = orderRow.parse(await call('create_order', {
    restaurant_id: 1, items: [{ menu_item_id: 1, quantity: 1 }], ordered_by_id: 'bob', ordered_by_email: 'bob@example.com'
  }))
  t.equal(order.ordered_by_id, 'ann')
  const changed = await call('update_order', { id: order.id, ordered_by_id: 'bob', ordered_by_email: 'bob@example.com' })
  t.match(changed, { ordered_by_id: 'ann', ordered_by_email: 'ann@example.com' })
})

t.test('while nobody has to sign in, an order is nobody\'s', async (t) => {
  const call = callOf(await connect(undefined, 'legacy'))
  t.match(await call('create_order', { restaurant_id: 1, items: [{ menu_item_id: 1, quantity: 1 }] }), { ordered_by_id: null, ordered_by_email: null })
})

for (const mode of ['legacy' as const, { pin: '2026-07-28' }]) {
  t.test(`W5: fifty callers at once never get each other's identity (${JSON.stringify(mode)})`, async (t) => {
    const users = Array.from({ length: 50 }, (_, index) => `user-${index}`)
    const calls = await Promise.all(users.map(async (user) => ({ user, call: callOf(await connect(user, mode)) })))
    const placed = await Promise.all(calls.map(async ({ user, call }) => {
      const order = orderRow.parse(await call('create_order', { restaurant_id: 1, items: [{ menu_item_id: 1, quantity: 1 }], note: user }))
      return { user, note: order.note, id: order.ordered_by_id, email: order.ordered_by_email }
    }))
    t.strictSame(placed, users.map((user) => ({ user, note: user, id: user, email: `${user}@example.com` })))
  })
}

t.test('W10: a session id that somebody brings is 404, whoever brings it', async (t) => {
  const initialize = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
  for (const method of ['POST', 'GET', 'DELETE'] as const) {
    const response = await server.app.inject({
      method, url: '/mcp', headers: { 'mcp-session-id': 'of-somebody-else', 'x-user': 'bob' }, ...(method === 'POST' ? { payload: initialize } : {})
    })
    t.equal(response.statusCode, 404, method)
  }
})

t.test('what is no JSON-RPC is 400, and the log says why', async (t) => {
  const before = server.log.of('mcp request refused').length
  const bodies = ['[]', '{"jsonrpc":"2.0"}', '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2099-01-01"}}}']
  for (const body of bodies) {
    const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
    const response = await fetch(server.url, { method: 'POST', headers, body })
    t.equal(response.status, 400, body)
    t.type((await response.json()).error.code, 'number')
  }
  t.equal(server.log.of('mcp request refused').length - before, bodies.length)
})

t.test('GET and DELETE are 405: there is no stream and no session to end', async (t) => {
  for (const method of ['GET', 'DELETE']) {
    const response = await fetch(server.url, { method, headers: { accept: 'text/event-stream' } })
    t.equal(response.status, 405, method)
    await response.body?.cancel()
  }
})

t.test('the API refuses what is no id and what is not there', async (t) => {
  for (const id of ['x', '0', '2147483648', '1;drop']) t.equal((await server.app.inject(`/api/restaurants/${id}`)).statusCode, 400, id)
  const missing = await server.app.inject('/api/restaurants/2000000/menu')
  t.equal(missing.statusCode, 404)
  t.equal(missing.json().message, 'There is no restaurant 2000000')
})

t.test('the API gives restaurants and menus', async (t) => {
  t.match((await server.app.inject('/api/restaurants')).json(), [{ name: 'Trattoria Lucia' }, { name: 'Sakura' }, { name: 'El Camino' }])
  t.match((await server.app.inject('/api/restaurants/2')).json(), { name: 'Sakura' })
  t.match((await server.app.inject('/api/restaurants/2/menu')).json(), { restaurant: 'Sakura', items: [{ name: 'Miso soup', price_cents: 480 }, {}, {}] })
})

t.test('the health check answers anyone', async (t) => {
  t.strictSame((await server.app.inject('/health')).json(), { status: 'ok' })
})

t.test('tables that are there are left alone', async (t) => {
  const call = callOf(clients['sdk 1.x'])
  await call('delete_restaurant', { id: 3 })
  await createTables(server.db)
  t.match(await call('list_restaurants'), [{ id: 1 }, { id: 2 }])
})

t.test('W7: what the database says stays in the log', async (t) => {
  const broken = await startOpenServer()
  t.teardown(broken.close)
  await broken.db.schema.dropTable('orders').execute()
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(broken.url))
  t.teardown(() => client.close())
  t.strictSame(await callOf(client)('list_orders'), { refused: 'The restaurant service is out of order, try again later' })
  t.match(broken.log.of('tool failed'), [{ err: { message: /relation "orders" does not exist/ } }])
})
