import cors from '@fastify/cors'
import t from 'tap'
import { StorageUnavailableError } from '../../lib/index.ts'
import { answering, guardedApp, type Declare } from '../fixtures/guarded-app.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'

const origin = 'https://inspector.example'
const exposed = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version'
const allowedHeaders = 'Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID'
const corsOf = (headers: object) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-') || name === 'vary'))
const preflight = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,mcp-protocol-version' }
const pages = ['/oauth/authorize', '/oauth/consent', '/oauth/callback']

/** Every endpoint of ours that there is, by what the router knows. */
function endpointsOf (routes: ReadonlyArray<{ method: string, url: string }>) {
  return routes.filter(({ method, url }) => method !== 'OPTIONS' && /^\/(?:oauth|\.well-known)\//.test(url) && !pages.includes(url))
}

const collect = (routes: Array<{ method: string, url: string }>): Declare => app => {
  app.addHook('onRoute', ({ method, url }) => { for (const one of [method].flat()) routes.push({ method: one, url }) })
}

const others: Record<string, Declare> = {
  'no CORS of the app\'s own': () => {},
  '@fastify/cors for one origin, with credentials': app => app.register(cors, { origin: 'https://shop.example', credentials: true }),
  '@fastify/cors for a list': app => app.register(cors, { origin: ['https://shop.example'], exposedHeaders: ['x-total'], hook: 'preHandler' }),
  'a hook of the app\'s own that answers every OPTIONS': app => {
    app.addHook('onRequest', async (request, reply) => {
      reply.headers({ 'access-control-allow-origin': 'https://shop.example', 'access-control-allow-credentials': 'true', 'access-control-max-age': '9' })
      if (request.method === 'OPTIONS') return reply.code(204).send()
    })
  }
}

for (const [what, equip] of Object.entries(others)) {
  for (const order of ['before', 'after']) {
    t.test(`RS-08: with ${what} ${order} our plugin, pages may use every endpoint, never with credentials`, async t => {
      const routes: Array<{ method: string, url: string }> = []
      const app = await guardedApp(t, {
        before: async app => { collect(routes)(app); if (order === 'before') await equip(app) },
        after: async app => { if (order === 'after') await equip(app); answering()(app) }
      })
      await app.ready()
      const endpoints = endpointsOf(routes)
      for (const name of ['/oauth/token', '/oauth/register', '/.well-known/oauth-authorization-server', '/.well-known/oauth-protected-resource/mcp']) {
        t.ok(endpoints.some(({ url }) => url === name), name)
      }
      for (const { method, url } of endpoints) {
        const answer = await app.inject({ method: method as 'GET', url, headers: { origin } })
        t.strictSame(corsOf(answer.headers), { 'access-control-allow-origin': origin, 'access-control-expose-headers': exposed, vary: 'Origin' }, `${method} ${url} ${answer.statusCode}`)
        const asked = await app.inject({ method: 'OPTIONS', url, headers: preflight })
        t.equal(asked.statusCode, 204, url)
        const { 'access-control-allow-methods': methods, ...rest } = corsOf(asked.headers)
        t.strictSame(rest, { 'access-control-allow-origin': origin, 'access-control-allow-headers': allowedHeaders, vary: 'Origin' })
        t.ok(String(methods).split(', ').includes(method))
      }
    })

    t.test(`AZ-02: with ${what} ${order} our plugin, no page is told that it may read authorize, consent or callback`, async t => {
      const app = await guardedApp(t, {
        cors: { origins: '*' },
        before: async app => { if (order === 'before') await equip(app) },
        after: async app => { if (order === 'after') await equip(app); answering()(app) }
      })
      for (const url of pages) {
        for (const method of ['GET', 'POST', 'OPTIONS', 'HEAD'] as const) {
          const answer = await app.inject({ method, url, headers: method === 'OPTIONS' ? preflight : { origin } })
          if (answer.statusCode === 404) continue
          t.strictSame(Object.keys(corsOf(answer.headers)).filter(name => name !== 'vary'), [], `${method} ${url} ${answer.statusCode}`)
        }
        t.equal((await app.inject({ method: 'OPTIONS', url, headers: preflight })).statusCode, 204)
      }
    })
  }
}

t.test('RS-08: a page that may not call is not told that it may, and caches know that the answer depends on who asks', async t => {
  const app = await guardedApp(t, { cors: { origins: ['https://app.example.com'] }, after: answering() })
  for (const headers of [{}, { origin }, { origin: 'null' }]) {
    const answer = await app.inject({ url: '/.well-known/oauth-authorization-server', headers })
    t.equal(answer.statusCode, 200)
    t.strictSame(corsOf(answer.headers), { vary: 'Origin' })
  }
  t.strictSame(corsOf((await app.inject({ method: 'OPTIONS', url: '/oauth/token', headers: preflight })).headers), { vary: 'Origin' })
})

t.test('an OPTIONS request to an endpoint says what there is, reads no body, and needs no storage', async t => {
  const watch = watchStorage()
  const app = await guardedApp(t, { storage: watch.storage, after: answering() })
  await app.ready()
  watch.failure = new StorageUnavailableError()
  for (const headers of [{}, preflight, { 'content-type': 'application/json' }]) {
    const answer = await app.inject({ method: 'OPTIONS', url: '/oauth/register', headers, payload: '{' })
    t.equal(answer.statusCode, 204)
    t.equal(answer.headers.allow, 'POST, OPTIONS')
    t.equal(answer.body, '')
  }
})
