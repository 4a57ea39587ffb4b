import { mock } from 'node:test'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { InvalidOptionError, MemoryStorage, StorageUnavailableError, type OAuthStorage } from '../lib/index.ts'
import { signInAs } from '../lib/testing/index.ts'
import { answering, guardedApp, type Declare } from './fixtures/guarded-app.ts'
import { captureLog } from './fixtures/log.ts'
import { watchStorage } from './fixtures/watched-storage.ts'

async function startError (app: FastifyInstance): Promise<unknown> {
  return await app.ready().then(() => undefined, (error: unknown) => error)
}

t.test('two apps in one process have nothing to do with each other', async t => {
  const one = await guardedApp(t, { after: answering() })
  const other = await guardedApp(t, { after: answering() })
  await one.ready()
  await other.ready()
  await one.mcpOAuth.users.add({ email: 'ann@example.com' })
  t.strictSame(await other.mcpOAuth.users.list(), [])
})

t.test('what the app is given can not be changed', async t => {
  const app = await guardedApp(t, { after: answering() })
  await app.ready()
  t.throws(() => { Object.assign(app.mcpOAuth, { protect: () => () => {} }) }, TypeError)
  t.throws(() => { Object.assign(app.mcpOAuth, { authOf: () => null }) }, TypeError)
})

t.test('the storage is prepared at start, once, and the first administrator put in', async t => {
  const watch = watchStorage()
  const app = await guardedApp(t, { storage: watch.storage, firstAdmin: { email: 'ann@example.com' }, after: answering() })
  t.strictSame(watch.calls, [])
  await app.ready()
  await app.inject('/oauth/authorize')
  t.strictSame(watch.calls.filter(name => name === 'prepare' || name === 'addFirstAdmin'), ['prepare', 'addFirstAdmin'])
  t.match(await app.mcpOAuth.users.list(), [{ email: 'ann@example.com', name: 'ann@example.com', role: 'admin', status: 'active' }])
})

t.test('without firstAdmin, nobody is put in', async t => {
  const watch = watchStorage()
  const app = await guardedApp(t, { storage: watch.storage, after: answering() })
  await app.ready()
  t.notOk(watch.calls.includes('addFirstAdmin'))
})

t.test('a storage that lacks something stops the start with what to do', async t => {
  const watch = watchStorage()
  watch.failure = new InvalidOptionError('storage', 'has no tables; run migrateToLatest(db)')
  const app = await guardedApp(t, { storage: watch.storage, after: answering() })
  t.equal(await startError(app), watch.failure)
})

t.test('the log warns of the memory storage, and of no other', async t => {
  const another: OAuthStorage = Object.assign(Object.create(null), {
    prepare: async () => {}, listSigningKeys: async () => [], addSigningKey: async () => true
  })
  for (const storage of [new MemoryStorage(), another]) {
    const log = captureLog()
    const app = await guardedApp(t, { fastify: { logger: log.logger }, storage, after: answering() })
    await app.ready()
    t.equal(log.lines.filter(({ level, msg }) => level === 40 && /forgets everything/.test(String(msg))).length, storage instanceof MemoryStorage ? 1 : 0)
  }
})

t.test('the log warns where nothing is protected, unless the hook may be on something', async t => {
  const warns = async (protect: string[], after: Declare) => {
    const log = captureLog()
    const app = await guardedApp(t, { fastify: { logger: log.logger }, protect, after })
    await app.ready()
    return log.of('fastify-mcp-oauth protects no route: name one in protect').length
  }
  t.equal(await warns([], answering()), 1)
  t.equal(await warns([], app => { app.get('/tools', { onRequest: app.mcpOAuth.protect() }, async () => '') }), 0)
  t.equal(await warns(['/mcp'], answering()), 0)
})

t.test('signing keys that can not be read again are told in the log, and what is known goes on', async t => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => { mock.timers.reset() })
  const log = captureLog()
  const watch = watchStorage()
  const app = await guardedApp(t, { storage: watch.storage, fastify: { logger: log.logger }, after: answering() })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  const call = async () => (await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode
  t.equal(await call(), 200)
  mock.timers.tick(61_000)
  const { listSigningKeys } = watch.storage
  watch.storage.listSigningKeys = async () => { throw new StorageUnavailableError() }
  t.equal(await call(), 200)
  watch.storage.listSigningKeys = listSigningKeys
  t.match(log.of('the signing keys could not be refreshed; those that are known stay'), [{ level: 50, err: { type: 'StorageUnavailableError' } }])
})
