import t from 'tap'
import type { Test } from 'tap'
import { mock } from 'node:test'
import Fastify from 'fastify'
import mcpOAuth, { MemoryStorage, microsoft } from '../../../lib/index.ts'
import { signInAs } from '../../../lib/testing/index.ts'
import type { Page } from '../../fixtures/browser-jar.ts'
import { allow, authorizeUrl, callMcp, connect, pkce, refresh, refusalOf, register, type Registered } from '../../fixtures/flow.ts'
import { guardedApp } from '../../fixtures/guarded-app.ts'
import { endless, openStream, pass } from '../../fixtures/open-answers.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import { fabrikam, startMicrosoftDouble } from '../../fixtures/providers/microsoft.ts'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { watchStorage } from '../../fixtures/watched-storage.ts'
import { secret, startWorld, type World } from '../../fixtures/world.ts'

const invalidGrant = { status: 400, error: 'invalid_grant' }
const invalidToken = { status: 401, error: 'invalid_token' }

async function start (t: Test) {
  const played = await startPlayedWorld(t)
  const { world } = played
  return { ...played, client: await register(world), users: world.app.mcpOAuth.users }
}

/** A sign-in up to where it ends: at the client, or at a page of ours. */
async function signIn (world: World, client: Registered): Promise<Page> {
  return await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce())))
}

async function userId (world: World, email = 'you@example.com'): Promise<string> {
  const [user] = await world.app.mcpOAuth.users.list(email)
  return user?.id ?? ''
}

async function refuse (t: Test, { world, client, watch }: Awaited<ReturnType<typeof start>>, what: string): Promise<Page> {
  const grants = watch.calls.filter(name => name === 'createGrant').length
  const page = await signIn(world, client)
  t.equal(page.status, 403, what)
  t.equal(watch.calls.filter(name => name === 'createGrant').length, grants, 'no grant')
  return page
}

t.test('I1: an e-mail with anything but one @ is nobody’s', async t => {
  const setting = await start(t)
  for (const email of ['you@evil.com@example.com', 'you@example.com@evil.com', 'you@@example.com', 'you', '@example.com', 'you@', '']) {
    setting.provider.signInAs(email)
    await refuse(t, setting, email)
  }
  t.notOk(setting.watch.calls.includes('signIn'), 'the whitelist was not even asked')
})

t.test('I2: what only looks like a listed e-mail, or folds into it, is refused and never folded', async t => {
  const setting = await start(t)
  await setting.users.add({ email: 'admin@example.com' })
  await setting.users.add({ email: 'kim@example.com' })
  await setting.users.add({ email: 'i@example.com' })
  const alike = [
    'admin＠example.com', 'ａdmin@example.com', 'adm\u0131n@example.com', '\u212Aim@example.com', '\u2139@example.com', 'admin@ex\u0430mple.com',
    'admin@example\u3002com', 'admin@example.com\u200B', 'ad\u00ADmin@example.com', 'admin@example.com\n', 'admin@example.com\0', `${'a'.repeat(243)}@example.com`
  ]
  for (const email of alike) {
    setting.provider.signInAs(email)
    await refuse(t, setting, JSON.stringify(email))
  }
  t.notOk(setting.watch.calls.includes('signIn'))
  setting.provider.signInAs(' Admin@EXAMPLE.com ')
  t.ok((await signIn(setting.world, setting.client)).url.searchParams.has('code'), 'ASCII case and white space around do not count')
})

t.test('I3: an e-mail that the provider does not vouch for never matches', async t => {
  const setting = await start(t)
  setting.provider.signInAs('you@example.com', { emailVerified: false })
  const page = await refuse(t, setting, 'unverified')
  t.match(page.body, 'does not vouch that you@example.com is yours')
  setting.provider.signInAs(undefined)
  t.match((await refuse(t, setting, 'none at all')).body, 'did not tell an e-mail address')
  t.notOk(setting.watch.calls.includes('signIn'), 'and pins nothing')
})

t.test('I4: an e-mail that any Entra tenant may have written counts only where Entra verified its domain', async t => {
  const double = await startMicrosoftDouble(t, { onLoopback: true })
  const { origin, clientId, clientSecret = '' } = double
  const watch = watchStorage()
  const world = await startWorld(t, {
    storage: watch.storage, providers: [microsoft({ clientId, clientSecret, issuer: `${origin}/common/v2.0` })]
  })
  const client = await register(world)
  double.forge = claims => ({ ...claims, iss: `${origin}/${fabrikam}/v2.0`, tid: fabrikam, oid: 'attacker', email: 'you@example.com' })
  const page = await signIn(world, client)
  t.equal(page.status, 403)
  t.match(page.body, 'not verified')
  t.notOk(watch.calls.includes('createGrant'))
  double.forge = claims => ({ ...claims, xms_edov: true })
  t.ok((await signIn(world, client)).url.searchParams.has('code'), 'the rightful one with a verified domain')
})

t.test('I5: whoever is suspended or removed is out: at once in this process, within revalidateAfter elsewhere', async t => {
  const { world, client: other } = await start(t)
  const { client, tokens } = await connect(world)
  const { storage } = world
  const id = await userId(world)
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  await storage.updateUser(id, { status: 'suspended' }, new Date())
  mock.timers.tick(5000)
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken, 'suspended by another process, five seconds later')
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
  t.equal((await signIn(world, other)).status, 403)

  await world.app.mcpOAuth.users.update(id, { status: 'active' })
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'a suspension is not the end')
  await world.app.mcpOAuth.users.update(id, { status: 'suspended' })
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken, 'suspended here')
  await world.app.mcpOAuth.users.update(id, { status: 'active' })
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  await world.app.mcpOAuth.users.remove(id)
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken, 'removed')
  await world.app.mcpOAuth.users.add({ email: 'you@example.com' })
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken, 'being listed again does not bring old tokens back')
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
})

