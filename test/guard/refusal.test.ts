import t from 'tap'
import { StorageUnavailableError, type OAuthError } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, challenge, guardedApp } from '../fixtures/guarded-app.ts'
import { captureLog } from '../fixtures/log.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'

const invalidTokenChallenge = challenge
  .replace('Bearer ', 'Bearer error="invalid_token", ')
  .replace(', scope=', ', error_description="The access token is invalid, expired or revoked", scope=')

t.test('RFC 6750 §3.1: without a token, the challenge names no error', async t => {
  const app = await guardedApp(t, { after: answering() })
  for (const headers of [{}, { authorization: 'Basic YTpi' }, { authorization: '' }, { authorization: 'Bearerx y' }, { cookie: 'access_token=x' }]) {
    const answer = await app.inject({ method: 'POST', url: '/mcp', headers })
    t.equal(answer.statusCode, 401)
    t.equal(answer.headers['www-authenticate'], challenge)
    t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
    t.equal(answer.headers['cache-control'], 'no-store')
    t.strictSame(answer.json(), { error: 'invalid_token', error_description: 'An access token is required' })
  }
})

t.test('W4, RS-06: a malformed Authorization header is 401 and names the error', async t => {
  const app = await guardedApp(t, { after: answering() })
  const malformed = [
    'Bearer', 'Bearer ', 'Bearer a b', 'Bearer a,b', 'Bearer "a"', 'bearer é', 'Bearer =', 'Bearer a=b', 'Bearer\ta', 'Bearer ...', 'Bearer a.b.c',
    `Bearer ${'a'.repeat(8000)}`, 'Bearer __proto__', 'Bearer null', 'Bearer %00', 'Bearer eyJhbGciOiJub25lIn0.e30.'
  ]
  for (const authorization of malformed) {
    const answer = await app.inject({ method: 'POST', url: '/mcp', headers: { authorization } })
    t.equal(answer.statusCode, 401, authorization.slice(0, 40))
    // A tab is no separator: such a header is of another scheme.
    t.equal(answer.headers['www-authenticate'], authorization.includes('\t') ? challenge : invalidTokenChallenge)
  }
})

t.test('RS-05: Bearer in any case, with one or more spaces; the query string holds no token', async t => {
  const app = await guardedApp(t, { after: answering() })
  const { authorization } = await signInAs(app, { email: 'ann@example.com' })
  const token = authorization.slice('Bearer '.length)
  for (const header of [`bearer ${token}`, `BEARER ${token}`, `Bearer    ${token}`, `Bearer ${token} `]) {
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: header } })).statusCode, 200, header.slice(0, 12))
  }
  const inQuery = await app.inject({ method: 'POST', url: '/mcp', query: { access_token: token } })
  t.equal(inQuery.headers['www-authenticate'], challenge)
  const inForm = await app.inject({ method: 'POST', url: '/mcp', payload: { access_token: token } })
  t.equal(inForm.statusCode, 401)
})

t.test('RS-04: a token is for one resource', async t => {
  const watch = watchStorage()
  const elsewhere = await guardedApp(t, { storage: watch.storage, resource: 'https://api.example.com/other', after: answering() })
  const here = await guardedApp(t, { storage: watch.storage, after: answering() })
  const headers = await signInAs(elsewhere, { email: 'ann@example.com' })
  t.equal((await here.inject({ method: 'POST', url: '/mcp', headers })).headers['www-authenticate'], invalidTokenChallenge)
})

t.test('RS-06: a storage that is down is 503, and is asked again when it is back', async t => {
  const log = captureLog()
  const watch = watchStorage()
  const app = await guardedApp(t, { fastify: { logger: log.logger }, storage: watch.storage, revalidateAfter: 0, after: answering() })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  watch.failure = new StorageUnavailableError({ cause: new Error('connect ECONNREFUSED 10.0.0.7:5432') })
  const answer = await app.inject({ method: 'POST', url: '/mcp', headers })
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['retry-after'], '5')
  t.notHas(answer.headers, 'www-authenticate')
  t.strictSame(answer.json(), { error: 'temporarily_unavailable', error_description: 'Access can not be checked at the moment' })
  t.match(log.of('access could not be checked'), [{ level: 50, err: { type: 'StorageUnavailableError' } }])
  t.equal((await app.inject({ method: 'POST', url: '/mcp' })).statusCode, 401, 'who brings no token is not the storage\'s business')
  watch.failure = undefined
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 200)
})

