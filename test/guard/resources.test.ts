import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { resolveOptions } from '../../lib/resolve-options.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, challenge, guardedApp, issuer, pluginOptions, resource, type GuardedAppOptions } from '../fixtures/guarded-app.ts'
import { captureLog } from '../fixtures/log.ts'
import { optionErrorOf } from '../fixtures/option-error.ts'

const orders = `${issuer}/orders`
const ordersChallenge = challenge.replace('oauth-protected-resource/mcp', 'oauth-protected-resource/orders')
const ann = { email: 'ann@example.com' }

/** What a JavaScript user may write. */
function bad (resource: unknown): object {
  return { resource }
}

function declare (app: FastifyInstance): void {
  answering('/mcp')(app)
  answering('/mcp/:id', 'GET')(app)
  answering('/orders')(app)
}

const twoResources: GuardedAppOptions = { protect: ['/mcp', { url: '/orders', resource: orders }], after: declare }

t.test('RS-01: each resource has its own metadata where its path puts it, and the root names the default', async t => {
  const app = await guardedApp(t, twoResources)
  for (const [path, expected] of Object.entries({ '': resource, '/mcp': resource, '/orders': orders })) {
    const document = (await app.inject(`/.well-known/oauth-protected-resource${path}`)).json()
    t.strictSame(document, { resource: expected, authorization_servers: [issuer], scopes_supported: ['openid', 'email', 'profile'], bearer_methods_supported: ['header'] }, path)
  }
  t.equal((await app.inject('/.well-known/oauth-protected-resource/other')).statusCode, 404)
})

t.test('RS-01: each resource has its own challenge, for other methods too', async t => {
  const app = await guardedApp(t, twoResources)
  for (const method of ['POST', 'GET'] as const) {
    t.equal((await app.inject({ method, url: '/mcp' })).headers['www-authenticate'], challenge, method)
    t.equal((await app.inject({ method, url: '/orders' })).headers['www-authenticate'], ordersChallenge, method)
  }
})

for (const revalidateAfter of [0, 60]) {
  t.test(`RFC 8707 §2: a token of one resource is 401 at the other, revalidateAfter ${revalidateAfter}`, async t => {
    const causes: unknown[] = []
    const app = await guardedApp(t, { ...twoResources, revalidateAfter, onRefused: (_, { cause }) => { causes.push(cause) } })
    const headers = { '/mcp': await signInAs(app, ann), '/orders': await signInAs(app, { ...ann, resource: orders }) }
    for (let round = 0; round < 2; round++) {
      for (const [home, own] of Object.entries(headers)) {
        t.equal((await app.inject({ method: 'POST', url: home, headers: own })).body, home)
        const url = home === '/mcp' ? '/orders' : '/mcp'
        const refused = await app.inject({ method: 'POST', url, headers: own })
        t.equal(refused.statusCode, 401, `${home} at ${url}`)
        t.match(refused.headers['www-authenticate'], url === '/mcp' ? /error="invalid_token".*-resource\/mcp"/ : /error="invalid_token".*-resource\/orders"/)
        t.equal((await app.inject({ method: 'GET', url, headers: own })).statusCode, 401, 'nor does it learn of the methods there')
      }
    }
    t.equal((await app.inject({ method: 'GET', url: '/orders', headers: headers['/orders'] })).statusCode, 405)
    t.strictSame(new Set(causes), new Set(['the token is for another resource']))
  })
}

t.test('a rule without a resource follows the one that names it', async t => {
  const app = await guardedApp(t, { protect: ['/mcp', { url: '/mcp/orders', resource: orders }], after: app => { answering('/mcp')(app); answering('/mcp/orders')(app) } })
  const headers = await signInAs(app, { ...ann, resource: orders })
  t.equal((await app.inject({ method: 'POST', url: '/mcp/orders', headers })).body, '/mcp/orders')
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 401)
})