t.test('I6: once a row is pinned, the same e-mail from another subject, issuer or provider is refused', async t => {
  const local = scriptedProvider()
  const second = scriptedProvider({ id: 'second', name: 'Second' })
  const world = await startWorld(t, { providers: [local, second] })
  const client = await register(world)
  const through = async (provider: string) => await world.browser.submit(
    await world.browser.visit(authorizeUrl(world, client, pkce())), { decision: 'allow', provider }, { until: 'http://127.0.0.1:4321/callback' })
  t.ok((await through('local')).url.searchParams.has('code'), 'the first one sets the pin')
  const pinned = local.identity
  local.identity = { ...pinned, subject: 'somebody-else' }
  t.match(await through('local'), { status: 403, body: /Another account at Local/ }, 'another subject')
  local.identity = { ...pinned, issuer: 'https://other.example' }
  t.match(await through('local'), { status: 403, body: /Another account at Local/ }, 'another issuer')
  t.match(await through('second'), { status: 403, body: /not through Second/ }, 'another provider')
  await world.app.mcpOAuth.users.add({ email: 'me@example.com' })
  local.identity = { ...pinned, email: 'me@example.com' }
  t.match(await through('local'), { status: 403, body: /Another account/ }, 'the same subject for another row')
  local.identity = pinned
  t.ok((await through('local')).url.searchParams.has('code'), 'the pinned one still gets in')
})

t.test('I8: a row that is given to another person takes nothing along', async t => {
  const { provider, world, users } = await start(t)
  const { client, tokens } = await connect(world)
  const id = await userId(world)
  await users.update(id, { email: 'next@example.com' })
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken)
  await users.update(id, { email: 'you@example.com' })
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken, 'renamed back: the grant stays revoked')
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
  t.ok((await signIn(world, client)).url.searchParams.has('code'), 'a new sign-in is what it takes')
  await users.update(id, { email: 'next@example.com' })
  provider.signInAs('next@example.com')
  t.match(await signIn(world, client), { status: 403, body: /Another account/ }, 'the pin stays with the row')
})

t.test('I9: the first administrator is put in once, and whoever removes, suspends or demotes them has the last word', async t => {
  const storage = new MemoryStorage()
  const begin = async (email = 'you@example.com') => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(mcpOAuth, {
      issuer: 'http://127.0.0.1:1', secret, storage, providers: [scriptedProvider()], resource: 'http://127.0.0.1:1/mcp', firstAdmin: { email }
    })
    await app.ready()
    return app.mcpOAuth.users
  }
  const users = await begin()
  const [admin] = await users.list()
  t.match(admin, { email: 'you@example.com', name: 'you@example.com', role: 'admin', status: 'active' })
  await users.update(admin?.id ?? '', { status: 'suspended', role: 'user' })
  await begin(' YOU@example.com')
  t.match(await users.list(), [{ status: 'suspended', role: 'user' }], 'not re-activated, not promoted')
  await users.remove(admin?.id ?? '')
  await begin()
  t.same(await users.list(), [], 'not re-added')
  await users.add({ email: 'ann@example.com' })
  await begin('ann@example.com')
  t.match(await users.list(), [{ email: 'ann@example.com', role: 'user' }], 'whoever is listed already stays what they are')
})

t.test('I10: a placeholder for the secret stops the start', async t => {
  const placeholders = ['<run: openssl rand -base64 32>....', 'your-secure-jwt-secret-32-chars-minimum', 'CHANGE-ME-CHANGE-ME-CHANGE-ME-CHANGE-ME', 'a'.repeat(40), '0123456789012345678901234567890123', 'short']
  for (const placeholder of placeholders) {
    const app = Fastify()
    app.register(mcpOAuth, { issuer: 'http://127.0.0.1:1', secret: placeholder, protect: ['/mcp'], storage: new MemoryStorage(), providers: [scriptedProvider()] })
    await t.rejects(async () => await app.ready(), { name: 'InvalidOptionError', message: /JWT_SECRET.*openssl rand -base64 32/ }, placeholder)
  }
})

t.test('I7: whoever is suspended while an event stream is open has it closed within revalidateAfter', async t => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const app = await guardedApp(t, { revalidateAfter: 5, after: endless })
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/mcp`
  const headers = await signInAs(app, { email: 'you@example.com' })
  const [streams, others] = [[await openStream(url, headers), await openStream(url, headers)], [await openStream(url, await signInAs(app, { email: 'ann@example.com' }))]]
  await pass(60)
  const [user] = await app.mcpOAuth.users.list('you@example.com')
  await app.mcpOAuth.users.update(user?.id ?? '', { status: 'suspended' })
  t.equal((await openStream(url, headers)).response.statusCode, 401, 'no new one')
  await pass(5)
  t.strictSame(streams.map(({ isClosed }) => isClosed), [true, true])
  t.strictSame(others.map(({ isClosed }) => isClosed), [false], 'nobody else\'s')
})
