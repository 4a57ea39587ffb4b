import type { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { oidc } from '../../lib/providers/index.ts'
import { getJson, postForm } from '../../lib/providers/upstream.ts'
import { sendJson } from '../fixtures/providers/double.ts'
import { startOidcDouble } from '../fixtures/providers/oidc.ts'
import { signIn } from '../fixtures/providers/sign-in.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void
interface Case { answer: Handler, reason: string }

const secret = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCY'
const huge = JSON.stringify({ a: 'x'.repeat(256 * 1024) })

const answers: Record<string, Case> = {
  500: { answer: (_request, response) => sendJson(response, { error: 'server_error' }, 500), reason: 'unavailable' },
  '503 with a page': { answer: (_request, response) => response.writeHead(503).end('<h1>back soon</h1>'), reason: 'unavailable' },
  '503 with a huge page': { answer: (_request, response) => response.writeHead(503).end(huge), reason: 'unavailable' },
  429: { answer: (_request, response) => sendJson(response, {}, 429), reason: 'unavailable' },
  400: { answer: (_request, response) => sendJson(response, { error: 'invalid_grant' }, 400), reason: 'refused' },
  '404 with a page': { answer: (_request, response) => response.writeHead(404).end('<h1>nothing here</h1>'), reason: 'refused' },
  '404 with a huge page': { answer: (_request, response) => response.writeHead(404).end(huge), reason: 'refused' },
  'a redirect': { answer: (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end(), reason: 'untrusted' },
  204: { answer: (_request, response) => response.writeHead(204).end(), reason: 'untrusted' },
  'a page': { answer: (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>'), reason: 'untrusted' },
  'nothing at all': { answer: (_request, response) => response.end(), reason: 'untrusted' },
  'half of JSON': { answer: (_request, response) => response.end('{"a":'), reason: 'untrusted' },
  'an array': { answer: (_request, response) => response.end('[{}]'), reason: 'untrusted' },
  null: { answer: (_request, response) => response.end('null'), reason: 'untrusted' },
  'a string': { answer: (_request, response) => response.end('"{}"'), reason: 'untrusted' },
  'more than 256 KiB': { answer: (_request, response) => response.end(huge), reason: 'untrusted' },
  'a connection that closes at once': { answer: (request) => request.socket.destroy(), reason: 'unavailable' },
  'a connection that closes in the middle': {
    answer: (request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"access_token":')
      setTimeout(() => request.socket.destroy(), 20)
    },
    reason: 'unavailable'
  },
  'what is not HTTP': { answer: (request) => request.socket.end(`${secret}\r\n\r\n`), reason: 'unavailable' }
}

t.test('PX-10: whatever a provider answers is a ProviderError, at each of its endpoints', async (t) => {
  const double = await startOidcDouble(t, { claims: { sub: 'subject-1' } })
  for (const [what, { answer, reason }] of Object.entries(answers)) {
    for (const path of ['/.well-known/openid-configuration', '/token', '/jwks', '/userinfo']) {
      double.instead.clear()
      double.seen.length = 0
      const provider = oidc({ id: 'some', issuer: double.origin, clientId: double.clientId, clientSecret: double.clientSecret })
      double.instead.set(path, answer)
      await t.rejects(signIn(provider), { name: 'Error', reason }, `${what} at ${path}`)
      t.equal(double.count('/elsewhere'), 0)
      t.equal(double.count(path), 1, `${path} was asked once`)
    }
  }
})

function drip (response: ServerResponse, every: number) {
  const timer = setInterval(() => response.write(' '), every)
  response.on('close', () => clearInterval(timer))
}

const slow: Record<string, Handler> = {
  'no answer': () => {},
  'no body': (_request, response) => { response.writeHead(200).flushHeaders() },
  'a dripping body': (_request, response) => drip(response.writeHead(200), 100),
  'a dripping error': (_request, response) => drip(response.writeHead(400), 100)
}

t.test('issue 2: an upstream that is slow is unavailable after five seconds in all', async (t) => {
  const double = await startOidcDouble(t)
  const started = Date.now()
  await Promise.all(Object.entries(slow).map(async ([what, answer], index) => {
    double.instead.set(`/slow/${index}`, answer)
    await t.rejects(getJson(`${double.origin}/slow/${index}`), { reason: 'unavailable', cause: { message: 'TimeoutError' } }, what)
    const took = Date.now() - started
    t.ok(took > 4_000 && took < 7_000, `${what} took ${took} ms`)
  }))
})

t.test('an answer is read to 256 KiB and no further', async (t) => {
  const double = await startOidcDouble(t)
  double.instead.set('/huge', (_request, response) => response.end(huge))
  await t.rejects(getJson(`${double.origin}/huge`), { reason: 'untrusted', message: /more than 262144 bytes/ })

  const closed = new Promise<void>((resolve) => {
    double.instead.set('/endless', (_request, response) => {
      const pour = () => { while (response.write(Buffer.alloc(16_384, ' '))); }
      response.on('drain', pour).on('close', resolve)
      pour()
    })
  })
  const started = Date.now()
  await t.rejects(getJson(`${double.origin}/endless`), { reason: 'untrusted', message: /more than 262144 bytes/ })
  await closed
  t.ok(Date.now() - started < 4_000, 'the connection is closed at once')
})

t.test('a provider that is down is unavailable, and the cause names the network error', async (t) => {
  await t.rejects(getJson('http://127.0.0.1:1/'), { reason: 'unavailable', message: 'GET http://127.0.0.1:1/ failed', cause: { message: 'ECONNREFUSED' } })
})

t.test('only https, and http on loopback, is asked at all', async (t) => {
  for (const address of ['http://example.com/token', 'ftp://127.0.0.1/', 'file:///etc/passwd', '/token', 'https://user:pass@example.com/', '']) {
    await t.rejects(getJson(address), { reason: 'untrusted', message: /neither https nor http on loopback/ }, address)
  }
})

t.test('PX-10: no secret gets into an error: not ours, not what the provider wrote', async (t) => {
  const double = await startOidcDouble(t)
  const leaks: Record<string, Handler> = {
    '/code': (_request, response) => sendJson(response, { error: secret, error_description: secret }, 400),
    '/description': (_request, response) => sendJson(response, { error: 'invalid_client', error_description: secret }, 401),
    '/number': (_request, response) => sendJson(response, { error: 1 }, 400),
    '/long': (_request, response) => sendJson(response, { error: 'a'.repeat(41) }, 400),
    '/junk': (request) => request.socket.end(`${secret}\r\n\r\n`)
  }
  for (const [path, answer] of Object.entries(leaks)) {
    double.instead.set(path, answer)
    const form = new URLSearchParams({ client_secret: secret })
    const error = await postForm(`${double.origin}${path}?key=${encodeURIComponent(secret)}`, form, { authorization: `Bearer ${secret}` })
      .then(() => t.fail('answered'), (error: unknown) => error)
    t.ok(error instanceof Error)
    const all = (value: unknown): string => value instanceof Object
      ? Object.getOwnPropertyNames(value).map((name) => `${name}: ${all(Reflect.get(value, name))}`).join('\n')
      : String(value)
    t.notMatch(all(error), secret, path)
    t.notMatch(all(error), encodeURIComponent(secret), path)
  }
  await t.rejects(postForm(`${double.origin}/description`, new URLSearchParams()), { cause: { message: 'invalid_client' } })
  for (const path of ['/code', '/number', '/long']) {
    const error = await getJson(`${double.origin}${path}`).catch((error: unknown) => error)
    t.same(Object(error).cause, undefined, path)
  }
})

t.test('an answer of 256 KiB is read, and members are what was sent', async (t) => {
  const double = await startOidcDouble(t)
  const start = '{"__proto__":{"admin":true},"a":"'
  const text = `${start}${'x'.repeat(256 * 1024 - start.length - 2)}"}`
  double.instead.set('/big', (_request, response) => response.end(text))
  const answer = await getJson(`${double.origin}/big`)
  t.equal(text.length, 256 * 1024)
  t.notOk('admin' in answer)
  t.same(Object.keys(answer), ['__proto__', 'a'])
})
