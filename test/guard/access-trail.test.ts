import { once } from 'node:events'
import { request as httpRequest, ServerResponse } from 'node:http'
import { connect, Socket } from 'node:net'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { StorageUnavailableError } from '../../lib/errors.ts'
import type { AuditOptions } from '../../lib/index.ts'
import { MemoryStorage } from '../../lib/index.ts'
import { addressOf } from '../../lib/guard/origin.ts'
import { rpcMessages } from '../../lib/guard/rpc-messages.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { captureAudit } from '../fixtures/audit.ts'
import { guardedApp, type GuardedAppOptions } from '../fixtures/guarded-app.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'

interface Scope { teardown (close: () => Promise<void>): void }

const call = (name: unknown, id = 1) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: { secret: 's3cret' } } })

function answers (app: FastifyInstance): void {
  app.post('/mcp', async () => ({ ok: true }))
  app.get('/mcp', async () => 'ok')
  app.post('/mcp/broken', async () => { throw new Error('broken') })
  app.post('/mcp/hijacked', (request, reply) => {
    reply.hijack()
    reply.raw.writeHead(202).end(request.method)
  })
}

async function setUp (t: Scope, { audit: options = {}, ...given }: Omit<GuardedAppOptions, 'audit'> & { audit?: AuditOptions } = {}) {
  const captured = captureAudit(options)
  const app = await guardedApp(t, { after: answers, audit: captured.audit, ...given })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  const post = async (payload?: object, url = '/mcp', more: object = {}) => await app.inject({ method: 'POST', url, headers: { ...headers, ...more }, ...payload !== undefined && { payload } })
  return { app, headers, post, ...captured }
}

t.test('who called which tool, when, how it ended: the name, and never the arguments', async t => {
  const { app, post, of } = await setUp(t)
  const before = Date.now()
  t.equal((await post(call('order'), '/mcp', { 'user-agent': 'Claude/1.0' })).statusCode, 200)
  const [event] = await of('access')
  const [user] = await app.mcpOAuth.users.list('ann@example.com')
  t.match(event, {
    actor: { type: 'user', id: user?.id, email: 'ann@example.com' },
    userId: user?.id,
    clientId: /^test-/,
    grantId: String,
    tokenId: String,
    outcome: 'success',
    reason: null,
    requestId: /^req-/,
    address: '127.0.0.1',
    userAgent: 'Claude/1.0',
    details: { method: 'POST', route: '/mcp', rpc: ['tools/call'], status: 200, tools: ['order'] }
  })
  t.ok(event !== undefined && event.at.getTime() >= before && event.at.getTime() <= Date.now())
  t.type(event?.details['duration'], 'number')
  const { events } = await app.mcpOAuth.audit.query({ type: 'access' })
  t.hasStrict(events, [{ ...event }], 'what is stored is what the sink was told')
  t.notMatch(JSON.stringify(events), 's3cret')
})

t.test('what is no JSON-RPC is a request without methods, and breaks nothing', async t => {
  const { post, headers, app, events } = await setUp(t)
  const bodies = [{}, [], { method: 'tools/list' }, [1, null, 'x', {}, { method: 1 }], { method: null }, { method: 'tools/call' }, { method: 'tools/call', params: null }, { method: 'tools/call', params: 'x' }, { method: 'tools/call', params: { name: 5 } }]
  for (const body of bodies) await post(body)
  await app.inject({ method: 'GET', url: '/mcp', headers })
  await app.mcpOAuth.audit.query()
  const found = events.filter(({ type }) => type === 'access')
  t.equal(found.length, bodies.length + 1)
  for (const { details } of found) t.notOk('tools' in details)
  t.strictSame(found.map(({ details }) => details['rpc'] ?? null), [null, null, ['tools/list'], null, null, ['tools/call'], ['tools/call'], ['tools/call'], ['tools/call'], null])
})

