import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { resolveOptions } from '../../lib/resolve-options.ts'
import type { OAuthError } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { guardedApp, issuer, pluginOptions, resource, type GuardedAppOptions } from '../fixtures/guarded-app.ts'
import { optionErrorOf } from '../fixtures/option-error.ts'

const scopes = { notes: 'All about notes', 'notes:read': 'Read notes', 'notes:write': 'Write notes', audit: 'See the audit' }
const metadata = `${issuer}/.well-known/oauth-protected-resource/mcp`
const stepUp = (needed: string) => `Bearer error="insufficient_scope", resource_metadata="${metadata}", error_description="The access token lacks a scope that this needs", scope="${needed}"`

function declare (app: FastifyInstance): void {
  app.post('/mcp', async () => 'ran')
  app.get('/mcp/admin', { config: { mcpOAuth: { scopes: ['notes:write', 'audit'] } } }, async () => 'ran')
  app.get('/mcp/hook', { onRequest: app.mcpOAuth.protect({ scopes: ['audit'], roles: ['admin'] }) }, async () => 'ran')
}

const notes: GuardedAppOptions = { scopes, protect: [{ url: '/mcp', scopes: ['notes:read'] }], after: declare }

const ask = async (app: FastifyInstance, url: string, persona: { scopes?: string[], role?: 'user' | 'admin' }) => await app.inject({
  method: url === '/mcp' ? 'POST' : 'GET', url, headers: await signInAs(app, { email: 'ann@example.com', role: 'user', ...persona })
})

t.test('RS-03: a missing scope is 403 with a challenge that names all that is needed, once', async t => {
  const told: OAuthError[] = []
  const app = await guardedApp(t, { ...notes, onRefused: (_, error) => { told.push(error) } })
  const answer = await ask(app, '/mcp', { scopes: ['openid', 'notes:write', 'audit'] })
  t.equal(answer.statusCode, 403)
  t.equal(answer.headers['www-authenticate'], stepUp('notes:read'))
  t.strictSame(answer.json(), { error: 'insufficient_scope', error_description: 'The access token lacks a scope that this needs' })
  t.equal(answer.headers['cache-control'], 'no-store')
  t.match(told, [{ code: 'insufficient_scope', statusCode: 403 }])
  const both = await ask(app, '/mcp/admin', { scopes: ['notes:read', 'audit'] })
  t.equal(both.headers['www-authenticate'], stepUp('notes:write audit notes:read'), 'what is granted already too')
})

t.test('RS-03: a missing role is a plain 403 without a challenge, whatever scopes are missing besides', async t => {
  const causes: unknown[] = []
  const app = await guardedApp(t, { ...notes, onRefused: (_, { cause }) => { causes.push(cause) } })
  for (const granted of [['notes'], ['notes', 'audit']]) {
    const answer = await ask(app, '/mcp/hook', { scopes: granted })
    t.equal(answer.statusCode, 403)
    t.notHas(answer.headers, 'www-authenticate')
    t.strictSame(answer.json(), { error: 'access_denied', error_description: 'The user may not do this' })
  }
  t.strictSame(causes, Array(2).fill('the role user is not enough'))
  t.equal((await ask(app, '/mcp/hook', { scopes: ['notes'], role: 'admin' })).headers['www-authenticate'], stepUp('audit'))
  t.equal((await ask(app, '/mcp/hook', { scopes: ['notes', 'audit'], role: 'admin' })).body, 'ran')
})

t.test('RS-03: a wider scope covers a narrower one, and nothing that only begins like it', async t => {
  const app = await guardedApp(t, { ...notes, scopes: { ...scopes, note: 'x', 'notes:read:all': 'x', 'notes-read': 'x' } })
  for (const enough of [['notes:read'], ['notes'], ['audit', 'notes']]) t.equal((await ask(app, '/mcp', { scopes: enough })).body, 'ran', enough.join(' '))
  for (const other of [[], ['note'], ['notes:write'], ['notes:read:all'], ['notes-read']]) t.equal((await ask(app, '/mcp', { scopes: other })).statusCode, 403, other.join(' '))
})

t.test('what a token allows is judged at each request, remembered or not', async t => {
  for (const revalidateAfter of [0, 60]) {
    const app = await guardedApp(t, { ...notes, revalidateAfter })
    const headers = await signInAs(app, { email: 'ann@example.com', scopes: ['notes:read'] })
    for (let round = 0; round < 2; round++) {
      t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 200)
      t.equal((await app.inject({ url: '/mcp/admin', headers })).statusCode, 403)
    }
  }
})

t.test('all rules of a route hold, the pattern\'s, the config\'s and the hook\'s', async t => {
  const app = await guardedApp(t, {
    ...notes,
    protect: [{ url: '/mcp', scopes: ['notes:read'] }, { url: '/mcp/all', roles: ['admin'] }],
    after: app => {
      declare(app)
      app.get('/mcp/all', { config: { mcpOAuth: { scopes: ['audit'] } }, onRequest: app.mcpOAuth.protect({ scopes: ['notes:write'] }) }, async () => 'ran')
    }
  })
  const all = ['notes:read', 'audit', 'notes:write']
  for (const missing of all) t.equal((await ask(app, '/mcp/all', { role: 'admin', scopes: all.filter(scope => scope !== missing) })).statusCode, 403, missing)
  t.equal((await ask(app, '/mcp/all', { scopes: all })).statusCode, 403, 'the role')
  t.equal((await ask(app, '/mcp/all', { role: 'admin', scopes: all })).body, 'ran')
})

