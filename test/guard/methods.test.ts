import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, challenge, guardedApp } from '../fixtures/guarded-app.ts'

const preflight = { origin: 'https://inspector.example', 'access-control-request-method': 'POST' }
const ann = { email: 'ann@example.com' }

for (const order of ['before', 'after']) {
  t.test(`W8: with app.all declared ${order} the plugin, no OPTIONS request reaches the handler without a token`, async t => {
    let runs = 0
    const declare = (app: FastifyInstance) => { app.all('/mcp', async () => { runs++; return 'ran' }) }
    const app = await guardedApp(t, { [order]: declare })
    const payload = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'delete_order' } }

    for (const [why, headers] of Object.entries({
      'no preflight': {},
      'an Origin alone': { origin: preflight.origin },
      'a requested method alone': { 'access-control-request-method': 'POST' },
      'a bad token': { authorization: 'Bearer x' }
    })) {
      const refused = await app.inject({ method: 'OPTIONS', url: '/mcp', headers, payload })
      t.equal(refused.statusCode, 401, why)
      t.match(refused.headers['www-authenticate'], /^Bearer .*resource_metadata=/)
    }
    const answered = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: preflight, payload })
    t.equal(answered.statusCode, 204)
    t.equal(answered.body, '')
    t.equal(runs, 0)

    const headers = await signInAs(app, ann)
    t.equal((await app.inject({ method: 'OPTIONS', url: '/mcp', headers, payload })).body, 'ran')
    t.equal((await app.inject({ method: 'OPTIONS', url: '/mcp', headers: { ...headers, ...preflight }, payload })).statusCode, 204)
    t.equal(runs, 1)
  })
}

t.test('a preflight is told the route\'s methods and the headers that MCP clients send, never that credentials are allowed', async t => {
  const app = await guardedApp(t, { before: answering('/mcp', 'POST'), after: answering('/mcp', ['GET', 'DELETE']) })
  const answer = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: preflight })
  t.equal(answer.statusCode, 204)
  t.strictSame(new Set(String(answer.headers['access-control-allow-methods']).split(', ')), new Set(['POST', 'GET', 'HEAD', 'DELETE']))
  t.match(answer.headers, {
    'access-control-allow-origin': preflight.origin,
    'access-control-allow-headers': 'Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID'
  })
  t.notHas(answer.headers, 'access-control-allow-credentials')
  t.notHas(answer.headers, 'www-authenticate')
})

t.test('a preflight of a route with a parameter is answered where the route takes OPTIONS', async t => {
  const app = await guardedApp(t, { after: app => { app.all('/mcp/:id', async () => 'ran') } })
  const answer = await app.inject({ method: 'OPTIONS', url: '/mcp/1', headers: preflight })
  t.equal(answer.statusCode, 204)
  t.match(answer.headers['access-control-allow-methods'], /\bPOST\b/)
})

t.test('an open route keeps its own OPTIONS and its own preflights', async t => {
  const app = await guardedApp(t, { after: app => { answering()(app); answering('/open', ['GET', 'OPTIONS'])(app) } })
  t.equal((await app.inject({ method: 'OPTIONS', url: '/open', headers: preflight })).body, '/open')
  t.equal((await app.inject({ method: 'OPTIONS', url: '/elsewhere', headers: preflight })).statusCode, 404)
})

t.test('RS-02: a HEAD request is a GET request without the body', async t => {
  let runs = 0
  const app = await guardedApp(t, { after: app => { app.get('/mcp', async () => { runs++; return 'ran' }) } })
  const refused = await app.inject({ method: 'HEAD', url: '/mcp' })
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['www-authenticate'], challenge)
  t.equal(runs, 0)
  t.equal((await app.inject({ method: 'HEAD', url: '/mcp', headers: await signInAs(app, ann) })).statusCode, 200)
})

t.test('RS-02: every method that the path has no route for is 401 without a token, 405 with one', async t => {
  const app = await guardedApp(t, { before: answering('/mcp', 'POST'), after: answering('/mcp/:id', 'GET') })
  const headers = await signInAs(app, ann)
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'] as const) {
    const refused = await app.inject({ method: method as 'GET', url: '/mcp' })
    t.equal(refused.statusCode, 401, method)
    t.equal(refused.headers['www-authenticate'], challenge)
    const answer = await app.inject({ method: method as 'GET', url: '/mcp', headers })
    t.equal(answer.statusCode, 405, method)
    t.equal(answer.headers['allow'], 'POST')
    t.strictSame(answer.json(), { error: 'invalid_request', error_description: 'The method is not allowed here' })
  }
  t.equal((await app.inject({ url: '/mcp', headers: { authorization: 'Bearer x' } })).statusCode, 401)
  t.equal((await app.inject({ method: 'PUT', url: '/mcp/1' })).statusCode, 404, 'a path that is no pattern is nobody\'s')
})

t.test('a path without a route is known in every spelling that the router has for it', async t => {
  const routerOptions = { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, useSemicolonDelimiter: true }
  const app = await guardedApp(t, { fastify: { routerOptions }, after: answering('/mcp', 'POST') })
  for (const url of ['/mcp?x=1', '/MCP', '/mcp/', '/%6dcp', '/mcp;x']) t.equal((await app.inject({ method: 'GET', url })).statusCode, 401, url)
  const accented = await guardedApp(t, { protect: ['/café'], after: answering('/café', 'POST') })
  t.equal((await accented.inject('/caf%C3%A9')).statusCode, 401)
  const unfolding = await guardedApp(t, { after: answering('/mcp', 'POST') })
  for (const url of ['/MCP', '/mcp/', '/mcp;x', '/mcpx', '/mcp%25zz']) t.equal((await unfolding.inject({ method: 'GET', url })).statusCode, 404, url)
})

t.test('the app\'s own not-found handler answers everything else, and is not asked about a protected path', async t => {
  const app = await guardedApp(t, {
    before: app => { app.setNotFoundHandler(async (request, reply) => reply.code(404).send(`no ${request.url}`)) },
    after: app => {
      answering()(app)
      app.register(async child => { child.setNotFoundHandler(async (request, reply) => reply.code(404).send(`child has no ${request.url}`)) }, { prefix: '/child' })
    }
  })
  t.equal((await app.inject('/x')).body, 'no /x')
  t.equal((await app.inject('/child/x')).body, 'child has no /child/x')
  t.equal((await app.inject('/mcp')).statusCode, 401)
  t.equal((await app.inject({ url: '/mcp', headers: await signInAs(app, ann) })).statusCode, 405)
})