t.test('a tool can not hide behind others, nor behind other methods, in a batch', async t => {
  const { post, of, app } = await setUp(t)
  const decoys = Array.from({ length: 40 }, (_, index) => call(`decoy-${index}`))
  await post([...Array.from({ length: 10 }, (_, index) => ({ jsonrpc: '2.0', method: `ping/${index}` })), ...decoys, call('delete_order'), call('delete_order')])
  const found = await of('access', 3)
  t.equal(found.length, 3)
  t.strictSame(found.flatMap(({ details }) => details['tools']), [...decoys.map(({ params }) => params.name), 'delete_order'])
  t.equal(new Set(found.map(({ requestId }) => requestId)).size, 1)
  await post(Array.from({ length: 2000 }, (_, index) => call(`t${index}`)))
  await app.mcpOAuth.audit.query()
  const all = await of('access', 67)
  t.equal(all.length, 3 + 64, 'and one request is no flood')
  t.equal(all.at(-1)?.details['omitted'], 2000 - 1024)
})

t.test('an address that is not there, as on a Unix socket, is null', async t => {
  t.equal(addressOf({}), null)
  t.equal(addressOf({ ip: '::1' }), '::1')
  const { app, headers, of } = await setUp(t)
  await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, 'user-agent': '' } })
  t.match(await of('access'), [{ userAgent: '' }])
})

t.test('names are cut, and a name keeps nothing of the body', async t => {
  const { methods, tools } = rpcMessages(call('x'.repeat(1_000_000)))
  t.strictSame([methods, tools], [['tools/call'], ['x'.repeat(100)]])
  t.strictSame(rpcMessages([call('a'), call('a')]), { methods: ['tools/call'], tools: ['a'] })
})

t.test('an answer that a handler writes itself, one that fails, and a method that there is not', async t => {
  const { app, headers, post, of } = await setUp(t)
  t.equal((await post({}, '/mcp/hijacked')).statusCode, 202)
  t.equal((await post({}, '/mcp/broken')).statusCode, 500)
  t.equal((await app.inject({ method: 'DELETE', url: '/mcp', headers })).statusCode, 405)
  t.match(await of('access', 3), [
    { outcome: 'success', details: { route: '/mcp/hijacked', status: 202 } }, { outcome: 'failed', reason: null, details: { status: 500 } }, { outcome: 'failed', details: { method: 'DELETE', route: null, status: 405 } }
  ])
})

