import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { StorageUnavailableError } from '../../lib/errors.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { captureAudit } from '../fixtures/audit.ts'
import { guardedApp, type GuardedAppOptions } from '../fixtures/guarded-app.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'
import { whoami } from '../fixtures/world.ts'

type Headers = Record<string, string>
interface Scope { teardown (close: () => Promise<void>): void }

/** An app that would not ask its storage again for an hour. */
async function setUp (t: Scope, given: GuardedAppOptions = {}) {
  const app = await guardedApp(t, { after: whoami, revalidateAfter: 3600, ...given })
  const headers = await signInAs(app, { email: 'you@example.com' })
  const { user, client, grantId } = (await call(app, headers)).json()
  return { app, headers, user, client, grantId, admin: app.mcpOAuth }
}

async function call (app: FastifyInstance, headers: Headers) {
  return await app.inject({ method: 'POST', url: '/mcp', headers })
}

async function status (app: FastifyInstance, headers: Headers): Promise<number> {
  return (await call(app, headers)).statusCode
}

t.test('PX-08: what is no plain e-mail address does not get on the whitelist', async t => {
  const { admin, user } = await setUp(t)
  for (const email of ['', 'you', 'a@b@example.com', 'ａdmin@example.com', 'a b@example.com']) {
    const refusal = { name: 'TypeError', message: `${JSON.stringify(email)} is not one plain e-mail address` }
    await t.rejects(admin.users.add({ email }), refusal)
    await t.rejects(admin.users.update(user.id, { email }), refusal)
  }
  t.strictSame((await admin.users.list()).map(({ email }) => email), ['you@example.com'])
})

t.test('an e-mail that is listed is not added again, in whatever spelling', async t => {
  const { admin, user } = await setUp(t)
  t.equal(await admin.users.add({ email: ' You@Example.COM ', role: 'admin' }), undefined)
  t.strictSame((await admin.users.list('YOU@example.com')).map(({ id, role }) => ({ id, role })), [{ id: user.id, role: 'user' }])
})

t.test('a user who is not there can be neither changed nor removed', async t => {
  const { admin } = await setUp(t)
  t.equal(await admin.users.update('nobody', { status: 'suspended' }), undefined)
  t.equal(await admin.users.remove('nobody'), false)
})

t.test('an e-mail that another row has can not be taken', async t => {
  const { admin, user } = await setUp(t)
  await admin.users.add({ email: 'ann@example.com' })
  t.equal(await admin.users.update(user.id, { email: ' Ann@Example.com' }), 'taken')
})

t.test('a user is added with a name and a role, or without', async t => {
  const { admin } = await setUp(t)
  const ann = await admin.users.add({ email: ' Ann@Example.com ', name: 'Ann', role: 'admin' })
  const bob = await admin.users.add({ email: 'bob@example.com' })
  t.match(await admin.users.list('ann@example.com'), [{ id: ann, email: 'ann@example.com', name: 'Ann', role: 'admin', status: 'active' }])
  t.match(await admin.users.list('bob@example.com'), [{ id: bob, name: null, role: 'user', status: 'active' }])
  t.strictSame(await admin.users.list('nobody@example.com'), [])
})

interface Change { end: (world: Awaited<ReturnType<typeof setUp>>) => Promise<unknown>, again?: (world: Awaited<ReturnType<typeof setUp>>) => Promise<unknown> }

const changes: Record<string, Change> = {
  'I5: a suspended user': {
    end: async ({ admin, user }) => await admin.users.update(user.id, { status: 'suspended' }),
    again: async ({ admin, user }) => await admin.users.update(user.id, { status: 'active' })
  },
  'T3: a client that is deactivated': {
    end: async ({ admin, client }) => await admin.clients.setActive(client.id, false),
    again: async ({ admin, client }) => await admin.clients.setActive(client.id, true)
  },
  'I5: a user who was removed': { end: async ({ admin, user }) => await admin.users.remove(user.id) },
  'I8: a user whose row was given to another person': { end: async ({ admin, user }) => await admin.users.update(user.id, { email: 'ann@example.com' }) },
  'a grant that was revoked': { end: async ({ admin, grantId }) => await admin.grants.revoke(grantId) }
}

for (const [what, { end, again }] of Object.entries(changes)) {
  t.test(`${what} is refused at the next request, however fresh the last check`, async t => {
    const world = await setUp(t)
    t.equal(await status(world.app, world.headers), 200)
    t.ok(await end(world))
    t.equal(await status(world.app, world.headers), 401)
    await again?.(world)
    t.equal(await status(world.app, world.headers), again === undefined ? 401 : 200)
  })
}

t.test('I8: giving the e-mail back does not bring the grant back', async t => {
  const { app, admin, headers, user } = await setUp(t)
  await admin.users.update(user.id, { email: 'ann@example.com' })
  t.equal(await status(app, headers), 401)
  t.match(await admin.users.update(user.id, { email: 'you@example.com' }), { email: 'you@example.com' })
  t.equal(await status(app, headers), 401)
})

