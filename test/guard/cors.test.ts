import type { FastifyReply } from 'fastify'
import t from 'tap'
import { StorageUnavailableError, type OAuthError } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, challenge, guardedApp, issuer } from '../fixtures/guarded-app.ts'
import { captureLog } from '../fixtures/log.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'

const origin = 'https://inspector.example'
const exposed = 'WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version'
const ann = { email: 'ann@example.com' }
const preflight = (from: string) => ({ origin: from, 'access-control-request-method': 'POST' })
const corsOf = (headers: object) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('access-control-') || name === 'vary'))
const allowed = { 'access-control-allow-origin': origin, 'access-control-expose-headers': exposed, vary: 'Origin' }

t.test('RS-07: a present Origin that is not allowed is 403, with a good token too, and the handler does not run', async t => {
  let runs = 0
  const log = captureLog()
  const told: OAuthError[] = []
  const watch = watchStorage()
  const app = await guardedApp(t, {
    fastify: { logger: log.logger }, storage: watch.storage, onRefused: (_, error) => { told.push(error) }, after: app => { app.all('/mcp', async () => { runs++; return 'ran' }) }
  })
  const headers = await signInAs(app, ann)
  watch.calls.length = 0
  for (const refused of ['null', '', 'http://rebound.example:8080', 'https://a.example, https://b.example', 'https://a.example/', 'x'.repeat(5000)]) {
    for (const given of [{}, headers, preflight(refused), { ...headers, ...preflight(refused) }]) {
      const answer = await app.inject({ method: 'access-control-request-method' in given ? 'OPTIONS' : 'POST', url: '/mcp', headers: { ...given, origin: refused } })
      t.equal(answer.statusCode, 403, refused.slice(0, 50))
      t.strictSame(answer.json(), { error: 'access_denied', error_description: 'Pages of this origin have no access' })
      t.strictSame(corsOf(answer.headers), {}, 'no page may read it')
      t.notOk(answer.headers['www-authenticate'], 'signing in would not help')
    }
  }
  t.equal(runs, 0)
  t.strictSame(watch.calls, [], 'nobody was asked')
  t.match(told[0], { statusCode: 403, cause: /the origin null is not allowed; cors\.origins/ })
  t.match(log.lines.find(line => line['msg'] === 'access refused'), { level: 30, err: { message: 'Pages of this origin have no access' } })
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).body, 'ran', 'an absent one is fine')
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, origin } })).body, 'ran')
  t.equal((await app.inject({ method: 'PUT', url: '/mcp', headers: { ...headers, origin: issuer } })).body, 'ran')
})

t.test('RS-07: a server on this machine lets no web site in, and a list means what it says', async t => {
  const local = await guardedApp(t, { issuer: 'http://localhost:8080', resource: 'http://localhost:8080/mcp', after: answering() })
  const listing = await guardedApp(t, { cors: { origins: [origin, 'null'] }, after: answering() })
  const open = await guardedApp(t, { cors: { origins: '*' }, after: answering() })
  const status = async (app: typeof local, from: string) => (await app.inject({ method: 'POST', url: '/mcp', headers: { origin: from } })).statusCode
  for (const refused of [origin, 'http://rebound.example:8080', 'null']) t.equal(await status(local, refused), 403, refused)
  for (const from of ['http://localhost:6274', 'http://localhost:8080', 'http://127.0.0.1:6274', 'vscode-file://vscode-app']) t.equal(await status(local, from), 401, from)
  for (const refused of ['https://other.example', 'http://localhost:6274', 'http://inspector.example']) t.equal(await status(listing, refused), 403, refused)
  for (const from of [origin, 'null', issuer]) t.equal(await status(listing, from), 401, from)
  t.equal(await status(open, 'null'), 401)
  t.equal(await status(open, 'http://anywhere.example'), 401)
  t.equal(await status(open, 'anywhere'), 403, 'what no browser sends')
})