t.test('a client that does not wait for the answer has called the tool all the same', async t => {
  let entered = () => {}
  const inHandler = new Promise<void>(resolve => { entered = resolve })
  const { app, headers, of } = await setUp(t, {
    after: app => {
      app.post('/mcp', async (_, reply) => {
        entered()
        await once(reply.raw, 'close')
        return 'late'
      })
    }
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const stranger = httpRequest(`${url}/mcp`, { method: 'POST' }).end()
  await once(stranger, 'response')
  t.match(await of('access'), [{ outcome: 'refused', userAgent: null, address: '127.0.0.1' }])
  const aborted = httpRequest(`${url}/mcp`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' } })
  aborted.on('error', () => {})
  aborted.end(JSON.stringify(call('order')))
  await inHandler
  aborted.destroy()
  t.match((await of('access', 2))[1], { outcome: 'failed', reason: 'the connection ended before the answer', userAgent: null, address: '127.0.0.1', details: { tools: ['order'] } })
})

t.test('a socket that a request was upgraded to is told when it ends: it has no answer', async t => {
  const { app, headers, of } = await setUp(t, {
    before: app => {
      app.server.on('upgrade', (raw, socket) => {
        const response = new ServerResponse(raw)
        if (socket instanceof Socket) response.assignSocket(socket)
        app.routing(raw, response)
      })
    },
    after: app => {
      app.get('/mcp', async (request, reply) => {
        reply.hijack()
        const { socket } = request.raw
        socket.resume().on('end', () => { socket.end() }).write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
      })
    }
  })
  const { hostname, port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const socket = connect({ host: hostname, port: Number(port) })
  socket.write(`GET /mcp HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: echo\r\nAuthorization: ${headers.authorization}\r\n\r\n`)
  await once(socket, 'data')
  socket.destroy()
  t.match(await of('access'), [{ outcome: 'success', reason: null, details: { method: 'GET', route: '/mcp' } }])
})

t.test('who is known and may not do it is told with the reason; who is not known, as far as it does no harm', async t => {
  const { app, post, of } = await setUp(t, { protect: [{ url: '/mcp', tools: { delete_order: { roles: ['admin'] } } }, { url: '/mcp/broken', roles: ['admin'] }] })
  t.equal((await post(call('delete_order'))).statusCode, 403)
  t.equal((await post({}, '/mcp/broken')).statusCode, 403)
  const known = { userId: String, clientId: String, grantId: String, tokenId: String, outcome: 'refused', reason: 'the role user is not enough' }
  t.match(await of('access', 2), [{ ...known, details: { status: 403, tools: ['delete_order'] } }, { ...known, details: { status: 403, route: '/mcp/broken' } }])
  let now = performance.now()
  t.intercept(performance, 'now', { value: () => now })
  for (let turn = 0; turn < 40; turn++) await app.inject({ method: 'POST', url: '/mcp' })
  await app.mcpOAuth.audit.query()
  const strangers = (await of('access', 12)).slice(2)
  t.equal(strangers.length, 10)
  t.match(strangers[0], { actor: { type: 'anonymous', id: null }, userId: null, outcome: 'refused', reason: 'An access token is required', details: { status: 401, method: 'POST', route: '/mcp' } })
  now += 1000
  await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: 'Bearer x' } })
  await app.mcpOAuth.audit.query()
  const untold = (await of('access', strangers.length + 3)).reduce((sum, { details }) => sum + Number(details['untold'] ?? 0), 0)
  t.equal(untold, 40 - strangers.length, 'how many were not told')
})

t.test('a token of another resource is told as whose it is', async t => {
  const { app, of, headers } = await setUp(t, { resource: 'https://api.example.com/mcp', protect: ['/mcp', { url: '/other', resource: 'https://api.example.com/other' }], after: app => { answers(app); app.post('/other', async () => 'ok') } })
  t.equal((await app.inject({ method: 'POST', url: '/other', headers })).statusCode, 401)
  t.match(await of('access'), [{ userId: String, outcome: 'refused', reason: 'the token is for another resource' }])
})

t.test('a request that could not be judged is told as failed', async t => {
  const watch = watchStorage(new MemoryStorage())
  const { app, of } = await setUp(t, { storage: watch.storage, revalidateAfter: 0 })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  await app.mcpOAuth.audit.query()
  watch.failure = new StorageUnavailableError()
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 503)
  watch.failure = undefined
  t.match(await of('access'), [{ outcome: 'failed', reason: 'StorageUnavailableError', actor: { type: 'anonymous' }, details: { method: 'POST', route: '/mcp' } }])
})

t.test('access: false tells nothing of requests, and all else', async t => {
  const { app, post, events } = await setUp(t, { audit: { access: false } })
  await post(call('order'))
  await app.inject({ method: 'POST', url: '/mcp' })
  await app.mcpOAuth.audit.query()
  t.notOk(events.some(({ type }) => type === 'access'))
  t.ok(events.some(({ type }) => type === 'code.issued'))
})

t.test("access: 'sync': no handler runs before its request is stored, and none at all while that can not be", async t => {
  const watch = watchStorage(new MemoryStorage())
  const { storage } = watch
  let runs = 0
  const { post, of } = await setUp(t, {
    storage,
    audit: { access: 'sync' },
    protect: [{ url: '/mcp', tools: { forbidden: { roles: ['admin'] } } }],
    after: app => {
      app.post('/mcp', async request => {
        runs++
        const [found] = await storage.queryAudit({ types: ['access'], limit: 1 })
        return { stored: found?.requestId === request.id, details: found?.details }
      })
    }
  })
  t.match((await post(call('order'))).json(), { stored: true, details: { tools: ['order'], method: 'POST', route: '/mcp' } })
  t.match(await of('access.answered'), [{ outcome: 'success', details: { status: 200, route: '/mcp' } }])
  t.equal((await of('access')).length, 1)

  t.equal((await post(call('forbidden'))).statusCode, 403)
  t.match((await of('access', 2))[1], { outcome: 'refused', details: { tools: ['forbidden'], status: 403 } })

  watch.failure = new StorageUnavailableError()
  const refused = await post(call('order'))
  t.equal(refused.statusCode, 503)
  t.ok(refused.headers['retry-after'])
  t.equal(runs, 1)
  watch.failure = undefined
  t.match((await of('access.answered', 2))[1], { outcome: 'failed', details: { status: 503 } })
})
