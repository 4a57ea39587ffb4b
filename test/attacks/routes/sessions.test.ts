import { randomUUID } from 'node:crypto'
import { PGlite } from '@electric-sql/pglite'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Kysely } from 'kysely'
import { PGliteDialect } from 'kysely-pglite-dialect'
import t from 'tap'
import type { Test } from 'tap'
import { mcp } from '../../../examples/restaurant/mcp.ts'
import { createTables, type Database } from '../../../examples/restaurant/schema.ts'
import { mcp as withSessions } from '../../../examples/sessions/mcp.ts'
import { signInAs } from '../../../lib/testing/index.ts'
import { guardedApp, type Declare } from '../../fixtures/guarded-app.ts'

async function listening (t: Pick<Test, 'teardown'>, after: Declare) {
  const app = await guardedApp(t, { after, fastify: { forceCloseConnections: true } })
  const url = new URL('/mcp', await app.listen({ host: '127.0.0.1', port: 0 }))
  const [ann, bob] = [await signInAs(app, { email: 'ann@example.com' }), await signInAs(app, { email: 'bob@example.com' })]
  return { app, url, ann, bob }
}

let started: ReturnType<typeof startRestaurant> | undefined

/** The example, once for all tests: its database takes seconds. */
async function restaurant () {
  return await (started ??= startRestaurant())
}

async function startRestaurant () {
  const db = new Kysely<Database>({ dialect: new PGliteDialect(await PGlite.create()) })
  t.teardown(async () => { await db.destroy() })
  await createTables(db)
  return await listening(t, async app => { await app.register(mcp, { db }) })
}

const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }
const accept = { accept: 'application/json, text/event-stream' }
const json = { ...accept, 'content-type': 'application/json' }
const whoami = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'whoami', arguments: {} } }

async function post (url: URL, headers: Record<string, string>, body: object): Promise<Response> {
  return await fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) })
}

t.test('W10, RS-09: a session of one grant does not exist for another, in whatever method', async t => {
  const { url, ann, bob } = await listening(t, async app => { await app.register(withSessions) })
  const session = (await post(url, ann, initialize)).headers.get('mcp-session-id') ?? ''
  t.match(session, /^[\w-]{36}$/)
  const ofAnn = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' }
  for (const method of ['GET', 'POST', 'DELETE']) {
    const init = { method, headers: { ...(method === 'POST' ? json : accept), ...ofAnn, ...bob }, ...(method === 'POST' ? { body: JSON.stringify(whoami) } : {}) }
    t.equal((await fetch(url, init)).status, 404, `${method} with Bob's token`)
    const { authorization: _, ...open } = { ...init.headers }
    t.equal((await fetch(url, { ...init, headers: open })).status, 401, `${method} with the session alone`)
  }
  for (const calls of [1, 2]) {
    const answer = await post(url, { ...ann, ...ofAnn }, whoami)
    t.equal(answer.status, 200)
    t.match(await answer.text(), new RegExp(String.raw`ann@example\.com.*calls\\":${calls}\}`), 'the session goes on')
  }
  t.equal((await fetch(url, { method: 'DELETE', headers: { ...accept, ...ofAnn, ...ann } })).status, 200)
  t.equal((await post(url, { ...ann, ...ofAnn }, whoami)).status, 404, 'she has ended it')
})

t.test('W10, RS-09: nor does it for another grant of the same person', async t => {
  const { app, url, ann } = await listening(t, async app => { await app.register(withSessions) })
  const session = (await post(url, ann, initialize)).headers.get('mcp-session-id') ?? ''
  const elsewhere = await signInAs(app, { email: 'ann@example.com' })
  t.equal((await post(url, { ...elsewhere, 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' }, whoami)).status, 404)
})

t.test('W10: the restaurant has no sessions that could be taken over', async t => {
  const { url, ann, bob } = await restaurant()
  const begun = await post(url, ann, initialize)
  t.equal(begun.status, 200)
  t.equal(begun.headers.get('mcp-session-id'), null)
  for (const method of ['GET', 'POST', 'DELETE']) {
    for (const headers of [ann, bob]) {
      const answer = await fetch(url, { method, headers: { ...(method === 'POST' ? json : accept), ...headers, 'mcp-session-id': randomUUID() }, ...(method === 'POST' ? { body: JSON.stringify(whoami) } : {}) })
      t.equal(answer.status, 404, method)
    }
  }
})

t.test('W5: of two users at once, each gets the own answers and acts in the own name', async t => {
  const { url, ann, bob } = await restaurant()
  const orderAs = async (headers: Record<string, string>, email: string) => {
    const client = new Client({ name: email, version: '1' }, { versionNegotiation: { mode: 'auto' } })
    t.teardown(() => client.close())
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }))
    return await Promise.all(Array.from({ length: 15 }, async (_, index) => {
      const note = `${email} ${index}`
      const { content } = await client.callTool({ name: 'create_order', arguments: { restaurant_id: 1, items: [{ menu_item_id: 1, quantity: 1 }], note } })
      t.match(JSON.stringify(content), email, note)
      t.match(JSON.stringify(content), note)
      t.notMatch(JSON.stringify(content), email.startsWith('ann') ? 'bob' : 'ann')
    }))
  }
  await Promise.all([orderAs(ann, 'ann@example.com'), orderAs(bob, 'bob@example.com')])
})
