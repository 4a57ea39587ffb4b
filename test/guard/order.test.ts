import fp from 'fastify-plugin'
import t from 'tap'
import Fastify, { type FastifyInstance } from 'fastify'
import mcpOAuth from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { challenge, pluginOptions, type Declare } from '../fixtures/guarded-app.ts'

type Plugin = () => PromiseLike<unknown>
type Order = (app: FastifyInstance, plugin: Plugin, route: Declare) => unknown

const declare = (route: Declare) => async (child: FastifyInstance) => { route(child) }

const orders: Record<string, Order> = {
  'the route before the plugin': async (app, plugin, route) => {
    route(app)
    await plugin()
  },
  'the route after the plugin': async (app, plugin, route) => {
    await plugin()
    route(app)
  },
  'the route after a register() that is not awaited': (app, plugin, route) => {
    plugin()
    route(app)
  },
  'the route in an earlier child': async (app, plugin, route) => {
    await app.register(declare(route))
    await plugin()
  },
  'the route in an earlier child, nothing awaited': (app, plugin, route) => {
    app.register(declare(route))
    plugin()
  },
  'the route in a later child': async (app, plugin, route) => {
    await plugin()
    await app.register(declare(route))
  },
  'the route in a later child, nothing awaited': (app, plugin, route) => {
    plugin()
    app.register(declare(route))
  },
  'the route in a child of an earlier child': async (app, plugin, route) => {
    await app.register(async child => { await child.register(declare(route)) })
    await plugin()
  },
  'the route in a child of a later child': async (app, plugin, route) => {
    await plugin()
    await app.register(async child => { await child.register(declare(route)) })
  },
  'the route in an earlier fp plugin': async (app, plugin, route) => {
    await app.register(fp(declare(route)))
    await plugin()
  },
  'the route in a later fp plugin': async (app, plugin, route) => {
    await plugin()
    await app.register(fp(declare(route)))
  },
  'the plugin inside an fp plugin, the route after it': async (app, plugin, route) => {
    await app.register(fp(async () => { await plugin() }))
    route(app)
  },
  'the route in after()': (app, plugin, route) => {
    plugin()
    app.after(() => { route(app) })
  }
}

function whoAnswers (url: string): Declare {
  return app => { app.route({ url, method: ['GET', 'POST'], handler: async request => request.mcpOAuth.user.email }) }
}

/** The same route at the root, below two prefixes, and as the `/` of a prefix. */
const places: Record<string, Declare> = {
  '/mcp': whoAnswers('/mcp'),
  '/api/v1/mcp': app => app.register(async child => { await child.register(declare(whoAnswers('/mcp')), { prefix: '/v1' }) }, { prefix: '/api' }),
  '/tools': app => app.register(declare(whoAnswers('/')), { prefix: '/tools' })
}

for (const [order, arrange] of Object.entries(orders)) {
  t.test(`W1: ${order} is protected`, async t => {
    const app = Fastify()
    t.teardown(async () => { await app.close() })
    const route: Declare = async scope => {
      for (const place of Object.values(places)) await place(scope)
    }
    await arrange(app, () => app.register(mcpOAuth, pluginOptions({ protect: Object.keys(places) })), route)
    const headers = await signInAs(app, { email: 'ann@example.com' })

    for (const url of Object.keys(places)) {
      for (const method of ['GET', 'POST', 'HEAD'] as const) {
        const refused = await app.inject({ method, url })
        t.equal(refused.statusCode, 401, `${method} ${url}`)
        t.equal(refused.headers['www-authenticate'], challenge)
        t.notMatch(refused.body, 'ann@example.com')
      }
      t.equal((await app.inject({ method: 'POST', url, headers })).body, 'ann@example.com')
    }
  })
}
