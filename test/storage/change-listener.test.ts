import { EventEmitter } from 'node:events'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { ChangeListener } from '../../lib/storage/kysely/change-listener.ts'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import type { Changes } from '../../lib/storage/changes.ts'
import { newUser, now } from '../../lib/testing/contract/fixtures.ts'
import { createDatabase, execute } from '../fixtures/postgres.ts'
import { connect } from '../fixtures/storage.ts'
import { tcpProxy } from '../fixtures/tcp-proxy.ts'
import { until } from '../fixtures/until.ts'

/** A connection that does what a test wants. */
class Line extends EventEmitter {
  ended = 0
  failure: Error | undefined

  async connect () { if (this.failure !== undefined) throw this.failure }
  async query (statement: string) { this.emit('asked', statement) }
  async end () { this.ended++ }
  unref () {}
}

function watcher () {
  const told: Changes[] = []
  const failures: string[] = []
  return { told, failures, changed: (changes: Changes) => { told.push(changes) }, failed: (error: unknown) => { failures.push(String(error)) } }
}

function listening (prepare: (line: Line, index: number) => void = () => {}) {
  const lines: Line[] = []
  const watch = watcher()
  const listener = new ChangeListener(() => {
    const line = new Line()
    prepare(line, lines.push(line) - 1)
    return line
  }, watch)
  const latest = () => {
    const line = lines.at(-1)
    if (line === undefined) throw new Error('no connection')
    return line
  }
  return { lines, listener, latest, ...watch, say: (...payloads: Array<string | undefined>) => { for (const payload of payloads) latest().emit('notification', { payload }) } }
}

t.test('messages of one moment are passed on together, each once', async t => {
  const { say, told } = listening()
  await turn()
  t.strictSame(told.splice(0), ['everything'], 'what changed before is not known')
  say('user:ann', 'grant:g', 'user:ann', 'token:t:with:colons', 'client:https://client.example/')
  await turn()
  t.strictSame(told.splice(0), [[
    { kind: 'user', id: 'ann' }, { kind: 'grant', id: 'g' }, { kind: 'token', id: 't:with:colons' }, { kind: 'client', id: 'https://client.example/' }
  ]])
  say('user:bob')
  await turn()
  t.strictSame(told, [[{ kind: 'user', id: 'bob' }]])
})

for (const payload of ['*', '', undefined, 'user', 'user:', 'users:ann', ' user:ann', 'User:ann', `user:${'x'.repeat(501)}`, '{"user":"ann"}', '\u0000', '__proto__:x']) {
  t.test(`what nobody understands may be anything: ${JSON.stringify(payload)?.slice(0, 30)}`, async t => {
    const { say, told } = listening()
    await turn()
    told.length = 0
    say('user:ann', payload, 'user:bob')
    await turn()
    t.strictSame(told, ['everything'])
  })
}

t.test('more than a thousand at once are everything', async t => {
  const { say, told } = listening()
  await turn()
  told.length = 0
  say(...Array.from({ length: 999 }, (_, index) => `user:${index}`))
  await turn()
  t.equal(told.splice(0)[0]?.length, 999)
  say(...Array.from({ length: 100_000 }, (_, index) => `user:${index}`))
  await turn()
  t.strictSame(told, ['everything'])
})

t.test('a lost connection is made anew, later each time, and everything is let go of when it is there', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  const { lines, latest, told, failures } = listening((line, index) => { if (index > 0 && index < 9) line.failure = new Error(`no ${index}`) })
  await turn()
  told.length = 0
  latest().emit('error', new Error('lost'))
  latest().emit('end')
  t.strictSame(failures.splice(0), ['Error: lost'], 'told once')
  t.equal(latest().ended, 1)
  for (const wait of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]) {
    const before = lines.length
    mock.timers.tick(wait - 1)
    await turn()
    t.equal(lines.length, before)
    mock.timers.tick(1)
    await turn()
    t.equal(lines.length, before + 1)
  }
  t.strictSame(failures, [], 'of all that fails until then, the first is enough')
  t.strictSame(told, ['everything'])
  latest().emit('end')
  mock.timers.tick(500)
  await turn()
  t.equal(lines.length, 11, 'and soon again')
})

