import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import mcpOAuth, { InvalidOptionError, MemoryStorage, type OAuthStorage } from '../lib/index.ts'
import { answering, guardedApp, pluginOptions, type Declare } from './fixtures/guarded-app.ts'
import { captureLog } from './fixtures/log.ts'
import { watchStorage } from './fixtures/watched-storage.ts'

async function startError (app: FastifyInstance): Promise<unknown> {
  return await app.ready().then(() => undefined, (error: unknown) => error)
}

const misplaced: Record<string, { arrange: (app: FastifyInstance) => unknown, says: RegExp }> = {
  'in a child': {
    arrange: app => { app.register(async child => { child.register(mcpOAuth, pluginOptions()) }) },
    says: /^register: fastify-mcp-oauth must be registered on the root instance.*use basePath/
  },
  'in a child under a prefix': {
    arrange: app => { app.register(async child => { child.register(mcpOAuth, pluginOptions()) }, { prefix: '/api' }) },
    says: /^register: .*root/
  },
  'in an fp plugin of a child': {
    arrange: app => { app.register(async child => { child.register(fp(async scope => { scope.register(mcpOAuth, pluginOptions()) })) }) },
    says: /^register: .*root/
  },
  'with a prefix': {
    arrange: app => { app.register(mcpOAuth, { ...pluginOptions(), prefix: '/api' }) },
    says: /^prefix: .*root; use basePath$/
  },
  twice: {
    arrange: app => {
      app.register(mcpOAuth, pluginOptions())
      app.register(mcpOAuth, pluginOptions())
    },
    says: /^register: fastify-mcp-oauth is registered already; register it once, on the root$/
  },
  'once more in a child': {
    arrange: app => {
      app.register(mcpOAuth, pluginOptions())
      app.register(async child => { child.register(mcpOAuth, pluginOptions()) })
    },
    says: /^register: fastify-mcp-oauth is registered already/
  },
  'with an option that there is not': {
    arrange: app => { app.register(mcpOAuth, Object.assign(pluginOptions(), { protects: ['/mcp'] })) },
    says: /^protects: is not an option; take it out, or use one of issuer,/
  }
}

for (const [how, { arrange, says }] of Object.entries(misplaced)) {
  t.test(`W9: registered ${how}, the start stops with one sentence`, async t => {
    const app = Fastify()
    t.teardown(async () => { await app.close() })
    arrange(app)
    answering()(app)
    const error = await startError(app)
    t.ok(error instanceof InvalidOptionError)
    t.match(error instanceof Error ? error.message : '', says)
    t.notMatch(String(error), /\n/)
  })
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
  t.strictSame(watch.calls, ['prepare'])
})

t.test('a storage that lacks something stops the start with what to do', async t => {
  const watch = watchStorage()
  watch.failure = new InvalidOptionError('storage', 'has no tables; run migrateToLatest(db)')
  const app = await guardedApp(t, { storage: watch.storage, after: answering() })
  t.equal(await startError(app), watch.failure)
})

t.test('the log warns of the memory storage, and of no other', async t => {
  const another: OAuthStorage = Object.assign(Object.create(null), { prepare: async () => {} })
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