t.test('RS-08: every answer of the guard can be read by an allowed page', async t => {
  const watch = watchStorage()
  const app = await guardedApp(t, { storage: watch.storage, revalidateAfter: 0, after: answering() })
  const headers = { ...await signInAs(app, ann), origin }
  const refused = await app.inject({ method: 'POST', url: '/mcp', headers: { origin } })
  t.equal(refused.statusCode, 401)
  t.equal(refused.headers['www-authenticate'], challenge)
  t.strictSame(corsOf(refused.headers), allowed)
  t.strictSame(corsOf((await app.inject({ method: 'POST', url: '/mcp', headers })).headers), allowed, '200')
  t.strictSame(corsOf((await app.inject({ method: 'PUT', url: '/mcp', headers })).headers), allowed, '405')
  const malformed = await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, 'content-type': 'application/json' }, payload: '{' })
  t.equal(malformed.statusCode, 400)
  t.strictSame(corsOf(malformed.headers), allowed, 'the app\'s own errors too')
  watch.failure = new StorageUnavailableError()
  const down = await app.inject({ method: 'POST', url: '/mcp', headers })
  t.equal(down.statusCode, 503)
  t.strictSame(corsOf(down.headers), allowed)
  t.strictSame(corsOf((await app.inject({ method: 'POST', url: '/mcp' })).headers), {}, 'who does not come from a page is told nothing about it')
})

t.test('RS-08: a preflight may ask for the headers of MCP and those that carry a tool\'s parameters, and for nothing else', async t => {
  const app = await guardedApp(t, { after: answering() })
  const asks = { ...preflight(origin), 'access-control-request-headers': 'authorization, mcp-param-Region,x-admin,Mcp-Param-,mcp-param-a b, mcp-param-x' }
  const answer = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: asks })
  t.equal(answer.statusCode, 204)
  t.strictSame(corsOf(answer.headers), {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID, mcp-param-Region, mcp-param-x',
    vary: 'Origin'
  })
})

const heads: Record<string, (reply: FastifyReply) => void> = {
  'writeHead with an object': reply => { reply.raw.writeHead(200, { 'content-type': 'text/event-stream', vary: 'Accept', 'x-none': undefined }).end('data: 1\n\n') },
  'writeHead with a list': reply => { reply.raw.writeHead(200, ['Content-Type', 'text/event-stream', 'Vary', 'Accept', 'Set-Cookie', 'a=1', 'Set-Cookie', ['b=2']]).end('data: 1\n\n') },
  'writeHead with a message': reply => { reply.raw.setHeader('vary', 'Accept').writeHead(200, 'Fine', { 'content-type': 'text/event-stream' }).end('data: 1\n\n') },
  'setHeader and a first byte': reply => {
    reply.raw.setHeader('content-type', 'text/event-stream').setHeader('vary', 'Accept')
    reply.raw.write('data: 1\n\n')
    reply.raw.end()
  },
  'flushHeaders alone': reply => {
    reply.raw.setHeader('content-type', 'text/event-stream').setHeader('vary', 'Accept').flushHeaders()
    reply.raw.end('data: 1\n\n')
  }
}

for (const [how, write] of Object.entries(heads)) {
  t.test(`RS-08: a transport that hijacked the reply and uses ${how} has the headers, once`, async t => {
    const app = await guardedApp(t, { after: app => { app.post('/mcp', async (_, reply) => { write(reply.hijack()) }) } })
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/mcp`
    const headers = { ...await signInAs(app, ann), origin }
    const answer = await fetch(url, { method: 'POST', headers })
    t.equal(answer.status, 200)
    t.equal(await answer.text(), 'data: 1\n\n')
    t.equal(answer.headers.get('content-type'), 'text/event-stream')
    t.strictSame(corsOf(Object.fromEntries(answer.headers)), { ...allowed, vary: 'Accept, Origin' })
    t.equal(answer.statusText, how.endsWith('message') ? 'Fine' : 'OK')
    t.strictSame(answer.headers.getSetCookie(), how.endsWith('list') ? ['a=1', 'b=2'] : [])
  })
}

t.test('RS-08: what a handler says about other origins by itself is left as it is', async t => {
  const app = await guardedApp(t, {
    after: app => {
      app.post('/mcp', async (_, reply) => reply.header('access-control-allow-origin', 'https://shop.example').send('x'))
      app.post('/mcp/raw', async (_, reply) => { reply.hijack().raw.setHeader('Access-Control-Allow-Origin', '*').end('x') })
      app.post('/mcp/credentials', async (_, reply) => reply.header('access-control-allow-credentials', 'true').send('x'))
    }
  })
  const headers = { ...await signInAs(app, ann), origin }
  const cors = async (url: string) => corsOf((await app.inject({ method: 'POST', url, headers })).headers)
  t.strictSame(await cors('/mcp'), { 'access-control-allow-origin': 'https://shop.example' }, 'another origin')
  t.strictSame(await cors('/mcp/raw'), { 'access-control-allow-origin': '*', 'access-control-expose-headers': exposed })
  t.strictSame(await cors('/mcp/credentials'), { 'access-control-allow-credentials': 'true' }, 'our word would give that to everybody')
})