t.test('one that can not even be made is tried again', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  const { lines, told, failures } = listening((_, index) => { if (index < 2) throw new Error('no password') })
  await turn()
  mock.timers.tick(500)
  await turn()
  t.strictSame(failures, ['Error: no password'])
  mock.timers.tick(1000)
  await turn()
  t.equal(lines.length, 3)
  t.strictSame(told, ['everything'])
})

t.test('the end is the end, at whatever moment', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  const open = listening()
  await turn()
  await open.listener.end()
  t.equal(open.latest().ended, 1)
  open.latest().emit('end')
  const waiting = listening(line => { line.failure = new Error('no') })
  await turn()
  await waiting.listener.end()
  const connecting = listening()
  await connecting.listener.end()
  await turn()
  mock.timers.tick(60_000)
  await turn()
  for (const { lines } of [open, waiting, connecting]) t.equal(lines.length, 1)
  t.strictSame(open.failures, [])
})

t.test('one that never answers is given up after ten seconds', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  for (const silent of ['connect', 'query'] as const) {
    const { lines, failures, told } = listening((line, index) => { if (index === 0) line[silent] = async () => await new Promise<never>(() => {}) })
    await turn()
    mock.timers.tick(9999)
    t.strictSame(failures, [])
    mock.timers.tick(1)
    t.match(failures, [/nobody answered within 10000 ms/])
    t.equal(lines[0]?.ended, 1)
    mock.timers.tick(500)
    await turn()
    t.equal(lines.length, 2)
    t.strictSame(told, ['everything'])
  }
})

t.test('one that is lost while it begins, and answers all the same, is not the one that is heard', async t => {
  const { told, failures } = listening(line => { line.query = async () => { line.emit('error', new Error('lost')) } })
  await turn()
  t.strictSame(failures, ['Error: lost'])
  t.strictSame(told, [])
})

t.test('an end that is never answered is not waited for', async t => {
  const { listener } = listening(line => { line.end = async () => await new Promise(() => {}) })
  await turn()
  const start = Date.now()
  await listener.end()
  t.ok(Date.now() - start < 20_000)
})

t.test('a change by plain SQL is heard at once, and after the connection was cut everything is let go of', async t => {
  const url = await createDatabase(t)
  const db = connect(t, url)
  await migrateToLatest(db)
  const address = new URL(url)
  const proxy = await tcpProxy(t, Number(address.port))
  address.port = String(proxy.port)
  const storage = new KyselyStorage(db, { listen: () => new pg.Client(address.href) })
  await storage.addUser(newUser({ id: 'ann' }), now)
  const watch = watcher()
  const end = await storage.watchChanges(watch)
  await until(() => watch.told.length > 0)
  t.strictSame(watch.told.splice(0), ['everything'])
  await execute(url, "UPDATE user_profiles SET status = 'suspended'")
  await until(() => watch.told.length > 0)
  t.strictSame(watch.told.splice(0), [[{ kind: 'user', id: 'ann' }]])
  await proxy.cut()
  await until(() => watch.failures.length > 0)
  await proxy.mend()
  await until(() => watch.told.length > 0)
  t.strictSame(watch.told.splice(0), ['everything'])
  await execute(url, "UPDATE user_profiles SET status = 'active'")
  await until(() => watch.told.length > 0)
  t.strictSame(watch.told, [[{ kind: 'user', id: 'ann' }]])
  await end()
  const isHeard = async () => (await execute(url, "SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")).length > 0
  await until(async () => !await isHeard())
  t.notOk(await isHeard())
})

t.test('who names no connection hears nothing', async t => {
  const db = connect(t, await createDatabase(t))
  const watch = watcher()
  const end = await new KyselyStorage(db).watchChanges(watch)
  await end()
  t.strictSame(watch.told, [])
})
