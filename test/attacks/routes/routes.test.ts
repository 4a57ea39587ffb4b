import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { authorizeUrl, callMcp, connect, pkce, refusalOf, register, token } from '../../fixtures/flow.ts'
import { answering, guardedApp } from '../../fixtures/guarded-app.ts'
import { captureLog } from '../../fixtures/log.ts'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { watchStorage } from '../../fixtures/watched-storage.ts'
import { startWorld } from '../../fixtures/world.ts'

t.test('W2: the issuer is what the configuration says, whatever Host and forwarded headers say', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()], fastify: { trustProxy: ['127.0.0.1'] } })
  const client = await register(world)
  const headers = {
    host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example;proto=https', 'x-original-url': '/evil', 'x-rewrite-url': '/evil'
  }
  const { pathname, search } = new URL(authorizeUrl(world, client, pkce()))
  const documents = ['/.well-known/oauth-authorization-server', '/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']
  for (const url of [...documents, pathname + search]) {
    const { body, headers: answered, statusCode } = await world.app.inject({ url, headers })
    t.equal(statusCode, 200, url)
    t.notMatch(body + JSON.stringify(answered), 'evil', url)
  }
  const refused = await world.app.inject({ method: 'POST', url: '/mcp', headers })
  t.equal(refused.statusCode, 401)
  t.match(refused.headers['www-authenticate'], `resource_metadata="${world.origin}/`)
})

t.test('W4: a malformed Authorization header is 401, at the protected route and at the token endpoint', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()] })
  const { tokens } = await connect(world)
  const good = tokens.access_token
  const malformed = [
    'Bearer', 'Bearer ', 'Bearer  ', `Bearer ${good} ${good}`, `Bearer ${good},`, `Bearer "${good}"`, 'Bearer =', 'Bearer ä', 'Bearer a b', `Bearer:${good}`,
    'Bearer ..', 'Bearer a.b.c', `Bearer ${good}.`, `Bearer .${good}`, `Bearer ${'a'.repeat(7000)}`, 'Basic', 'Basic !!!', 'Digest x', '\t', 'Bearer\u00A0x'
  ]
  for (const authorization of malformed) {
    const refused = await callMcp(world, undefined, { headers: { authorization } })
    t.match(refused.headers.get('www-authenticate'), /^Bearer /, JSON.stringify(authorization.slice(0, 40)))
    t.same(await refusalOf(refused), { status: 401, error: 'invalid_token' })
  }
  for (const credentials of ['', ':', 'id', 'id:', ':secret', '%:secret', 'id:%E0%A4%A', 'a\0b:c', 'id:\0', '\ud800:x']) {
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
    const refused = await token(world, { grant_type: 'refresh_token', refresh_token: 'x' }, { authorization })
    t.equal(refused.headers.get('www-authenticate'), 'Basic realm="oauth"', JSON.stringify(credentials))
    t.same(await refusalOf(refused), { status: 401, error: 'invalid_client' })
  }
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) {
    t.equal((await callMcp(world, undefined, { headers: { authorization: `${scheme} ${good}` } })).status, 200, `${scheme} counts`)
  }
})

t.test('W6: routes that nobody named stay open, wherever they stand', async t => {
  const inChild = (url: string) => async (child: FastifyInstance) => { answering(url, 'GET')(child) }
  const app = await guardedApp(t, {
    before: async app => {
      answering('/before', 'GET')(app)
      answering('/mcp-status', 'GET')(app)
      await app.register(inChild('/earlier'))
    },
    after: async app => {
      answering()(app)
      answering('/after', 'GET')(app)
      await app.register(inChild('/mcp'), { prefix: '/later' })
    }
  })
  for (const url of ['/before', '/earlier', '/after', '/later/mcp', '/mcp-status', '/.well-known/oauth-authorization-server']) {
    t.equal((await app.inject(url)).statusCode, 200, url)
  }
  t.equal((await app.inject('/nowhere')).statusCode, 404)
})