t.test('a changed name and role are seen at the next request', async t => {
  const { app, admin, headers, user } = await setUp(t)
  t.match(await admin.users.update(user.id, { role: 'admin', name: 'Ann' }), { id: user.id, role: 'admin', name: 'Ann', email: 'you@example.com' })
  t.match((await call(app, headers)).json(), { user: { id: user.id, role: 'admin', name: 'Ann' } })
})

t.test('clients are found and switched, unknown ones are not', async t => {
  const { admin, client } = await setUp(t)
  t.match(await admin.clients.find(client.id), { id: client.id, active: true })
  t.equal(await admin.clients.find('nobody'), undefined)
  t.equal(await admin.clients.setActive('nobody', false), false)
})

t.test('a grant is revoked once', async t => {
  const { admin, grantId } = await setUp(t)
  t.equal(await admin.grants.revoke('nothing'), false)
  t.equal(await admin.grants.revoke(grantId), true)
  t.equal(await admin.grants.revoke(grantId), false)
})

t.test('every grant of everybody is revoked, and the trail is told once', async t => {
  const { audit, of } = captureAudit()
  const { app, admin, headers } = await setUp(t, { audit })
  const others = await signInAs(app, { email: 'ann@example.com' })
  for (const who of [headers, others]) t.equal(await status(app, who), 200)
  const told: number[] = []
  t.equal(await admin.grants.revokeEvery(revoked => { told.push(revoked) }), 2)
  t.strictSame(told, [2])
  for (const who of [headers, others]) t.equal(await status(app, who), 401)
  t.equal(await admin.grants.revokeEvery(), 0)
  t.match(await of('grant.revoked'), [{ userId: null, details: { grants: 2, everybody: true } }])
  t.equal((await of('grant.revoked')).length, 1)
})

t.test('what was revoked before the storage was lost is in the trail', async t => {
  const { audit, of } = captureAudit()
  const watch = watchStorage()
  const { admin } = await setUp(t, { audit, storage: watch.storage })
  await t.rejects(admin.grants.revokeEvery(() => { watch.failure = new StorageUnavailableError() }), StorageUnavailableError)
  t.match(await of('grant.revoked'), [{ details: { grants: 1, everybody: true } }])
})

t.test('T12: a change whose answer was lost is asked for again at the next request', async t => {
  const watch = watchStorage()
  const { app, admin, headers, user } = await setUp(t, { storage: watch.storage })
  t.equal(await status(app, headers), 200)
  watch.failure = new StorageUnavailableError()
  await t.rejects(admin.users.remove(user.id), { name: 'StorageUnavailableError' })
  t.equal(await status(app, headers), 503, 'nothing is believed that was found before')
})

t.test('what administers can not be replaced', async t => {
  const { admin } = await setUp(t)
  t.throws(() => Object.assign(admin, { users: {} }), TypeError)
})

t.test('PX-07: a change that comes from a request reaches nothing but what may be changed', async t => {
  const { admin, user } = await setUp(t)
  for (const change of [{ id: 'x' }, { user_id: 'x' }, { provider: 'x' }, { provider_user_id: 'x' }, { role: 'owner' }, { status: 'deleted' }, { status: null }, { name: 1 }, { email: ['x@example.com'] }, JSON.parse('{"__proto__":{}}'), { constructor: 'x' }]) {
    await t.rejects(admin.users.update(user.id, change), { name: 'TypeError', message: /can not be changed, or not to this value/ }, JSON.stringify(change))
  }
  t.match(await admin.users.list('you@example.com'), [{ id: user.id, role: 'user', status: 'active', provider: null }])
  t.match(await admin.users.update(user.id, { name: null, role: undefined }), { name: null, role: 'user' })
})

t.test('keys.list tells of the key pairs without their private halves, and keys.rotate publishes a new one', async t => {
  const { admin, app } = await setUp(t)
  const [key, ...others] = await admin.keys.list()
  t.strictSame(others, [])
  t.match(key, { algorithm: 'RS256', state: 'signing', endsAt: null })
  t.strictSame(Object.keys(key ?? {}).sort(), ['algorithm', 'createdAt', 'endsAt', 'keyId', 'signsFrom', 'state'])
  await admin.keys.rotate()
  const rotated = await admin.keys.list()
  t.strictSame(rotated.map(({ state }) => state), ['signing', 'next'])
  const { keys } = (await app.inject('/.well-known/jwks.json')).json()
  t.strictSame(keys.map(({ kid }: { kid: string }) => kid), rotated.map(({ keyId }) => keyId))
})

t.test('keys: what the storage can not answer at start is not answered', async t => {
  const watch = watchStorage()
  watch.failure = new StorageUnavailableError()
  const app = await guardedApp(t, { storage: watch.storage, after: whoami })
  await app.ready()
  await t.rejects(app.mcpOAuth.keys.list(), StorageUnavailableError)
  await t.rejects(app.mcpOAuth.keys.rotate(), StorageUnavailableError)
})
