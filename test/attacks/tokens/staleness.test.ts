import { mock } from 'node:test'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { MemoryStorage } from '../../../lib/index.ts'
import { appOfAnn } from '../../fixtures/app-of-ann.ts'
import { answering, guardedApp } from '../../fixtures/guarded-app.ts'

const start = Date.parse('2026-01-01T00:00:00Z')

t.beforeEach(() => { mock.timers.enable({ apis: ['Date'], now: start }) })
t.afterEach(() => { mock.timers.reset() })

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
