import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { verifyAuditTrail } from '../../lib/audit/verify.ts'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { KyselyStorage } from '../../lib/storage/kysely/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { buttonsOf } from '../fixtures/browser-jar.ts'
import { startDatabase } from '../fixtures/database.ts'
import { allow, authorizeUrl, callMcp, connect, introspect, pkce, redeem, refresh, register, revoke, userinfo } from '../fixtures/flow.ts'
import { guardedApp } from '../fixtures/guarded-app.ts'
import { captureLog } from '../fixtures/log.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { startServerProcesses } from '../fixtures/server-process.ts'
import { connect as connectTo } from '../fixtures/storage.ts'
import { tcpProxy } from '../fixtures/tcp-proxy.ts'
import { secret, startWorld, whoami } from '../fixtures/world.ts'
import { until } from '../fixtures/until.ts'

t.setTimeout(180_000)

const keys = new KeyRing([secret])
const call = (name: string, args: object = {}) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })

t.test('the database goes and comes back under load: what was acknowledged is there, and what was dropped is counted, to the last one', async t => {
  const database = await startDatabase(t)
  const proxy = await tcpProxy(t, Number(new URL(database.url).port))
  const through = connectTo(t, database.url.replace(/:\d+\//, `:${proxy.port}/`), { max: 3, connectionTimeoutMillis: 20_000 })
  const log = captureLog('error')
  const app = await guardedApp(t, { fastify: log, after: whoami, storage: new KyselyStorage(through), revalidateAfter: 3600, rateLimit: false })
  const headers = { ...await signInAs(app, { email: 'ann@example.com' }), 'content-type': 'application/json' }
  const load = async (times: number) => {
    for (let turn = 0; turn < times; turn++) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => app.inject({ method: 'POST', url: '/mcp', headers, payload: call('order') })))
      t.ok(answers.every(({ statusCode }) => statusCode === 200))
    }
  }
  const count = async () => Number((await database.run('SELECT count(*)::int AS count FROM oauth_audit_events'))[0]?.['count'])
  await load(10)
  await app.mcpOAuth.audit.query()
  const before = app.mcpOAuth.audit.counts
  t.ok(before.stored > 500)
  await proxy.cut()
  await load(230)
  const down = app.mcpOAuth.audit.counts
  t.ok(down.dropped > 0, 'more than can wait')
  t.ok(down.waiting >= 10_000 && down.waiting <= 10_002)
  t.equal(down.generated, down.stored + down.dropped + down.waiting)
  t.equal(await count(), down.stored, 'acknowledged is what the database has')
  await proxy.mend()
  for (let turn = 0; turn < 100 && app.mcpOAuth.audit.counts.waiting > 0; turn++) await sleep(100)
  await load(2)
  await app.mcpOAuth.audit.query()
  const after = app.mcpOAuth.audit.counts
  t.equal(after.waiting, 0)
  t.equal(after.generated, after.stored + after.dropped)
  t.equal(await count(), after.stored)
  const dropped = await app.mcpOAuth.audit.query({ type: 'audit.dropped' })
  t.equal(dropped.events.reduce((sum, { details }) => sum + Number(details['count']), 0), after.dropped)
  t.match(await app.mcpOAuth.audit.verify(), { intact: true, events: after.stored })
  t.equal(log.of('audit events can not be stored; they wait').length, 1, 'told once')
})

t.test('two processes write at once, and each chain holds; what one of them did the other one can tell', async t => {
  const { sites, database } = await startServerProcesses(t)
  const { client, tokens } = await connect(sites[0])
  await Promise.all(Array.from({ length: 40 }, async (_, turn) => {
    const response = await callMcp(sites[turn % 2 === 0 ? 0 : 1], tokens.access_token, { body: call(`tool-${turn}`) })
    t.equal(response.status, 200)
  }))
  const queryAccesses = async () => await database.storage.queryAudit({ clientId: client.client_id, types: ['access'], limit: 100 })
  await until(async () => (await queryAccesses()).length >= 40)
  const verification = await verifyAuditTrail(database.storage, keys)
  t.match(verification, { intact: true, chains: 2 })
  const accesses = await queryAccesses()
  t.strictSame(new Set(accesses.flatMap(({ details }) => details['tools'])), new Set(Array.from({ length: 40 }, (_, turn) => `tool-${turn}`)))
  t.equal(new Set(accesses.map(({ writer }) => writer)).size, 2)
})

