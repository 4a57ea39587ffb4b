import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import mcpOAuth, { InvalidOptionError } from '../../../lib/index.ts'
import { answering, pluginOptions } from '../../fixtures/guarded-app.ts'

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
    const error = await app.ready().then(() => undefined, (error: unknown) => error)
    t.ok(error instanceof InvalidOptionError)
    t.match(error instanceof Error ? error.message : '', says)
    t.notMatch(String(error), /\n/)
  })
}
