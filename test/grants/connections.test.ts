import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { connectedClients, earlierDecision, noteUse } from '../../lib/grants/connections.ts'
import { hashSecret } from '../../lib/keys/secrets.ts'
import { serverBehind } from '../../lib/server.ts'
import type { Client, Grant } from '../../lib/storage/records.ts'
import { newClient } from '../../lib/testing/contract/fixtures.ts'
import { callMcp, connect } from '../fixtures/flow.ts'
import { captureLog } from '../fixtures/log.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

const now = new Date('2026-05-03T12:00:00Z')
const hour = 3_600_000
const at = (hours: number) => new Date(now.getTime() + hours * hour)
const resource = 'https://api.example.com/mcp'
const ann = { id: 'ann', email: 'Ann@example.com' }
const known = { userId: 'ann', emailHash: hashSecret('ann@example.com') }

const clientOf = (id: string): Client => newClient({ id, name: id, createdAt: now })

/** A server of which only the storage is asked. */
async function start (t: Test) {
  const { watch, world } = await startPlayedWorld(t)
  const server = serverBehind(world.app.mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  const { storage } = server
  for (const id of ['one', 'two']) await storage.createClient(clientOf(id))
  let count = 0
  const grant = async (changes: Partial<Grant> = {}) => {
    const made: Grant = {
      id: `grant ${++count}`,
      clientId: 'one',
      userId: 'ann',
      email: 'ann@example.com',
      resource,
      scopes: ['email'],
      redirectUri: 'http://127.0.0.1:4000/cb',
      createdAt: at(-48),
      lastUsedAt: null,
      expiresAt: at(48),
      revokedAt: null,
      ...changes
    }
    await storage.createGrant(made, { codeHash: made.id, grantId: made.id, redirectUri: '', codeChallenge: '', nonce: null, authenticatedAt: now, createdAt: now, expiresAt: now, consumedAt: null })
    return made
  }
  return { server, watch, grant }
}

t.test('AZ-12: what is told of before is of the same person, client, address and resource, and lives', async t => {
  const { server, grant } = await start(t)
  const request = { clientId: 'one', redirectUri: 'http://127.0.0.1:5000/cb', resource }
  const find = async (changes = {}) => await earlierDecision(server, known, { ...request, ...changes }, now)
  t.equal(await find(), undefined)
  await grant({ revokedAt: at(-1) })
  await grant({ expiresAt: now })
  await grant({ userId: 'bob' })
  await grant({ email: 'former@example.com' })
  await grant({ clientId: 'two' })
  await grant({ resource: 'https://api.example.com/other' })
  await grant({ redirectUri: null })
  await grant({ redirectUri: 'http://127.0.0.1:4000/other' })
  t.equal(await find(), undefined, 'none of these')
  await grant({ createdAt: at(-3), scopes: ['email', 'profile'] })
  await grant({ createdAt: at(-2), scopes: ['email'] })
  t.strictSame(await find(), { at: at(-2), scopes: ['email'] }, 'the latest, at whatever port')
  t.equal(await find({ redirectUri: 'http://127.0.0.1:5000/cb/x' }), undefined)
  t.equal(await earlierDecision(server, { ...known, emailHash: hashSecret('new@example.com') }, request, now), undefined)
})

t.test('what a client has is one entry, however many grants it is', async t => {
  const { server, grant } = await start(t)
  t.strictSame(await connectedClients(server, ann, now), [])
  await grant({ createdAt: at(-30), lastUsedAt: at(-5), expiresAt: at(10), scopes: ['email', 'profile'] })
  await grant({ createdAt: at(-20), lastUsedAt: null, expiresAt: at(50), scopes: ['email', 'openid'], redirectUri: 'https://one.example/cb' })
  await grant({ createdAt: at(-10), redirectUri: null, scopes: [] })
  await grant({ clientId: 'two', createdAt: at(-1) })
  await grant({ clientId: 'two', email: 'former@example.com', createdAt: at(-40) })
  await grant({ userId: 'bob' })
  const [two, one, ...others] = await connectedClients(server, ann, now)
  t.strictSame(others, [])
  t.hasStrict(two, { client: { id: 'two' }, connectedAt: at(-1), lastUsedAt: at(-1) }, 'the latest first')
  t.hasStrict(one, { client: { id: 'one' }, connectedAt: at(-30), lastUsedAt: at(-5), endsAt: at(50) })
  t.strictSame(one?.scopes.toSorted(), ['email', 'openid', 'profile'])
  t.strictSame(one?.redirectUris.toSorted(), ['http://127.0.0.1:4000/cb', 'https://one.example/cb'])
  await grant({ createdAt: at(-0.5), lastUsedAt: null })
  t.hasStrict((await connectedClients(server, ann, now))[0], { client: { id: 'one' }, lastUsedAt: at(-0.5) }, 'to be allowed is to be used')
})

t.test('a use is written down once an hour', async t => {
  const { server, watch, grant } = await start(t)
  const made = await grant({ createdAt: at(-1) })
  const touched = async (lastUsedAt: Date | null, when: Date) => {
    watch.calls.length = 0
    await noteUse(server, { ...made, lastUsedAt }, when)
    return watch.calls.includes('touchGrant')
  }
  t.notOk(await touched(null, now), 'an hour after it was made')
  t.ok(await touched(null, at(0.001)))
  t.notOk(await touched(now, at(1)))
  t.ok(await touched(now, at(1.001)))
})

t.test('the guard writes down that a grant is used, and nobody waits for it', async t => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => { mock.timers.reset() })
  const log = captureLog('error')
  const { world } = await startPlayedWorld(t, { fastify: { logger: log.logger }, revalidateAfter: 0 })
  const { tokens } = await connect(world)
  const [you] = await world.app.mcpOAuth.users.list('you@example.com')
  const lastUsed = async () => (await world.storage.listConnections(you?.id ?? '', new Date()))[0]?.grant.lastUsedAt
  const call = async () => (await callMcp(world, tokens.access_token)).status
  t.equal(await call(), 200)
  t.equal(await lastUsed(), null)
  mock.timers.tick(hour + 1000)
  t.equal(await call(), 200)
  const first = await lastUsed()
  t.same(first, new Date())
  mock.timers.tick(hour - 1000)
  await call()
  t.same(await lastUsed(), first, 'not within the hour')
  mock.timers.tick(2000)
  await call()
  t.same(await lastUsed(), new Date())

  mock.timers.tick(hour + 1000)
  t.intercept(world.storage, 'touchGrant', { value: async () => { throw new Error('the write failed') } })
  t.equal(await call(), 200, 'whoever calls gets the answer')
  for (let turn = 0; turn < 100 && log.lines.length === 0; turn++) await new Promise(resolve => { setTimeout(resolve, 5) })
  t.match(log.lines, [{ msg: 'the last use of a grant could not be written down', err: { message: 'the write failed' } }])
})
