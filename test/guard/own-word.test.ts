import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { InvalidOptionError } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, challenge, guardedApp, type Declare } from '../fixtures/guarded-app.ts'
import { captureLog } from '../fixtures/log.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'

const ann = { email: 'ann@example.com' }

/** What a JavaScript user may write. */
function configOf (mcpOAuth: unknown): object {
  return { mcpOAuth }
}

function configured (url: string, mcpOAuth: unknown): Declare {
  return app => { app.get(url, { config: configOf(mcpOAuth) }, async () => 'ran') }
}

const wrong = { false: false, null: null, 'a string': 'yes', 'a list': ['x'], 0: 0 }

for (const [name, value] of Object.entries(wrong)) {
  t.test(`config.mcpOAuth ${name} after the plugin stops the start`, async t => {
    const app = await guardedApp(t, { protect: [] })
    t.throws(() => { configured('/tools', value)(app) }, { name: 'InvalidOptionError', option: 'config.mcpOAuth', message: /route \/tools must be true or a rule such as/ })
  })

  t.test(`config.mcpOAuth ${name} before the plugin is 500, an error in the log, and never open`, async t => {
    const log = captureLog()
    const app = await guardedApp(t, { fastify: { logger: log.logger }, protect: [], before: configured('/tools', value) })
    for (const headers of [{}, await signInAs(app, ann)]) {
      const answer = await app.inject({ url: '/tools', headers })
      t.equal(answer.statusCode, 500)
      t.equal(answer.json().error, 'server_error')
      t.notMatch(answer.body, /config|InvalidOptionError/)
    }
    t.match(log.of('access could not be checked'), [{ level: 50, err: { message: /config\.mcpOAuth: of the route \/tools/ } }, {}])
  })
}

t.test('a config that another plugin changes after ours has seen it stops the start all the same', async t => {
  const app = await guardedApp(t, {
    protect: [],
    after: app => {
      app.addHook('onRoute', route => { if (route.url === '/tools') route.config = configOf(false) })
      answering('/tools', 'GET')(app)
    }
  })
  await t.rejects(async () => { await app.ready() }, InvalidOptionError)
})

t.test('config.mcpOAuth: true protects the route, declared before or after, and nothing else', async t => {
  for (const order of ['before', 'after']) {
    const declare: Declare = app => {
      app.get('/tools', { config: { mcpOAuth: true } }, async request => request.mcpOAuth.user.email)
      app.get('/plain', { config: {} }, async () => 'ran')
      configured('/undefined', undefined)(app)
    }
    const app = await guardedApp(t, { protect: [], [order]: declare })
    t.equal((await app.inject('/tools')).headers['www-authenticate'], challenge, order)
    t.equal((await app.inject({ method: 'HEAD', url: '/tools' })).statusCode, 401)
    t.equal((await app.inject({ url: '/tools', headers: await signInAs(app, ann) })).body, ann.email)
    t.equal((await app.inject('/plain')).body, 'ran')
    t.equal((await app.inject('/undefined')).body, 'ran')
  }
})

t.test('config.mcpOAuth: true on the route of a prefix covers both of its paths', async t => {
  const app = await guardedApp(t, {
    protect: [],
    after: app => app.register(async child => { child.get('/', { config: { mcpOAuth: true } }, async () => 'ran') }, { prefix: '/tools' })
  })
  for (const url of ['/tools', '/tools/']) t.equal((await app.inject(url)).statusCode, 401, url)
  t.equal((await app.inject({ method: 'POST', url: '/tools/' })).statusCode, 401, 'not found, and known to be protected')
})

const spots: Record<string, { declare: Declare, open: string[] }> = {
  'a route': {
    declare: app => {
      app.get('/tools', { onRequest: app.mcpOAuth.protect() }, async request => request.mcpOAuth.user.email)
      answering('/open', 'GET')(app)
    },
    open: ['/open']
  },
  'a scope': {
    declare: app => {
      app.register(async scope => {
        scope.addHook('onRequest', scope.mcpOAuth.protect())
        scope.get('/tools', async request => request.mcpOAuth.user.email)
      })
      answering('/open', 'GET')(app)
    },
    open: ['/open']
  },
  everything: {
    declare: app => {
      app.addHook('onRequest', app.mcpOAuth.protect())
      app.get('/tools', async request => request.mcpOAuth.user.email)
    },
    open: ['/oauth/authorize', '/oauth/callback', '/.well-known/oauth-authorization-server', '/.well-known/oauth-protected-resource']
  }
}

for (const [spot, { declare, open }] of Object.entries(spots)) {
  t.test(`the protect() hook on ${spot} protects it`, async t => {
    const app = await guardedApp(t, { protect: [], after: declare })
    t.equal((await app.inject('/tools')).headers['www-authenticate'], challenge)
    t.equal((await app.inject({ url: '/tools', headers: await signInAs(app, ann) })).body, ann.email)
    for (const url of open) t.not((await app.inject(url)).statusCode, 401, `${url} is how one gets a token, or open`)
  })
}

t.test('the protect() hook on everything covers what is not found, preflights included', async t => {
  const app = await guardedApp(t, { protect: [], after: app => { app.addHook('onRequest', app.mcpOAuth.protect()) } })
  t.equal((await app.inject('/nowhere')).statusCode, 401)
  t.equal((await app.inject({ url: '/nowhere', headers: await signInAs(app, ann) })).statusCode, 404)
  const headers = { origin: 'https://app.example', 'access-control-request-method': 'GET' }
  t.equal((await app.inject({ method: 'OPTIONS', url: '/nowhere', headers })).statusCode, 204)
})

t.test('where a pattern, the config and the hook speak about one route, the token is verified once', async t => {
  const watch = watchStorage()
  const declare = (app: FastifyInstance) => {
    const protect = app.mcpOAuth.protect()
    app.addHook('onRequest', protect)
    app.get('/mcp', { config: { mcpOAuth: true }, onRequest: [protect, app.mcpOAuth.protect()] }, async request => request.mcpOAuth.user.email)
  }
  const app = await guardedApp(t, { storage: watch.storage, revalidateAfter: 0, after: declare })
  const headers = await signInAs(app, ann)
  watch.calls.length = 0
  t.equal((await app.inject({ url: '/mcp', headers })).body, ann.email)
  t.strictSame(watch.calls, ['findToken'])
  t.equal((await app.inject('/mcp')).statusCode, 401)
})