t.test('RS-06: down at start, the server starts, answers 503, and recovers', async t => {
  const watch = watchStorage()
  watch.failure = new StorageUnavailableError()
  const app = await guardedApp(t, { storage: watch.storage, firstAdmin: { email: 'ann@example.com' }, after: answering() })
  await app.ready()
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: 'Bearer x' } })).statusCode, 503)
  watch.failure = undefined
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: 'Bearer x' } })).statusCode, 401)
  t.match(await app.mcpOAuth.users.list(), [{ email: 'ann@example.com', role: 'admin' }])
  await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: 'Bearer x' } })
  t.equal(watch.calls.filter(name => name === 'addFirstAdmin').length, 1)
})

t.test('W7: whatever else the storage throws is a 500 without details, never a verdict', async t => {
  const log = captureLog()
  const watch = watchStorage()
  const app = await guardedApp(t, { fastify: { logger: log.logger }, storage: watch.storage, revalidateAfter: 0, after: answering() })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  watch.failure = new Error('column "secret_column" of relation "oauth_tokens" does not exist')
  const answer = await app.inject({ method: 'POST', url: '/mcp', headers })
  t.equal(answer.statusCode, 500)
  t.notHas(answer.headers, 'www-authenticate')
  t.equal(answer.json().error, 'server_error')
  t.notMatch(answer.body, /secret_column|oauth_tokens|at /)
  const [line] = log.of('access could not be checked')
  t.match(line, { err: { message: /secret_column/ } })
  t.ok(answer.body.includes(String(line?.['reqId'])), 'the answer names the line of the log')
})

t.test('onRefused is told of each refusal, with its cause', async t => {
  const told: Array<{ url: string, error: OAuthError }> = []
  const app = await guardedApp(t, { after: answering(), onRefused: (request, error) => { told.push({ url: request.url, error }) } })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  const [user] = await app.mcpOAuth.users.list('ann@example.com')
  await app.inject({ method: 'POST', url: '/mcp' })
  await app.inject({ method: 'GET', url: '/mcp' })
  await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: 'Bearer a b' } })
  await app.inject({ method: 'POST', url: '/mcp', headers })
  t.equal(told.length, 3, 'who is admitted is not refused')
  await app.mcpOAuth.users.update(user?.id ?? '', { status: 'suspended' })
  await app.inject({ method: 'POST', url: '/mcp', headers })
  await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: 'Bearer a.b.c' } })
  t.match(told, [
    { url: '/mcp', error: { code: 'invalid_token', cause: undefined } },
    { error: { cause: undefined } },
    { error: { cause: 'the Authorization header is malformed' } },
    { error: { code: 'invalid_token', statusCode: 401, cause: 'the user is suspended' } },
    { error: { cause: Error } }
  ])
})

t.test('an onRefused that fails changes nothing about the refusal', async t => {
  const failing = {
    throws: () => { throw new Error('my metrics are down') },
    rejects: async () => { throw new Error('my metrics are down') }
  }
  for (const [how, onRefused] of Object.entries(failing)) {
    const log = captureLog()
    const app = await guardedApp(t, { fastify: { logger: log.logger }, after: answering(), onRefused })
    const answer = await app.inject({ method: 'POST', url: '/mcp' })
    t.equal(answer.statusCode, 401, how)
    t.equal(answer.headers['www-authenticate'], challenge)
    t.match(log.of('onRefused failed'), [{ level: 50, err: { message: 'my metrics are down' } }])
  }
})
