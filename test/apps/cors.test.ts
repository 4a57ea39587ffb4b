import cors from '@fastify/cors'
import t from 'tap'
import { signInAs } from '../../lib/testing/index.ts'
import { checkAppAsItIs, orders } from '../fixtures/app-as-it-is.ts'
import { guardedApp, type Declare } from '../fixtures/guarded-app.ts'

const origin = 'https://shop.example'
const preflight = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' }
const useCors: Declare = app => app.register(cors, { origin, credentials: true, exposedHeaders: ['x-total'] })

checkAppAsItIs(t, 'an app with @fastify/cors', {
  equip: useCors,
  routes: app => {
    app.get('/menu', async () => ({ soup: 4 }))
    app.post('/orders', async request => request.body)
  },
  requests: [
    { url: '/menu', headers: { origin } },
    { url: '/menu' },
    { method: 'OPTIONS', url: '/orders', headers: preflight },
    { method: 'OPTIONS', url: '/orders', headers: { origin } },
    { method: 'OPTIONS', url: '/nowhere', headers: preflight },
    { method: 'POST', url: '/orders', headers: { origin }, payload: { name: 'soup' } }
  ]
})

const routes: Record<string, Declare> = {
  'app.post': app => { app.post('/mcp', async request => request.mcpOAuth.user.email) },
  'app.all': app => { app.all('/mcp', async request => request.mcpOAuth.user.email) }
}

/** `/` covers the `options('*')` of @fastify/cors too. */
const patterns = ['/mcp', '/']

for (const order of orders) {
  for (const [kind, declare] of Object.entries(routes)) {
    for (const pattern of patterns) {
      t.test(`W8: with @fastify/cors ${order} our plugin and ${pattern} protected, the preflight of ${kind} is answered, and nothing else without a token`, async t => {
        const app = await guardedApp(t, {
          protect: [pattern],
          before: async app => { if (order === 'before') await useCors(app) },
          after: async app => {
            if (order === 'after') await useCors(app)
            await declare(app)
          }
        })
        const headers = await signInAs(app, { email: 'ann@example.com' })
        const answer = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: preflight })
        t.equal(answer.statusCode, 204)
        t.ok(['*', origin].includes(String(answer.headers['access-control-allow-origin'])))
        t.match(answer.headers['access-control-allow-methods'], /\bPOST\b/)
        t.match(answer.headers['access-control-allow-headers'], /authorization/i)
        t.match(answer.headers['access-control-allow-headers'], /content-type/i)
        t.equal(answer.body, '')

        t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { origin } })).statusCode, 401)
        t.notMatch((await app.inject({ method: 'OPTIONS', url: '/mcp', headers: { origin } })).body, /@/)
        const called = await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, origin } })
        t.equal(called.body, 'ann@example.com')
        t.equal(called.headers['access-control-allow-origin'], origin)
      })
    }
  }
}

const exposed = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version'
const corsOf = (headers: object) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-')))

for (const order of orders) {
  for (const kind of ['reply', 'hijacked']) {
    t.test(`RS-08: with @fastify/cors ${order} our plugin, it decides who may read a protected ${kind}, and MCP's headers are exposed to them`, async t => {
      const strict: Declare = app => app.register(cors, { origin: [origin], credentials: true, exposedHeaders: ['x-total', 'mcp-session-id'] })
      const app = await guardedApp(t, {
        before: async app => { if (order === 'before') await strict(app) },
        after: async app => {
          if (order === 'after') await strict(app)
          app.post('/mcp', async (_, reply) => {
            if (kind === 'reply') return 'ran'
            reply.hijack().raw.writeHead(200, { 'content-type': 'text/plain' }).end('ran')
          })
        }
      })
      const headers = await signInAs(app, { email: 'ann@example.com' })
      const call = async (from: string) => await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, origin: from } })
      const allowed = await call(origin)
      t.equal(allowed.body, 'ran')
      t.strictSame(corsOf(allowed.headers), {
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'x-total, mcp-session-id, WWW-Authenticate, MCP-Protocol-Version'
      })
      t.equal(allowed.headers.vary, 'Origin')
      const stranger = await call('https://stranger.example')
      t.notOk(stranger.headers['access-control-allow-origin'], 'a page that the app does not allow can not read it')
    })
  }
}

t.test('RS-08: where @fastify/cors leaves preflights to the handler, its word still counts, and the handler does not run', async t => {
  let runs = 0
  const app = await guardedApp(t, {
    before: async app => { await app.register(cors, { origin: [origin], preflightContinue: true, allowedHeaders: ['authorization'], methods: ['POST'] }) },
    after: app => { app.all('/mcp', async () => { runs++ }) }
  })
  const answer = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: preflight })
  t.equal(answer.statusCode, 204)
  t.strictSame(corsOf(answer.headers), { 'access-control-allow-origin': origin, 'access-control-allow-methods': 'POST', 'access-control-allow-headers': 'authorization' })
  t.equal(runs, 0)
})

t.test('RS-08: the refusal of a request without a token leads a page on, whatever the app says', async t => {
  const app = await guardedApp(t, { before: async app => { await useCors(app) }, after: app => { app.post('/mcp', async () => 'ran') } })
  const refused = await app.inject({ method: 'POST', url: '/mcp', headers: { origin } })
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['access-control-expose-headers'], `x-total, ${exposed}`)
})
