import { setTimeout as sleep } from 'node:timers/promises'
import { mock } from 'node:test'
import t from 'tap'
import { InvalidOptionError, StorageUnavailableError } from '../lib/index.ts'
import { KyselyStorage } from '../lib/storage/kysely/index.ts'
import { startDatabase } from './fixtures/database.ts'
import { answering, guardedApp, pluginOptions } from './fixtures/guarded-app.ts'
import { captureLog } from './fixtures/log.ts'
import { memoryStorage } from './fixtures/memory-storage.ts'
import { connect } from './fixtures/storage.ts'
import { tcpProxy } from './fixtures/tcp-proxy.ts'
import { watchStorage } from './fixtures/watched-storage.ts'
import { secret } from './fixtures/world.ts'

t.setTimeout(120_000)

/** An app whose clock stands still until the test moves it. */
async function watchedApp (scope: Parameters<typeof guardedApp>[0]) {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  scope.teardown(async () => { mock.timers.reset() })
  const watch = watchStorage()
  const log = captureLog()
  const app = await guardedApp(scope, { storage: watch.storage, fastify: { logger: log.logger }, after: answering() })
  await app.ready()
  const asked = () => watch.calls.filter(name => name === 'prepare').length
  return { app, watch, log, asked }
}

/** What waits for `opened` goes on when `open` is called. */
function closedGate (): { opened: Promise<void>, open: () => void } {
  let open = () => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  return { opened, open: () => { open() } }
}

t.test('a storage that is down is not ready, and is ready again when it is back; the log says both once', async t => {
  const { app, watch, log } = await watchedApp(t)
  watch.failure = new StorageUnavailableError({ reason: 'ECONNREFUSED' })
  for (let probe = 0; probe < 3; probe++) {
    t.equal(await app.mcpOAuth.isReady(), false)
    mock.timers.tick(1000)
  }
  t.match(log.of('not ready'), [{ level: 40, err: { type: 'StorageUnavailableError' } }])
  t.equal(log.of('not ready').length, 1)
  watch.failure = undefined
  t.equal(await app.mcpOAuth.isReady(), true)
  t.equal(log.of('ready again').length, 1)
  mock.timers.tick(1000)
  t.equal(await app.mcpOAuth.isReady(), true)
  t.equal(log.of('ready again').length, 1)
})

t.test('a storage that is down at the start is ready once it is back, without a restart', async t => {
  const watch = watchStorage()
  watch.failure = new StorageUnavailableError()
  const app = await guardedApp(t, { storage: watch.storage, firstAdmin: { email: 'ann@example.com' }, after: answering() })
  await app.ready()
  t.equal(await app.mcpOAuth.isReady(), false)
  watch.failure = undefined
  await sleep(1100)
  t.equal(await app.mcpOAuth.isReady(), true)
  t.match(await app.mcpOAuth.users.list(), [{ email: 'ann@example.com' }])
})

t.test('a storage that lost what it needs is not ready', async t => {
  const { app, watch } = await watchedApp(t)
  watch.storage.prepare = async () => { throw new InvalidOptionError('storage', 'the database lacks tables') }
  t.equal(await app.mcpOAuth.isReady(), false)
})

t.test('without keys to sign with it is not ready', async t => {
  const storage = memoryStorage(secret)
  storage.listSigningKeys = async () => []
  const app = await guardedApp(t, { storage, after: answering() })
  await app.ready()
  t.equal(await app.mcpOAuth.isReady(), false)
})

t.test('a storage that does not answer is not ready after two seconds, and is not asked again meanwhile', async t => {
  const watch = watchStorage()
  const app = await guardedApp(t, { storage: watch.storage, after: answering() })
  await app.ready()
  const { prepare } = watch.storage
  const gate = closedGate()
  let asked = 0
  watch.storage.prepare = async () => {
    asked++
    await gate.opened
  }
  const began = performance.now()
  t.equal(await app.mcpOAuth.isReady(), false)
  const took = performance.now() - began
  t.ok(took > 1900 && took < 20_000, `${took} ms`)
  await sleep(1100)
  const again = performance.now()
  t.equal(await app.mcpOAuth.isReady(), false, 'at once')
  t.ok(performance.now() - again < 1900)
  t.equal(asked, 1)
  watch.storage.prepare = prepare
  gate.open()
  await sleep(1100)
  t.equal(await app.mcpOAuth.isReady(), true)
})

t.test('a thousand probes ask the storage once a second', async t => {
  const { app, asked } = await watchedApp(t)
  const before = asked()
  for (let second = 1; second <= 3; second++) {
    const answers = await Promise.all(Array.from({ length: 1000 }, async () => await app.mcpOAuth.isReady()))
    t.ok(answers.every(Boolean))
    t.equal(asked() - before, second)
    mock.timers.tick(999)
    t.equal(await app.mcpOAuth.isReady(), true)
    t.equal(asked() - before, second, 'a moment before')
    mock.timers.tick(1)
  }
})

t.test('a clock that was set back does not keep an old answer', async t => {
  const { app, watch } = await watchedApp(t)
  t.equal(await app.mcpOAuth.isReady(), true)
  watch.failure = new StorageUnavailableError()
  mock.timers.setTime(Date.now() - 3_600_000)
  t.equal(await app.mcpOAuth.isReady(), false)
})

t.test('an app that closes is not ready, whatever was answered a moment ago', async t => {
  const { app } = await watchedApp(t)
  t.equal(await app.mcpOAuth.isReady(), true)
  await app.close()
  t.equal(await app.mcpOAuth.isReady(), false)
})

t.test('an answer that was under way when the app began to close is no', async t => {
  const { app, watch } = await watchedApp(t)
  const gate = closedGate()
  watch.storage.prepare = async () => { await gate.opened }
  const answer = app.mcpOAuth.isReady()
  await app.close()
  gate.open()
  t.equal(await answer, false)
})

t.test('PostgreSQL that goes and comes back, and one whose migration is undone', async t => {
  const { url, run } = await startDatabase(t)
  const proxy = await tcpProxy(t, Number(new URL(url).port))
  const nearby = new URL(url)
  nearby.port = String(proxy.port)
  const app = await guardedApp(t, { ...pluginOptions({ storage: new KyselyStorage(connect(t, nearby.href)) }), after: answering() })
  await app.ready()
  t.equal(await app.mcpOAuth.isReady(), true)
  await proxy.cut()
  await sleep(1100)
  t.equal(await app.mcpOAuth.isReady(), false)
  await proxy.mend()
  let isReady = false
  for (let turn = 0; turn < 10 && !isReady; turn++) {
    await sleep(1100)
    isReady = await app.mcpOAuth.isReady()
  }
  t.ok(isReady)
  await run('DELETE FROM oauth_migrations')
  await sleep(1100)
  t.equal(await app.mcpOAuth.isReady(), false)
})