t.test('rules for one route that name different resources stop the start', async t => {
  const protect = [{ url: '/mcp', resource }, { url: '/mcp/orders', resource: orders }]
  const after = await guardedApp(t, { protect })
  t.throws(() => { answering('/mcp/orders')(after) }, { name: 'InvalidOptionError', option: 'resource', message: /the route \/mcp\/orders has rules for https:\S+ and https:\S+; a token is for one of them$/ })
  const before = await guardedApp(t, { protect, before: app => { answering('/mcp')(app); answering('/mcp/orders')(app) } })
  await t.rejects(async () => { await before.ready() }, { name: 'InvalidOptionError', option: 'resource' })
})

t.test('the protect() hook may name a resource, and several hooks need one token', async t => {
  const app = await guardedApp(t, {
    ...twoResources,
    after: app => {
      declare(app)
      const { protect } = app.mcpOAuth
      app.get('/reports', { onRequest: [protect({ resource: orders }), protect(), protect({ resource: orders })] }, async request => request.mcpOAuth.resource)
      app.get('/plain', { onRequest: protect() }, async request => request.mcpOAuth.resource)
    }
  })
  const headers = await signInAs(app, { ...ann, resource: orders })
  t.equal((await app.inject({ url: '/reports', headers })).body, orders)
  t.equal((await app.inject('/reports')).headers['www-authenticate'], ordersChallenge)
  t.equal((await app.inject({ url: '/reports', headers: await signInAs(app, ann) })).statusCode, 401)
  t.equal((await app.inject({ url: '/plain', headers: await signInAs(app, ann) })).body, resource)
  t.equal((await app.inject({ url: '/plain', headers })).statusCode, 401)
  t.throws(() => app.mcpOAuth.protect({ resource: `${issuer}/unknown` }), { name: 'InvalidOptionError', message: /unknown is not known; it must be that of a rule in protect, or one of https:\S+mcp, https:\S+orders$/ })
})

t.test('a hook that names another resource than the route\'s rule is 500 and an error in the log, never open', async t => {
  const log = captureLog()
  const app = await guardedApp(t, {
    ...twoResources,
    fastify: { logger: log.logger },
    after: app => {
      declare(app)
      app.get('/orders/:id', { onRequest: app.mcpOAuth.protect({ resource }) }, async () => 'ran')
    }
  })
  for (const persona of [ann, { ...ann, resource: orders }]) {
    t.not((await app.inject({ url: '/orders/1', headers: await signInAs(app, persona) })).statusCode, 200)
  }
  t.match(log.of('access could not be checked'), [{ level: 50, err: { message: /protect\(\) has rules for https:\S+ and https:\S+; a token is for one of them/ } }])
})

t.test('the default resource is that of the only rule, where nothing else is said', async t => {
  const { resource: only, resources } = resolveOptions(pluginOptions({ resource: undefined, protect: [{ url: '/:tenant/mcp', resource: `${issuer}/` }] }))
  t.equal(only, issuer)
  t.strictSame([...resources.keys()], [issuer])
  const several = resolveOptions(pluginOptions({ protect: ['/mcp', { url: '/orders', resource: orders }, { url: '/other', resource: orders }, { url: '/x', resource }] }))
  t.strictSame([...several.resources.keys()], [resource, orders])
})

t.test('resources that can not stand side by side stop the start', async t => {
  for (const own of [issuer, 'https://other.example', 'https://other.example/mcp']) {
    const error = optionErrorOf(() => resolveOptions(pluginOptions({ protect: ['/mcp', { url: '/orders', resource: own }] })))
    t.match(error, { option: 'protect.resource', message: /must have a path that no other resource has/ }, own)
  }
  for (const own of ['/orders', 'orders', 1, null, 'http://api.example.com/orders', `${orders}?x=1`, `${issuer}/*`, `${issuer}/:id`, `${issuer}/a//b`]) {
    const error = optionErrorOf(() => resolveOptions(pluginOptions({ protect: ['/mcp', { url: '/orders', ...bad(own) }] })))
    t.equal(error.option, 'protect.resource', String(own))
  }
})
