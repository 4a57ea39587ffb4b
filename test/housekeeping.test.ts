import { execFile } from 'node:child_process'
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { noOrigin } from '../lib/audit/event.ts'
import { StorageUnavailableError } from '../lib/errors.ts'
import { keptFor, purge, purgeKinds, startHousekeeping, type PurgeCounts, type PurgeOptions } from '../lib/housekeeping.ts'
import { MemoryStorage, type OAuthStorage } from '../lib/index.ts'
import { serverBehind } from '../lib/server.ts'
import { newClient, newSession, newTransaction, now } from '../lib/testing/contract/fixtures.ts'
import { captureAudit } from './fixtures/audit.ts'
import { guardedApp, type GuardedAppOptions } from './fixtures/guarded-app.ts'
import { captureLog } from './fixtures/log.ts'
import { watchStorage } from './fixtures/watched-storage.ts'
import { until } from './fixtures/until.ts'

const day = 86_400_000
const by: PurgeOptions['by'] = { actor: { type: 'operator', id: 'test' }, ...noOrigin }
const after = (milliseconds: number) => new Date(now.getTime() + milliseconds)

type Scope = Parameters<typeof guardedApp>[0]

async function setUp (t: Scope, options: GuardedAppOptions = {}) {
  const watch = watchStorage(options.storage)
  const log = captureLog('info')
  const app = await guardedApp(t, { protect: [], ...options, fastify: { logger: log.logger }, storage: watch.storage })
  await app.ready()
  const server = serverBehind(app.mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  return { app, log, server, storage: watch.storage, watch, purges: () => watch.calls.filter(name => name === 'purge').length }
}

/** Sessions that have ended. */
async function fill (storage: OAuthStorage, sessions: number, expiresAt = now): Promise<void> {
  for (let index = 0; index < sessions; index++) await storage.createSession(newSession({ expiresAt }))
}

t.test('C3: a transaction stays for longer than the form may be sent that began it', async t => {
  const { server, storage } = await setUp(t)
  const transaction = newTransaction({ consentHash: 'form', createdAt: now, expiresAt: after(600_000) })
  await storage.createTransaction(transaction)
  const hour = 3_600_000
  await purge(server, { by, now: after(hour) })
  t.equal(await storage.createTransaction(newTransaction({ consentHash: 'form' })), false)
  await purge(server, { by, now: after(600_001 + day) })
  t.equal(await storage.createTransaction(newTransaction({ consentHash: 'form' })), true)
})

t.test('of each kind goes what had had its time a day ago, and a client that was unused for a week', async t => {
  const { server, storage } = await setUp(t)
  await storage.createSession(newSession({ expiresAt: now }))
  await storage.registerClient(newClient(), 'hash')
  t.match(await purge(server, { by, now: after(day) }), { sessions: 0 })
  t.match(await purge(server, { by, now: after(day + 1) }), { tokens: 0, codes: 0, grants: 0, transactions: 0, sessions: 1, clients: 0 })
  t.match(await purge(server, { by, now: after(7 * day + 1) }), { sessions: 0, clients: 1 })
  t.strictSame(Object.keys(keptFor).sort(), [...purgeKinds].sort(), 'every kind has its turn')
})

t.test('batch by batch, until nothing is left, or whoever is told wants no more', async t => {
  const { server, storage, purges } = await setUp(t)
  await fill(storage, 1001)
  const told: PurgeCounts[] = []
  const onBatch = (counts: PurgeCounts) => { told.push({ ...counts }) }
  const options = { by, now: after(2 * day), kinds: ['sessions'] as const }
  t.match(await purge(server, { ...options, onBatch: () => false }), { sessions: 500 })
  t.equal(purges(), 1)
  t.match(await purge(server, { ...options, onBatch }), { sessions: 501 })
  t.strictSame(told.map(({ sessions }) => sessions), [500, 501])
  t.equal(purges(), 3)
})

t.test('where another process is at it, this one leaves it to that', async t => {
  const storage = new MemoryStorage()
  const { server, purges, log } = await setUp(t, { storage: Object.assign(storage, { purge: async () => undefined }) })
  t.equal(await purge(server, { by, now }), undefined)
  t.equal(purges(), 1)
  t.strictSame(log.of('what had had its time was removed'), [])
})

t.test('the audit trail is told of clients that were removed, though it ends in an error', async t => {
  const { audit, of } = captureAudit()
  const { server, storage, watch } = await setUp(t, { audit })
  await storage.registerClient(newClient(), 'hash')
  const onBatch = () => { watch.failure = new StorageUnavailableError() }
  await t.rejects(purge(server, { by, now: after(8 * day), kinds: ['clients', 'sessions'], onBatch }), StorageUnavailableError)
  t.match(await of('client.removed'), [{ actor: { type: 'operator', id: 'test' }, reason: 'nobody used them', details: { count: 1 } }])
})

t.test('unusedFor says how long a client may lie unused', async t => {
  const { server, storage } = await setUp(t)
  await storage.registerClient(newClient(), 'hash')
  t.match(await purge(server, { by, now: after(3 * day), unusedFor: 3 * day }), { clients: 0 })
  t.match(await purge(server, { by, now: after(3 * day + 1), unusedFor: 3 * day }), { clients: 1 })
})

/** What is told, as a log has it. */
function listen () {
  const told: Array<[level: string, message: string, object: object]> = []
  const level = (name: string) => (object: object, message: string) => { told.push([name, message, object]) }
  return { told, log: { error: level('error'), info: level('info') } }
}

const longAgo = new Date(0)

t.test('the plugin tidies up every ten minutes or so, and stops with the app', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  const { app, purges } = await setUp(t)
  const settled = async () => { for (let turn = 0; turn < 50; turn++) await new Promise(resolve => { setImmediate(resolve) }) }
  mock.timers.tick(299_999)
  await settled()
  t.equal(purges(), 0)
  mock.timers.tick(600_001)
  await settled()
  t.equal(purges(), 6)
  mock.timers.tick(900_000)
  await settled()
  t.equal(purges(), 12)
  await app.close()
  mock.timers.tick(9_000_000)
  await settled()
  t.equal(purges(), 12)
})