t.test('a person\'s story, in order: listed, signed in, two tools, suspended by another process, out; and a row that is changed by hand is noticed', async t => {
  const database = await startDatabase(t)
  const provider = scriptedProvider()
  const options = { storage: new KyselyStorage(database.db), providers: [provider], firstAdmin: { email: 'root@example.com' } }
  const world = await startWorld(t, { ...options, revalidateAfter: 1 })
  const elsewhere = await guardedApp(t, { ...options, issuer: world.issuer, resource: world.mcpUrl, protect: [] })
  await elsewhere.ready()
  const id = await elsewhere.mcpOAuth.users.add({ email: 'ann@example.com', name: 'Ann' })
  provider.signInAs('ann@example.com')
  const { tokens } = await connect(world)
  for (const tool of ['list_orders', 'create_order']) t.equal((await callMcp(world, tokens.access_token, { body: call(tool) })).status, 200)
  await elsewhere.mcpOAuth.users.update(id ?? '', { status: 'suspended' })
  const began = Date.now()
  while ((await callMcp(world, tokens.access_token)).status !== 401) await sleep(50)
  t.ok(Date.now() - began < 5000)
  await elsewhere.mcpOAuth.audit.query()
  const { events } = await world.app.mcpOAuth.audit.query({ userId: id })
  const story = events.toReversed().filter(({ details }) => details['tools'] !== undefined || !('status' in details && 'route' in details))
  t.strictSame(story.map(({ type, details }) => [type, details['tools'] ?? details['status'] ?? ''].flat().join(' ').trim()), [
    'user.added', 'sign-in.allowed', 'code.issued', 'token.issued', 'access list_orders', 'access create_order', 'user.changed suspended'
  ])
  const refused = await world.app.mcpOAuth.audit.query({ type: 'access' })
  t.match(refused.events[0], { outcome: 'refused', reason: 'the user is suspended' })
  t.match(await world.app.mcpOAuth.audit.verify(), { intact: true })
  const [row] = await database.run('UPDATE oauth_audit_events SET details = jsonb_set(details, \'{tools}\', \'["list_orders"]\') WHERE details -> \'tools\' = \'["create_order"]\' RETURNING writer, sequence')
  const { intact, findings } = await world.app.mcpOAuth.audit.verify()
  t.equal(intact, false)
  t.ok(findings.some(({ kind, writer, first, last }) => kind === 'changed' && writer === row?.['writer'] && first <= Number(row?.['sequence']) && last >= Number(row?.['sequence'])))
})

