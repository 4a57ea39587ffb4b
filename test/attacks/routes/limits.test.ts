import rateLimit from '@fastify/rate-limit'
import { mock } from 'node:test'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t from 'tap'
import { signInAs } from '../../../lib/testing/index.ts'
import { guardedApp, type GuardedAppOptions } from '../../fixtures/guarded-app.ts'
import { captureLog } from '../../fixtures/log.ts'
import { watchStorage } from '../../fixtures/watched-storage.ts'
import { whoami } from '../../fixtures/world.ts'

type Scope = Parameters<typeof guardedApp>[0]

const tooMany = 'Too many requests came from this address'
const form = { 'content-type': 'application/x-www-form-urlencoded' }

async function setUp (t: Scope, options: GuardedAppOptions = {}) {
  const watch = watchStorage()
  const app = await guardedApp(t, { after: whoami, storage: watch.storage, rateLimit: { max: 3 }, ...options })
  return { app, watch }
}

// A minute is over when a test says so.
t.beforeEach(() => { mock.timers.enable({ apis: ['Date'], now: Date.now() }) })
t.afterEach(() => { mock.timers.reset() })

/** How often, of five times, the token endpoint lets one ask. */
async function passed (app: FastifyInstance, requests: InjectOptions[]): Promise<number> {
  const answers = []
  for (const request of requests) answers.push(await app.inject({ method: 'POST', url: '/oauth/token', headers: form, payload: '', ...request }))
  return answers.filter(({ statusCode }) => statusCode !== 429).length
}

const endpoints: ReadonlyArray<{ method: 'GET' | 'POST' | 'OPTIONS', url: string, json?: boolean }> = [
  { method: 'POST', url: '/oauth/token', json: true },
  { method: 'POST', url: '/oauth/revoke', json: true },
  { method: 'POST', url: '/oauth/introspect', json: true },
  { method: 'POST', url: '/oauth/register', json: true },
  { method: 'GET', url: '/oauth/userinfo', json: true },
  { method: 'GET', url: '/.well-known/oauth-authorization-server', json: true },
  { method: 'GET', url: '/.well-known/oauth-protected-resource/mcp', json: true },
  { method: 'OPTIONS', url: '/oauth/token', json: true },
  { method: 'GET', url: '/oauth/authorize' },
  { method: 'POST', url: '/oauth/consent' },
  { method: 'GET', url: '/oauth/callback' }
]

t.test('TK-08, RFC 6585 §4: every endpoint has an end, told as OAuth’s JSON to programs and as a page to people, and asks nothing of the storage', async t => {
  for (const { method, url, json } of endpoints) {
    const { app, watch } = await setUp(t)
    for (let turn = 0; turn < 3; turn++) t.not((await app.inject({ method, url })).statusCode, 429, `${method} ${url}`)
    watch.calls.length = 0
    const { statusCode, headers, body } = await app.inject({ method, url })
    t.equal(statusCode, 429, `${method} ${url}`)
    t.match(headers, { 'retry-after': '60', 'cache-control': /no-store/, 'content-type': json === true ? /^application\/json/ : /^text\/html/ })
    if (json === true) t.strictSame(JSON.parse(body), { error: 'temporarily_unavailable', error_description: tooMany })
    else t.match(body, /<h1>Too many requests<\/h1>/)
    t.strictSame(watch.calls, [])
    t.notOk(Object.keys(headers).some(name => name.startsWith('x-ratelimit')), 'and without a word about how far one can go')
  }
})

t.test('a page’s end is JSON for a program that asks for it', async t => {
  const { app } = await setUp(t, { rateLimit: { max: 1 } })
  await app.inject('/oauth/authorize')
  const answer = await app.inject({ url: '/oauth/authorize', headers: { accept: 'application/json' } })
  t.match(answer, { statusCode: 429, headers: { 'retry-after': '60' } })
  t.match(answer.json(), { error: 'temporarily_unavailable' })
})

t.test('the end is over after a minute, and one endpoint’s is not another’s', async t => {
  const { app } = await setUp(t)
  t.equal(await passed(app, Array(5).fill({})), 3)
  mock.timers.tick(45_000)
  t.match(await app.inject({ method: 'POST', url: '/oauth/token' }), { statusCode: 429, headers: { 'retry-after': '15' } })
  t.not((await app.inject({ method: 'POST', url: '/oauth/revoke' })).statusCode, 429)
  mock.timers.tick(15_000)
  t.equal(await passed(app, Array(5).fill({})), 3)
})

t.test('the guard’s refusals are not counted, and who has a token is not held up', async t => {
  const { app } = await setUp(t)
  const headers = await signInAs(app, { email: 'ann@example.com' })
  for (let turn = 0; turn < 10; turn++) {
    t.equal((await app.inject({ method: 'POST', url: '/mcp' })).statusCode, 401)
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 200)
  }
})

