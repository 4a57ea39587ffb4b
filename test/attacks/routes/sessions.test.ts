import { randomUUID } from 'node:crypto'
import { PGlite } from '@electric-sql/pglite'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { FastifyInstance } from 'fastify'
import { Kysely } from 'kysely'
import { PGliteDialect } from 'kysely-pglite-dialect'
import t from 'tap'
import type { Test } from 'tap'
import { mcp } from '../../../examples/restaurant/mcp.ts'
import { createTables, type Database } from '../../../examples/restaurant/schema.ts'
import { signInAs } from '../../../lib/testing/index.ts'
import { guardedApp, type Declare } from '../../fixtures/guarded-app.ts'

async function listening (t: Pick<Test, 'teardown'>, after: Declare) {
  const app = await guardedApp(t, { after, fastify: { forceCloseConnections: true } })
  const url = new URL('/mcp', await app.listen({ host: '127.0.0.1', port: 0 }))
  const [ann, bob] = [await signInAs(app, { email: 'ann@example.com' }), await signInAs(app, { email: 'bob@example.com' })]
  return { url, ann, bob }
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

/** One server and one transport a session, and each session remembers whose it is, as docs/configuration.md tells. */
function withSessions (app: FastifyInstance): void {
  const sessions = new Map<string, { transport: StreamableHTTPServerTransport, grantId: string }>()
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    handler: async (request, reply) => {
      const { grantId } = request.mcpOAuth
      const named = request.headers['mcp-session-id']
      const known = sessions.get(String(named))
      if (named !== undefined && known?.grantId !== grantId) return await reply.code(404).send({ error: 'There is no such session' })
      const transport = known?.transport ?? new StreamableHTTPServerTransport({
        sessionIdGenerator: () => randomUUID(),
        onsessioninitialized: id => { sessions.set(id, { transport, grantId }) }
      })
      if (known === undefined) {
        const server = new McpServer({ name: 'sessions', version: '1' })
        server.registerTool('whoami', {}, ({ authInfo }) => ({ content: [{ type: 'text', text: JSON.stringify(authInfo?.extra?.['user']) }] }))
        await server.connect(transport as Parameters<typeof server.connect>[0])
      }
      reply.hijack()
      await transport.handleRequest(request.raw, reply.raw, request.body)
    }
  })
}

const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }
const accept = { accept: 'application/json, text/event-stream' }
const json = { ...accept, 'content-type': 'application/json' }
const whoami = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'whoami', arguments: {} } }

async function post (url: URL, headers: Record<string, string>, body: object): Promise<Response> {
  return await fetch(url, { method: 'POST', headers: { ...json, ...headers }, body: JSON.stringify(body) })
}

t.test('W10, RS-09: a session of one grant does not exist for another, in whatever method', async t => {
  const { url, ann, bob } = await listening(t, withSessions)
  const session = (await post(url, ann, initialize)).headers.get('mcp-session-id') ?? ''
  t.match(session, /^[\w-]{36}$/)
  const ofAnn = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-06-18' }
  for (const method of ['GET', 'POST', 'DELETE']) {
    const init = { method, headers: { ...(method === 'POST' ? json : accept), ...ofAnn, ...bob }, ...(method === 'POST' ? { body: JSON.stringify(whoami) } : {}) }
    t.equal((await fetch(url, init)).status, 404, `${method} with Bob's token`)
    const { authorization: _, ...open } = { ...init.headers }
    t.equal((await fetch(url, { ...init, headers: open })).status, 401, `${method} with the session alone`)
  }
  const answer = await post(url, { ...ann, ...ofAnn }, whoami)
  t.equal(answer.status, 200)
  t.match(await answer.text(), 'ann@example.com')
})

t.test('W10: the example has no sessions that could be taken over', async t => {
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
