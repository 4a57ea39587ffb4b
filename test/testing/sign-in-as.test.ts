import Fastify from 'fastify'
import t from 'tap'
import { signInAs } from '../../lib/testing/index.ts'
import { guardedApp, resource } from '../fixtures/guarded-app.ts'
import { MemoryStorage } from '../../lib/index.ts'
import { whoami } from '../fixtures/world.ts'

const protectedApp = { after: whoami }

t.test('an app without the plugin signs nobody in', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await t.rejects(signInAs(app, { email: 'you@example.com' }), { name: 'TypeError', message: 'fastify-mcp-oauth is not registered on this app' })
})

t.test('PX-08: what is no plain e-mail address is nobody', async t => {
  const app = await guardedApp(t, protectedApp)
  for (const email of ['', 'you', 'ａdmin@example.com', 'a@b@example.com']) {
    await t.rejects(signInAs(app, { email }), { name: 'TypeError', message: `${JSON.stringify(email)} is not one plain e-mail address` })
  }
  t.strictSame(await app.mcpOAuth.users.list(), [])
})

t.test('AZ-14: a scope or a resource that the server does not know is refused', async t => {
  const app = await guardedApp(t, protectedApp)
  for (const scope of ['notes:read', 'constructor', '']) {
    await t.rejects(signInAs(app, { email: 'you@example.com', scopes: ['email', scope] }), { name: 'TypeError', message: `${scope} is not a scope of this resource` })
  }
  await t.rejects(signInAs(app, { email: 'you@example.com', resource: `${resource}/other` }), { name: 'TypeError', message: `${resource}/other is not a resource of this server` })
})

t.test('a storage that keeps nothing is told from one that works', async t => {
  const forgetful = { 'the whitelist': { listUsers: async () => [] }, 'the row': { updateUser: async () => undefined }, 'the e-mail': { updateUser: async () => false as const }, 'the grant': { findCode: async () => undefined } }
  for (const [what, methods] of Object.entries(forgetful)) {
    const app = await guardedApp(t, { ...protectedApp, storage: Object.assign(new MemoryStorage(), methods) })
    await t.rejects(signInAs(app, { email: 'you@example.com' }), /could not be put on the whitelist|does not find what it has just stored/, what)
  }
})

t.test('a suspended user stays suspended: the guard refuses', async t => {
  const app = await guardedApp(t, protectedApp)
  await signInAs(app, { email: 'you@example.com' })
  const [user] = await app.mcpOAuth.users.list('you@example.com')
  await app.mcpOAuth.users.update(user?.id ?? '', { status: 'suspended' })
  const headers = await signInAs(app, { email: 'you@example.com', role: 'admin' })
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 401)
})

t.test('who is signed in is who calls, and gets on the whitelist', async t => {
  const app = await guardedApp(t, protectedApp)
  const headers = await signInAs(app, { email: ' You@Example.com ' })
  const response = await app.inject({ method: 'POST', url: '/mcp', headers })
  t.equal(response.statusCode, 200)
  t.match(response.json(), {
    user: { email: 'you@example.com', name: 'Test user', role: 'user' },
    client: { name: 'Test client' },
    scopes: ['openid', 'email', 'profile', 'offline_access'],
    resource
  })
  t.match(await app.mcpOAuth.users.list(), [{ email: 'you@example.com', name: 'Test user', role: 'user', status: 'active' }])
})

t.test('name, scopes and role are as the test wants them', async t => {
  const app = await guardedApp(t, { ...protectedApp, scopes: { 'notes:read': 'Read your notes' } })
  const headers = await signInAs(app, { email: 'ann@example.com', name: 'Ann', scopes: ['notes:read'], role: 'admin' })
  t.match((await app.inject({ method: 'POST', url: '/mcp', headers })).json(), { user: { name: 'Ann', role: 'admin' }, scopes: ['notes:read'] })
  t.strictSame((await app.inject({ method: 'POST', url: '/mcp', headers: await signInAs(app, { email: 'ann@example.com', scopes: [] }) })).json().scopes, [])
})

t.test('who is listed already keeps the row; a role that is given is set at once', async t => {
  const app = await guardedApp(t, { ...protectedApp, revalidateAfter: 3600 })
  const id = await app.mcpOAuth.users.add({ email: 'you@example.com', name: 'You', role: 'admin' })
  const first = await signInAs(app, { email: 'you@example.com', name: 'Other' })
  const whoAmI = async () => (await app.inject({ method: 'POST', url: '/mcp', headers: first })).json().user
  t.match(await whoAmI(), { id, name: 'You', role: 'admin' })
  await signInAs(app, { email: 'You@example.com', role: 'user' })
  t.match(await whoAmI(), { id, role: 'user' }, 'for tokens of before too')
})

t.test('several people are several people', async t => {
  const app = await guardedApp(t, protectedApp)
  const people = ['ann@example.com', 'bob@example.com', 'ann@example.com']
  const headers = await Promise.all(people.map(async email => await signInAs(app, { email })))
  const answers = await Promise.all(headers.map(async own => (await app.inject({ method: 'POST', url: '/mcp', headers: own })).json()))
  t.strictSame(answers.map(({ user }) => user.email), people)
  t.equal(new Set(answers.map(({ tokenId }) => tokenId)).size, 3)
})
