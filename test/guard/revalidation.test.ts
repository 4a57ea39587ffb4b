import nodeCrypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { mock } from 'node:test'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { MemoryStorage } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, guardedApp, type GuardedAppOptions } from '../fixtures/guarded-app.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'

const start = Date.parse('2026-01-01T00:00:00Z')
const ann = { email: 'ann@example.com' }

t.beforeEach(() => { mock.timers.enable({ apis: ['Date'], now: start }) })
t.afterEach(() => { mock.timers.reset() })

interface Scope { teardown (close: () => Promise<void>): void }

/** An app with Ann signed in, and a count of what the guard asks the storage. */
async function appOfAnn (t: Scope, options: GuardedAppOptions) {
  const watch = watchStorage(options.storage)
  const app = await guardedApp(t, { after: answering(), ...options, storage: watch.storage })
  const headers = await signInAs(app, ann)
  watch.calls.length = 0
  return {
    app,
    watch,
    headers,
    call: async () => (await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode,
    annId: async () => (await app.mcpOAuth.users.list(ann.email))[0]?.id ?? ''
  }
}

for (const [revalidateAfter, lookUps] of [[0, 7], [5, 3], [60, 1]] as const) {
  t.test(`revalidateAfter ${revalidateAfter}: seven requests within ten seconds are ${lookUps} look-ups`, async t => {
    const { watch, call } = await appOfAnn(t, { revalidateAfter })
    for (const seconds of [0, 0, 4.999, 5, 9, 9.999, 10]) {
      mock.timers.setTime(start + seconds * 1000)
      t.equal(await call(), 200)
    }
    t.strictSame(watch.calls, Array(lookUps).fill('findToken'))
  })
}

t.test('revalidateAfter is five seconds by default', async t => {
  const { watch, call } = await appOfAnn(t, {})
  for (const seconds of [0, 4.999, 5]) {
    mock.timers.setTime(start + seconds * 1000)
    await call()
  }
  t.equal(watch.calls.length, 2)
})

t.test('within revalidateAfter there is no cryptography either', async t => {
  const { call } = await appOfAnn(t, {})
  const names = ['createHmac', 'createHash', 'createSecretKey', 'hkdfSync', 'timingSafeEqual', 'verify', 'sign', 'randomBytes'] as const
  const spies = [
    ...names.map(name => mock.method(nodeCrypto, name)),
    mock.method(globalThis.crypto.subtle, 'verify'),
    mock.method(globalThis.crypto.subtle, 'importKey'),
    mock.method(globalThis.crypto.subtle, 'digest')
  ]
  syncBuiltinESMExports()
  t.teardown(() => {
    mock.restoreAll()
    syncBuiltinESMExports()
  })
  const operations = () => spies.reduce((sum, spy) => sum + spy.mock.callCount(), 0)
  t.equal(await call(), 200)
  const first = operations()
  t.ok(first > 0, 'the first request verifies the signature')
  t.equal(await call(), 200)
  t.equal(operations(), first)
})

t.test('other claims before the signature of a token that is known are not known', async t => {
  const { app, call, headers } = await appOfAnn(t, {})
  t.equal(await call(), 200)
  const [head, , signature] = headers.authorization.split('.')
  const claims = Buffer.from(JSON.stringify({ sub: 'bob', role: 'admin' })).toString('base64url')
  const forged = { authorization: `${head}.${claims}.${signature}` }
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: forged })).statusCode, 401)
  t.equal(await call(), 200, 'nor do they push it out')
})

t.test('RS-04: a token that expires within revalidateAfter is refused at its end', async t => {
  const { call, watch } = await appOfAnn(t, { revalidateAfter: 60, accessTokenLifetime: 30 })
  t.equal(await call(), 200)
  mock.timers.setTime(start + 29_999)
  t.equal(await call(), 200)
  t.equal(watch.calls.length, 1)
  mock.timers.setTime(start + 30_000)
  t.equal(await call(), 401)
})

t.test('RS-04: so is one whose grant ends', async t => {
  const { call } = await appOfAnn(t, { revalidateAfter: 3600, grantLifetime: 60 })
  t.equal(await call(), 200)
  mock.timers.setTime(start + 60_000)
  t.equal(await call(), 401)
})