t.test('no token, code, secret, cookie, state or argument is in any row', async t => {
  const database = await startDatabase(t)
  const provider = scriptedProvider()
  const world = await startWorld(t, { storage: new KyselyStorage(database.db), providers: [provider], revalidateAfter: 0 })
  const secrets = new Set<string>([secret, 'upstream-code', 'argument-of-a-tool', 'client-state-of-its-own'])
  const client = await register(world, { token_endpoint_auth_method: 'client_secret_post' })
  const challenge = pkce()
  const consent = await world.browser.visit(authorizeUrl(world, client, challenge, { state: 'client-state-of-its-own', nonce: 'nonce-of-the-client' }))
  for (const { name } of buttonsOf(consent)) t.ok(name)
  for (const [, value = ''] of consent.body.matchAll(/value="([^"]{20,})"/g)) secrets.add(value)
  const end = await allow(world, consent)
  const code = end.url.searchParams.get('code') ?? ''
  for (const asked of provider.asked) for (const value of [asked.state, asked.nonce, asked.codeChallenge]) secrets.add(value)
  for (const exchanged of provider.exchanged) secrets.add(exchanged.codeVerifier)
  const first = await (await redeem(world, client, code, challenge)).json() as Record<string, string>
  const second = await (await refresh(world, client, first['refresh_token'] ?? '')).json() as Record<string, string>
  await callMcp(world, second['access_token'], { body: call('order', { note: 'argument-of-a-tool' }) })
  await callMcp(world, `${second['access_token']}x`)
  await userinfo(world, second['access_token'])
  const form = { client_id: client.client_id, client_secret: client.client_secret ?? '' }
  await introspect(world, { ...form, token: second['access_token'] ?? '' })
  await introspect(world, { ...form, client_secret: 'a-wrong-client-secret', token: 'x' })
  await redeem(world, client, code, challenge)
  await redeem(world, client, 'a-code-that-is-none', challenge)
  await refresh(world, client, 'a-token-that-is-none')
  await revoke(world, { ...form, token: second['refresh_token'] ?? '' })
  for (const value of [client.client_secret, code, challenge.codeVerifier, first['access_token'], first['refresh_token'], first['id_token'], second['access_token'], second['refresh_token'], 'a-wrong-client-secret', 'a-code-that-is-none', 'a-token-that-is-none']) secrets.add(value ?? '')
  await world.app.mcpOAuth.audit.query()
  const tables = ['events', 'seals', 'chains']
  const rows = (await Promise.all(tables.map(async table => await database.run(`SELECT row_to_json(t)::text AS row FROM oauth_audit_${table} AS t`)))).flat().map(({ row }) => String(row))
  t.ok(rows.length > 10)
  const all = rows.join('\n')
  for (const type of ['client.registered', 'consent.allowed', 'sign-in.allowed', 'code.issued', 'token.issued', 'token.refreshed', 'access', 'client.refused', 'code.replayed', 'token.refused']) t.ok(all.includes(`"${type}"`), type)
  t.ok(secrets.size > 15)
  for (const value of secrets) {
    t.ok(value.length > 4)
    t.notOk(all.includes(value), `${value.slice(0, 12)}…`)
    // Neither is the end of a token, which is its signature.
    if (value.length > 100) t.notOk(all.includes(value.slice(-43)))
  }
})

t.test('IPv6 addresses are kept whole, and what a header holds is cut', async t => {
  const database = await startDatabase(t)
  const app = await guardedApp(t, { after: whoami, storage: new KyselyStorage(database.db), fastify: { trustProxy: true, requestIdHeader: 'x-request-id' } })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  const address = '2001:db8:85a3:8d3:1319:8a2e:370:7348'
  await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, 'x-forwarded-for': address, 'user-agent': `Mozilla\u00ff${'x'.repeat(5000)}`, 'x-request-id': 'y'.repeat(5000) } })
  await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, 'x-forwarded-for': 'z'.repeat(3000) } })
  const { events } = await app.mcpOAuth.audit.query({ type: 'access' })
  t.match(events[1], { address, userAgent: /^Mozilla\u00ffx{248}$/, requestId: 'y'.repeat(128) })
  t.ok((events[0]?.address ?? '').length <= 64)
  t.match(await app.mcpOAuth.audit.verify(), { intact: true })
})

t.test('what waits is stored at the close, before the app\'s own hooks end the database, wherever they were added', async t => {
  const database = await startDatabase(t)
  const own = connectTo(t, database.url)
  const app = await guardedApp(t, { after: whoami, storage: new KyselyStorage(own) })
  const order: string[] = []
  app.addHook('onClose', async () => {
    order.push(String(app.mcpOAuth.audit.counts.waiting))
    await own.destroy()
  })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  await app.inject({ method: 'POST', url: '/mcp', headers })
  await app.close()
  t.strictSame(order, ['0'])
  const { generated, stored } = app.mcpOAuth.audit.counts
  t.equal(stored, generated)
  t.strictSame(await database.run("SELECT count(*)::int AS count FROM oauth_audit_events WHERE type = 'access'"), [{ count: 1 }])
})