t.test('the log is told of what was removed, and of nothing else', async t => {
  const { server, storage, purges } = await setUp(t)
  await fill(storage, 1, longAgo)
  const { told, log } = listen()
  const housekeeping = startHousekeeping(server, log, 5)
  await until(() => purges() >= 18)
  await housekeeping.stop()
  t.match(told, [['info', 'what had had its time was removed', { removed: { sessions: 1, tokens: 0 } }]])
  t.equal(told.length, 1)
})

t.test('it is never at it twice at once', async t => {
  let [atOnce, most] = [0, 0]
  const storage = new MemoryStorage()
  storage.purge = async () => {
    most = Math.max(most, ++atOnce)
    await sleep(20)
    atOnce--
    return 0
  }
  const { server, purges } = await setUp(t, { storage })
  const housekeeping = startHousekeeping(server, listen().log, 1)
  await until(() => purges() >= 13)
  t.equal(most, 1)
  await housekeeping.stop()
})

t.test('it stops after the batch that is under way, and does not begin again', async t => {
  const { server, storage, purges } = await setUp(t)
  await fill(storage, 2000, longAgo)
  const housekeeping = startHousekeeping(server, listen().log, 5)
  await until(() => purges() > 0)
  await housekeeping.stop()
  const [done] = [purges()]
  t.ok(done < 9, `${done} batches`)
  await sleep(30)
  t.equal(purges(), done)
  t.match(await purge(server, { by, now: new Date(), kinds: ['sessions'] }), { sessions: 2000 - 500 * (done - 4) })
})

t.test('what fails is told in the log, and tried again the next time', async t => {
  const { server, watch } = await setUp(t)
  const { told, log } = listen()
  const housekeeping = startHousekeeping(server, log, 5)
  watch.failure = new StorageUnavailableError()
  await until(() => told.length > 1)
  watch.failure = new Error('no')
  const before = told.length
  await until(() => told.length > before + 1)
  await housekeeping.stop()
  t.match(told.at(0), ['error', 'housekeeping waits: the storage is unavailable', { err: { name: 'StorageUnavailableError' } }])
  t.match(told.at(-1), ['error', 'housekeeping failed', { err: { message: 'no' } }])
})

t.test('it ends before the app closes its database', async t => {
  const order: string[] = []
  const storage = new MemoryStorage()
  storage.purge = async () => {
    await sleep(50)
    order.push('purged')
    return 0
  }
  mock.timers.enable({ apis: ['setTimeout'] })
  const { app, purges } = await setUp(t, { storage, after: app => { app.addHook('onClose', async () => { order.push('closed') }) } })
  mock.timers.tick(900_000)
  mock.timers.reset()
  await until(() => purges() > 0)
  await app.close()
  t.strictSame(order, [...Array.from({ length: 6 }, () => 'purged'), 'closed'])
})

t.test('it keeps no process alive', async t => {
  const script = `
    const { MemoryStorage } = await import('fastify-mcp-oauth')
    const { startHousekeeping } = await import(${JSON.stringify(new URL('../dist/housekeeping.js', import.meta.url).href)})
    startHousekeeping({ storage: new MemoryStorage() }, console)`
  const env = { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' }
  await t.resolves(promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000, env }))
})