t.test('a header that no token was found for is looked up each time and pushes nobody out', async t => {
  const { app, call, watch } = await appOfAnn(t, { revalidateAfter: 60 })
  await call()
  for (let index = 0; index < 20; index++) {
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: `Bearer made.up.${index}` } })).statusCode, 401)
  }
  t.equal((await app.inject({ method: 'POST', url: '/mcp' })).statusCode, 401)
  t.strictSame(watch.calls, ['findToken'], 'a forged signature does not reach the storage')
  t.equal(await call(), 200)
  t.equal(watch.calls.length, 1)
})

t.test('a token is remembered in one spelling of its header', async t => {
  const { app, call, watch, headers } = await appOfAnn(t, { revalidateAfter: 60 })
  const authorization = headers.authorization.replace(' ', '  ')
  const callSpaced = async () => (await app.inject({ method: 'POST', url: '/mcp', headers: { authorization } })).statusCode
  t.equal(await callSpaced(), 200)
  t.equal(await callSpaced(), 200)
  t.equal(watch.calls.length, 2)
  await call()
  await call()
  t.equal(watch.calls.length, 3)
})

type World = Awaited<ReturnType<typeof appOfAnn>>

const ends: Record<string, (world: World, ids: { clientId: string, grantId: string }) => Promise<unknown>> = {
  'the user is removed': async ({ app, annId }) => await app.mcpOAuth.users.remove(await annId()),
  'the user is suspended': async ({ app, annId }) => await app.mcpOAuth.users.update(await annId(), { status: 'suspended' }),
  'the user\'s e-mail changes': async ({ app, annId }) => await app.mcpOAuth.users.update(await annId(), { email: 'bob@example.com' }),
  'the grant is revoked': async ({ app }, { grantId }) => await app.mcpOAuth.grants.revoke(grantId),
  'the client is deactivated': async ({ app }, { clientId }) => await app.mcpOAuth.clients.setActive(clientId, false)
}

function declare (app: FastifyInstance): void {
  app.post('/mcp', async request => ({ clientId: request.mcpOAuth.client.id, grantId: request.mcpOAuth.grantId }))
}

for (const [what, end] of Object.entries(ends)) {
  t.test(`I5: when ${what} through app.mcpOAuth, the next request is refused`, async t => {
    const world = await appOfAnn(t, { revalidateAfter: 3600, after: declare })
    const ids = (await world.app.inject({ method: 'POST', url: '/mcp', headers: world.headers })).json()
    t.ok(await end(world, ids))
    t.equal(await world.call(), 401)
  })

  t.test(`I5: when ${what} elsewhere, it counts after revalidateAfter`, async t => {
    const storage = new MemoryStorage()
    const elsewhere = await guardedApp(t, { storage, after: answering() })
    const world = await appOfAnn(t, { revalidateAfter: 5, after: declare, storage })
    const ids = (await world.app.inject({ method: 'POST', url: '/mcp', headers: world.headers })).json()
    await end({ ...world, app: elsewhere }, ids)
    mock.timers.setTime(start + 4999)
    t.equal(await world.call(), 200)
    mock.timers.setTime(start + 5000)
    t.equal(await world.call(), 401)
  })
}

t.test('a user who is back on the list is admitted at the next request', async t => {
  const { app, call, annId } = await appOfAnn(t, { revalidateAfter: 3600 })
  await app.mcpOAuth.users.update(await annId(), { status: 'suspended' })
  t.equal(await call(), 401)
  await app.mcpOAuth.users.update(await annId(), { status: 'active' })
  t.equal(await call(), 200)
})

/** A storage whose next answer about a token was read, and is held back. */
class SlowStorage extends MemoryStorage {
  held: Promise<void> = Promise.resolve()
  onRead: () => void = () => {}

  override async findToken (tokenId: string) {
    const record = await super.findToken(tokenId)
    this.onRead()
    await this.held
    return record
  }
}

for (const [what, end] of Object.entries(ends)) {
  t.test(`T19: a check that read its row before ${what} and ends after it is not kept`, async t => {
    const storage = new SlowStorage()
    const world = await appOfAnn(t, { revalidateAfter: 3600, after: declare, storage })
    const ids = (await world.app.inject({ method: 'POST', url: '/mcp', headers: world.headers })).json()
    mock.timers.setTime(start + 3_600_000)

    let release = () => {}
    storage.held = new Promise(resolve => { release = resolve })
    const read = new Promise<void>(resolve => { storage.onRead = resolve })
    const underWay = world.call()
    await read
    t.ok(await end(world, ids))
    storage.held = Promise.resolve()
    release()
    t.equal(await underWay, 200, 'it was alive when it was asked about')
    t.equal(await world.call(), 401)
  })
}
