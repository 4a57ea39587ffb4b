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