t.test('rateLimit: false counts nothing', async t => {
  const { app } = await setUp(t, { rateLimit: false })
  const { client_id: id } = await app.mcpOAuth.clients.create({ redirect_uris: ['https://client.example/cb'] })
  const statuses = new Set<number>()
  for (let turn = 0; turn < 1100; turn++) {
    statuses.add((await app.inject({ method: 'POST', url: '/oauth/token', headers: form, payload: `grant_type=refresh_token&client_id=${id}&client_secret=wrong` })).statusCode)
  }
  t.strictSame([...statuses], [401])
})

const from = (remoteAddress: string): InjectOptions => ({ remoteAddress })

const sameAddress: Record<string, string[]> = {
  'W3: one /64, however its addresses are spelt': ['2001:db8:1:2::1', '2001:DB8:1:2::1', '2001:0db8:0001:0002:0000:0000:0000:0001', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::192.0.2.1'],
  'W3: IPv4 in IPv6’s clothes': ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1', '::ffff:c000:201', '0:0:0:0:0:ffff:192.0.2.1'],
  'W3: a link-local address in whatever zone': ['fe80::1%eth0', 'fe80::2%eth1', 'fe80::1', 'fe80::3%1', 'FE80::1%ETH0']
}

for (const [what, addresses] of Object.entries(sameAddress)) {
  t.test(`${what} has one limit`, async t => {
    const { app } = await setUp(t)
    t.equal(await passed(app, addresses.map(from)), 3)
  })
}

t.test('W3: another network is another one’s', async t => {
  const { app } = await setUp(t, { rateLimit: { max: 1 } })
  const addresses = ['2001:db8:1:2::1', '2001:db8:1:3::1', '192.0.2.1', '192.0.2.2', '::ffff:192.0.2.3', '::1']
  t.equal(await passed(app, addresses.map(from)), addresses.length)
})

t.test('W12: without trustProxy, what a client says of its address changes nothing', async t => {
  const { app } = await setUp(t)
  const spoofed = Array.from({ length: 5 }, (_, index) => ({ headers: { ...form, 'x-forwarded-for': `192.0.2.${index}`, 'x-real-ip': `192.0.2.${index}`, forwarded: `for=192.0.2.${index}` } }))
  t.equal(await passed(app, spoofed), 3)
})

t.test('W12: behind a proxy that is trusted, the right-most address that is no proxy’s counts, whatever stands left of it', async t => {
  const { app } = await setUp(t, { fastify: { trustProxy: ['10.0.0.0/8'] } })
  const via = (forwarded: string) => ({ remoteAddress: '10.0.0.1', headers: { ...form, 'x-forwarded-for': forwarded } })
  const spoofed = ['192.0.2.1, 203.0.113.7', '192.0.2.2, 203.0.113.7', '10.0.0.9, 203.0.113.7', '203.0.113.7, 10.0.0.2', '::ffff:203.0.113.7']
  t.equal(await passed(app, spoofed.map(via)), 3)
  t.equal(await passed(app, [via('203.0.113.7, 203.0.113.8')]), 1, 'and another visitor has a limit of their own')
  const direct = Array.from({ length: 5 }, (_, index) => ({ remoteAddress: '203.0.113.9', headers: { ...form, 'x-forwarded-for': `192.0.2.${index}` } }))
  t.equal(await passed(app, direct), 3, 'nor does anybody but the proxy say whose request it is')
})

/** An app with a confidential client, and what its secret is tried with. */
async function withSecret (t: Scope, options: GuardedAppOptions = {}) {
  const { app, watch } = await setUp(t, { rateLimit: { maxFailures: 3 }, ...options })
  const { client_id: id, client_secret: secret = '' } = await app.mcpOAuth.clients.create({ redirect_uris: ['https://client.example/cb'] })
  const ask = async (clientId: string, clientSecret: string, { url = '/oauth/token', address = '192.0.2.1' } = {}) => {
    const payload = String(new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', token: 'x', client_id: clientId, client_secret: clientSecret }))
    return await app.inject({ method: 'POST', url, headers: form, payload, remoteAddress: address })
  }
  return { app, watch, id, secret, ask }
}

for (const url of ['/oauth/token', '/oauth/revoke', '/oauth/introspect']) {
  t.test(`TK-08: ${url}: after three wrong secrets the right one does not count either, from that address alone`, async t => {
    const log = captureLog('warn')
    const { id, secret, ask } = await withSecret(t, { fastify: { logger: log.logger } })
    const right = url === '/oauth/token' ? 400 : 200
    t.equal((await ask(id, secret, { url })).statusCode, right)
    for (let turn = 0; turn < 3; turn++) t.match(await ask(id, `wrong ${turn}`, { url }), { statusCode: 401, body: /invalid_client/ })
    t.match(await ask(id, secret, { url }), { statusCode: 429, headers: { 'retry-after': '60' }, body: /temporarily_unavailable/ })
    t.equal((await ask(id, secret, { url, address: '192.0.2.2' })).statusCode, right, 'nobody can lock out those who use the same client elsewhere')
    t.match(log.of('the secret of a client was wrong too often'), [{ clientId: id }])
    t.notMatch(log.text(), secret)
  })
}

t.test('TK-08: the three endpoints that take a secret count together, and so does Basic', async t => {
  const { app, id, secret, ask } = await withSecret(t)
  await ask(id, 'wrong', { url: '/oauth/token' })
  await ask(id, 'wrong', { url: '/oauth/revoke' })
  const authorization = `Basic ${Buffer.from(`${id}:wrong`).toString('base64')}`
  t.equal((await app.inject({ method: 'POST', url: '/oauth/introspect', headers: { ...form, authorization }, payload: 'token=x', remoteAddress: '192.0.2.1' })).statusCode, 401)
  t.equal((await ask(id, secret)).statusCode, 429)
})

t.test('TK-08: one client’s wrong secrets are not another’s, and those that come right count for nothing', async t => {
  const { app, id, secret, ask } = await withSecret(t)
  const other = await app.mcpOAuth.clients.create({ redirect_uris: ['https://client.example/cb'] })
  for (let turn = 0; turn < 4; turn++) await ask(id, 'wrong')
  for (let turn = 0; turn < 10; turn++) t.equal((await ask(other.client_id, other.client_secret ?? '')).statusCode, 400)
  t.equal((await ask(id, secret)).statusCode, 429)
})

t.test('TK-08: clients that there are not, are deactivated, or have no secret, have nothing to be counted', async t => {
  const { app, id, secret, ask } = await withSecret(t)
  const open = await app.mcpOAuth.clients.create({ redirect_uris: ['https://client.example/cb'], token_endpoint_auth_method: 'none' })
  await app.mcpOAuth.clients.setActive(id, false)
  for (const clientId of ['nobody', id, open.client_id]) {
    for (let turn = 0; turn < 10; turn++) t.match(await ask(clientId, 'wrong'), { statusCode: 401 }, clientId)
  }
  await app.mcpOAuth.clients.setActive(id, true)
  t.equal((await ask(id, secret)).statusCode, 400)
})

t.test('TK-08: the end of guessing is over after a minute', async t => {
  const { id, secret, ask } = await withSecret(t)
  for (let turn = 0; turn < 3; turn++) await ask(id, 'wrong')
  mock.timers.tick(59_999)
  t.match(await ask(id, secret), { statusCode: 429, headers: { 'retry-after': '1' } })
  mock.timers.tick(1)
  t.equal((await ask(id, secret)).statusCode, 400)
})

t.test('a thousand people behind the addresses of one hosted client are let in', async t => {
  const { app } = await setUp(t, { rateLimit: {} })
  t.equal(await passed(app, Array(1001).fill({})), 1000)
})

for (const order of ['before', 'after'] as const) {
  t.test(`an app’s own @fastify/rate-limit, ${order} ours: each counts for itself`, async t => {
    const equip = async (app: FastifyInstance) => { await app.register(rateLimit, { max: 4, timeWindow: 60_000 }) }
    const { app } = await setUp(t, {
      rateLimit: { max: 1 },
      before: async app => { if (order === 'before') await equip(app) },
      after: async app => {
        if (order === 'after') await equip(app)
        app.get('/menu', async () => 'menu')
        whoami(app)
      }
    })
    const menu = async () => await app.inject('/menu')
    t.match(await menu(), { statusCode: 200, headers: { 'x-ratelimit-limit': '4', 'x-ratelimit-remaining': '3' } })
    const metadata = () => app.inject('/.well-known/oauth-authorization-server')
    t.equal((await metadata()).statusCode, 200)
    t.match(await metadata(), { statusCode: 429, headers: { 'retry-after': '60' }, body: /temporarily_unavailable/ })
    // One that covers all routes covers ours, where it is there before them.
    t.match(await menu(), { statusCode: 200, headers: { 'x-ratelimit-remaining': order === 'before' ? '1' : '2' } })
    for (let turn = 0; turn < 3; turn++) await menu()
    t.match(await menu(), { statusCode: 429, body: /Rate limit exceeded/ })
    const token = await app.inject({ method: 'POST', url: '/oauth/token', headers: form, payload: 'grant_type=x' })
    if (order === 'after') t.equal(token.statusCode, 400)
    else t.match(token, { statusCode: 429, headers: { 'retry-after': '60', 'content-type': /json/ }, body: /"error":"temporarily_unavailable"/ }, 'its end is told in our words')
  })
}