t.test('W7: what goes wrong here is told without a stack and without details, and the log has it under the request id', async t => {
  const log = captureLog()
  const watch = watchStorage()
  const world = await startWorld(t, { providers: [scriptedProvider()], storage: watch.storage, revalidateAfter: 0, fastify: { logger: log.logger } })
  const { client, tokens } = await connect(world)
  watch.failure = new Error('relation "oauth_tokens" does not exist: SELECT token_id FROM oauth_tokens')
  const json = { accept: 'application/json' }
  const page = { accept: 'text/html' }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const post = (path: string, headers: Record<string, string>, body: string) => fetch(world.issuer + path, { method: 'POST', headers, body })
  const authorize = `${world.issuer}/oauth/authorize?client_id=${client.client_id}`
  const answers = {
    'the protected route': await callMcp(world, tokens.access_token),
    token: await post('/oauth/token', form, `grant_type=refresh_token&client_id=${client.client_id}&refresh_token=x`),
    register: await post('/oauth/register', { 'content-type': 'application/json' }, '{}'),
    authorize: await fetch(authorize, { headers: page }),
    'authorize as JSON': await fetch(authorize, { headers: json })
  }
  for (const [what, answer] of Object.entries(answers)) {
    const body = await answer.text()
    t.equal(answer.status, 500, what)
    t.notMatch(body, /SELECT|oauth_tokens|relation|Error|\.ts|node_modules| {4}at /, 'no details')
    const [id = ''] = /req-[\w]+/.exec(body) ?? []
    const logged = log.lines.filter(line => line['reqId'] === id && line['level'] === 50)
    t.match(logged, [{ err: { message: /oauth_tokens/, stack: String } }], 'the log has it all, as an error')
  }
})

t.test('W7, TK-07: a request id that the caller made up does not get into a description that may not hold it', async t => {
  const watch = watchStorage()
  const world = await startWorld(t, { providers: [scriptedProvider()], storage: watch.storage, revalidateAfter: 0, fastify: { requestIdHeader: 'x-request-id' } })
  const { client, tokens } = await connect(world)
  watch.failure = new Error('a defect')
  const descriptionAt = async (path: string, id: string) => {
    const headers = { 'x-request-id': id, authorization: `Bearer ${tokens.access_token}`, 'content-type': path === '/mcp' ? 'application/json' : 'application/x-www-form-urlencoded' }
    const answer = await fetch(`${world.issuer}${path}`, { method: 'POST', headers, body: path === '/mcp' ? '{}' : `grant_type=refresh_token&client_id=${client.client_id}&refresh_token=x` })
    t.equal(answer.status, 500)
    return Object(await answer.json()).error_description
  }
  for (const path of ['/mcp', '/oauth/token']) {
    for (const id of ['a"b', 'a\\b', 'a b', 'caf\u00e9', 'x'.repeat(101)]) t.equal(await descriptionAt(path, id), 'Something went wrong here', id)
    t.equal(await descriptionAt(path, 'edge-7f3a.1'), 'Something went wrong here; the log has it under edge-7f3a.1')
  }
})

t.test('W8: a preflight that carries a call is answered by the guard, and any other OPTIONS needs a token', async t => {
  let runs = 0
  const world = await startWorld(t, { providers: [scriptedProvider()], after: app => { app.all('/mcp', async () => { runs++; return 'ran' }) } })
  const { tokens } = await connect(world)
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'delete_order' } })
  const preflight = { origin: world.origin, 'access-control-request-method': 'POST' }
  const options = async (headers: Record<string, string>) => (await callMcp(world, undefined, { method: 'OPTIONS', headers, body })).status
  t.equal(await options(preflight), 204)
  t.equal(await options({ ...preflight, authorization: `Bearer ${tokens.access_token}` }), 204)
  const others: Array<Record<string, string>> = [{}, { origin: world.origin }, { 'access-control-request-method': 'POST' }, { authorization: 'Bearer x' }]
  for (const headers of others) t.equal(await options(headers), 401)
  t.equal(runs, 0)
  t.equal(await options({ authorization: `Bearer ${tokens.access_token}` }), 200)
  t.equal(runs, 1)
})