t.test('RFC 8707: a scope that rules name is to be had at their resources alone, the others everywhere', async t => {
  const orders = `${issuer}/orders`
  const app = await guardedApp(t, {
    scopes: { ...scopes, 'orders:read': 'Read orders', 'orders:drop': 'Drop orders', orders: 'All about orders', other: 'Other' },
    protect: [{ url: '/mcp', scopes: ['notes:read'] }, { url: '/orders', resource: orders, scopes: ['orders:read'], tools: { x: { scopes: ['audit'] } } }],
    after: app => {
      app.post('/mcp', async () => 'ran')
      app.post('/orders', async () => 'ran')
    }
  })
  const supported = async (path: string) => (await app.inject(`/.well-known/oauth-protected-resource${path}`)).json().scopes_supported
  t.strictSame(await supported('/mcp'), ['openid', 'email', 'profile', 'notes', 'notes:read', 'notes:write', 'orders:drop', 'other'])
  t.strictSame(await supported('/orders'), ['openid', 'email', 'profile', 'notes:write', 'audit', 'orders:read', 'orders:drop', 'orders', 'other'])
  t.match((await app.inject({ method: 'POST', url: '/orders' })).headers['www-authenticate'], /scope="openid email profile notes:write audit orders:read orders:drop orders other"$/)
  await t.rejects(signInAs(app, { email: 'ann@example.com', resource: orders, scopes: ['notes:read'] }), /is not a scope of this resource/)
  t.throws(() => app.mcpOAuth.protect({ resource: orders, scopes: ['notes:read'] }), { name: 'InvalidOptionError', option: 'scopes', message: /protect\(\) needs notes:read, which belongs to another resource than/ })
})

t.test('the protect() hook without a resource asks at the one that is settled', async t => {
  const orders = `${issuer}/orders`
  const app = await guardedApp(t, {
    scopes,
    protect: [{ url: '/mcp', scopes: ['notes:read'] }, { url: '/orders', resource: orders, scopes: ['audit'] }],
    after: app => {
      app.post('/mcp', { onRequest: app.mcpOAuth.protect({ roles: ['admin'] }) }, async () => 'ran')
      const audited = app.mcpOAuth.protect({ scopes: ['audit'] })
      app.post('/orders', { onRequest: audited }, async () => 'ran')
      app.post('/mcp/audit', { onRequest: audited }, async () => 'ran')
    }
  })
  const headers = await signInAs(app, { email: 'ann@example.com', resource: orders })
  t.equal((await app.inject({ method: 'POST', url: '/orders', headers })).body, 'ran')
  const impossible = await app.inject({ method: 'POST', url: '/mcp/audit', headers: await signInAs(app, { email: 'ann@example.com' }) })
  t.equal(impossible.statusCode, 500, 'no token of this resource has the scope')
})

const mistakes: Record<string, { rule: object, option: string, says: RegExp }> = {
  'a scope that is not known': { rule: { scopes: ['notes:delete'] }, option: 'protect.scopes', says: /"notes:delete" is not known; name it in the option scopes/ },
  'a scope that is a member of every object': { rule: { scopes: ['constructor'] }, option: 'protect.scopes', says: /not known/ },
  'a scope that is no string': { rule: { scopes: [1] }, option: 'protect.scopes', says: /not known/ },
  'AS-08: offline_access': { rule: { scopes: ['offline_access'] }, option: 'protect.scopes', says: /says nothing about a resource/ },
  'scopes that are no list': { rule: { scopes: 'notes' }, option: 'protect.scopes', says: /must be a list of scopes/ },
  'roles that are no list': { rule: { roles: 'admin' }, option: 'protect.roles', says: /list of roles out of 'user' and 'admin'/ },
  'no role': { rule: { roles: [] }, option: 'protect.roles', says: /list of roles/ },
  'an unknown role': { rule: { roles: ['root'] }, option: 'protect.roles', says: /list of roles/ },
  'roles that are null': { rule: { roles: null }, option: 'protect.roles', says: /list of roles/ },
  'tools that are a list': { rule: { tools: ['drop'] }, option: 'protect.tools', says: /must be an object such as \{ delete_order/ },
  'a tool without a rule': { rule: { tools: { drop: true } }, option: 'protect.tools.drop', says: /must be an object such as \{ roles/ },
  'an unknown member of a tool': { rule: { tools: { drop: { role: 'admin' } } }, option: 'protect.tools.drop.role', says: /is not an option; .*scopes, roles$/ },
  'an unknown scope of a tool': { rule: { tools: { drop: { scopes: ['x'] } } }, option: 'protect.tools.drop.scopes', says: /"x" is not known/ },
  'constraints that are none': { rule: { constraints: 1 }, option: 'protect.constraints', says: /must be an object such as/ }
}

for (const [what, { rule, option, says }] of Object.entries(mistakes)) {
  t.test(`W6: a rule with ${what} stops the start with one sentence`, async t => {
    const error = optionErrorOf(() => resolveOptions(pluginOptions({ scopes, protect: [{ url: '/mcp', ...rule }] })))
    t.equal(error.option, option)
    t.match(error.message, says)
    if (option === 'protect.constraints') return
    const app = await guardedApp(t, { scopes, protect: [] })
    const elsewhere = { name: 'InvalidOptionError', message: says }
    t.throws(() => app.mcpOAuth.protect(rule), { ...elsewhere, option: option.replace('protect', 'protect()') })
    t.throws(() => app.get('/x', { config: Object.assign({}, { mcpOAuth: rule }) }, async () => 'ran'), { ...elsewhere, option: option.replace('protect', 'config.mcpOAuth') })
  })
}

t.test('one resource has every scope, named by rules or not', async t => {
  const { resources } = resolveOptions(pluginOptions({ scopes, protect: [{ url: '/mcp', scopes: ['notes:read'] }] }))
  t.strictSame(resources.get(resource)?.scopes, ['openid', 'email', 'profile', 'offline_access', ...Object.keys(scopes)])
})
