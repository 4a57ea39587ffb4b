import { Agent, request as send } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t from 'tap'
import mcpOAuth from '../../../lib/index.ts'
import { signInAs } from '../../../lib/testing/index.ts'
import { pluginOptions } from '../../fixtures/guarded-app.ts'

/** What a server makes of a request target that reaches it as it is: `inject` and `fetch` would tidy it up first. */
interface Answer { status: number, body: string }

type Ask = (method: string, target: string, headers?: Record<string, string>) => Promise<Answer>

interface Scope { teardown (close: () => Promise<void>): void }

async function listen (t: Scope, app: FastifyInstance): Promise<Ask> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(async () => {
    agent.destroy()
    await app.close()
  })
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  return async (method, path, headers = {}) => await new Promise((resolve, reject) => {
    send({ host: '127.0.0.1', port, agent, method, path, headers }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => { body += String(chunk) })
      response.on('end', () => { resolve({ status: response.statusCode ?? 0, body }) })
    }).on('error', reject).end()
  })
}

const targets = [
  '/mcp', '/MCP', '/Mcp/', '/mcp/', '//mcp', '///mcp//', '/mcp//', '/mcp;x', '/mcp;', '/mcp/;x', '/%6dcp', '/%6Dcp', '/%4dcp', '/mcp%2f', '/mcp%2F',
  '/%2fmcp', '/./mcp', '/x/../mcp', '/mcp/.', '/mcp/..', '/mcp%00', '/mcp%20', '/mcp?x', '/mcp#x', '/mcp/?x=/open', '/mcp;/open', '/%zz',
  'http://127.0.0.1/mcp', 'HTTP://127.0.0.1/mcp', 'https://elsewhere.example/mcp', 'http://127.0.0.1//MCP/', '/mcp/1', '/mcp//1', '/MCP/1/', '/mcp/a/b',
  '/mcp%2f1', '/mcp/%31'
]

const names = ['caseSensitive', 'ignoreTrailingSlash', 'ignoreDuplicateSlashes', 'useSemicolonDelimiter'] as const

/** Every combination of what a router may ignore. */
const combinations = Array.from({ length: 2 ** names.length }, (_, bits) => Object.fromEntries(
  names.map((name, index) => [name, (bits >> index & 1) === (name === 'caseSensitive' ? 0 : 1)])
))

/** Fastify takes them in two places. */
const apps: FastifyServerOptions[] = [
  ...combinations.map(routerOptions => ({ routerOptions })),
  ...names.map(name => ({ [name]: name !== 'caseSensitive' }))
]

/** Handlers that are open if the guard lets a request pass. */
function declareRoutes (app: FastifyInstance, method: string): void {
  for (const url of ['/mcp', '/mcp/:id', '/mcp/a/*']) app.route({ method, url, handler: async () => `ran ${url}` })
}

/** By method, so that one app has both. */
const orders = { GET: 'before', POST: 'after' }

t.test('W1: no spelling of a protected path gets past the guard, whatever the router ignores, wherever the route was declared', async t => {
  for (const options of apps) {
    const plain = Fastify(options)
    declareRoutes(plain, 'GET')
    const app = Fastify(options)
    declareRoutes(app, 'GET')
    await app.register(mcpOAuth, pluginOptions())
    declareRoutes(app, 'POST')
    const headers = await signInAs(app, { email: 'ann@example.com' })
    const [askPlain, ask] = [await listen(t, plain), await listen(t, app)]

    const wrong: string[] = []
    let reached = 0
    for (const target of targets) {
      const known = await askPlain('GET', target)
      const isRoute = known.body.startsWith('ran')
      if (isRoute) reached++
      for (const [method, order] of Object.entries(orders)) {
        // Closed to those without a token, to all others as the app was without us.
        const refused = await ask(method, target)
        if (isRoute ? refused.status !== 401 : ![400, 401, 404].includes(refused.status)) wrong.push(`${target} answers ${refused.status}, declared ${order}`)
        const admitted = isRoute ? await ask(method, target, headers) : known
        if (admitted.body !== known.body) wrong.push(`${target} answers ${admitted.body} for ${known.body}, declared ${order}`)
      }
    }
    t.strictSame(wrong, [], JSON.stringify(options))
    t.ok(reached >= 8, 'the handlers can be reached')
  }
})

t.test('W1: the guard sees what rewriteUrl made of a request, not what it was', async t => {
  const app = Fastify({ rewriteUrl: ({ url = '' }) => url === '/public' ? '/mcp' : url.replace(/^\/mcp$/, '/open') })
  await app.register(mcpOAuth, pluginOptions())
  declareRoutes(app, 'GET')
  app.get('/open', async () => 'ran /open')
  const ask = await listen(t, app)
  t.equal((await ask('GET', '/public')).status, 401)
  t.strictSame(await ask('GET', '/mcp'), { status: 200, body: 'ran /open' })
})

t.test('RS-02: the absolute form of a path is the path, for methods without a route too', async t => {
  const app = Fastify()
  await app.register(mcpOAuth, pluginOptions())
  declareRoutes(app, 'POST')
  const ask = await listen(t, app)
  for (const target of ['/mcp', 'http://127.0.0.1/mcp?x', 'HTTPS://api.example.com/mcp']) t.equal((await ask('GET', target)).status, 401, target)
  t.equal((await ask('GET', 'http://127.0.0.1/nowhere?/mcp')).status, 404)
})
