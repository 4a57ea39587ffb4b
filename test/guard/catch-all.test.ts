import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { signInAs } from '../../lib/testing/index.ts'
import { captureLog } from '../fixtures/log.ts'
import { answering, guardedApp } from '../fixtures/guarded-app.ts'

for (const url of ['/*', '/:page', '*', '/:page?']) {
  for (const order of ['before', 'after']) {
    t.test(`RS-02: ${url} declared ${order} the plugin does not answer for a protected path`, async t => {
      const declare = (app: FastifyInstance) => { app.route({ method: ['GET', 'PUT', 'DELETE', 'OPTIONS'], url, handler: async () => 'page' }) }
      const app = await guardedApp(t, { [order]: declare, ...(order === 'before' ? { after: answering() } : { before: answering() }) })
      for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS'] as const) {
        const refused = await app.inject({ method, url: '/mcp' })
        t.equal(refused.statusCode, 401, method)
        t.match(refused.headers['www-authenticate'], /^Bearer resource_metadata=/)
        t.equal((await app.inject({ method, url: '/%6dcp?x=1' })).statusCode, 401, `${method} in another spelling`)
        t.equal((await app.inject({ method, url: '/other' })).body, 'page', `${method} elsewhere`)
      }
      const headers = await signInAs(app, { email: 'ann@example.com' })
      const answer = await app.inject({ method: 'GET', url: '/mcp', headers })
      t.equal(answer.statusCode, 405)
      t.match(answer.headers.allow, /POST/)
      t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).body, '/mcp')
    })
  }
}

t.test('the app\'s own answer to preflights stays its own', async t => {
  const app = await guardedApp(t, { before: answering(), after: async app => { await app.register(cors, { origin: 'https://app.example' }) } })
  const answer = await app.inject({ method: 'OPTIONS', url: '/mcp', headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' } })
  t.equal(answer.statusCode, 204)
  t.equal(answer.headers['access-control-allow-origin'], 'https://app.example')
})

t.test('W6: a pattern that means one of the plugin\'s own routes stops the start', async t => {
  for (const url of ['/oauth/token', '/oauth', '/.well-known', '/.well-known/oauth-authorization-server']) {
    const app = guardedApp(t, { protect: [url] }).then(async app => await app.ready())
    await t.rejects(app, { name: 'InvalidOptionError', option: 'protect' }, url)
  }
})

t.test('a server that protects nothing says so', async t => {
  const open = captureLog('warn')
  const app = await guardedApp(t, { protect: [], fastify: { logger: open.logger } })
  await app.ready()
  t.match(open.text(), /protects no route/)
  const hooked = captureLog('warn')
  const other = await guardedApp(t, { protect: [], fastify: { logger: hooked.logger }, after: app => { app.get('/x', { onRequest: app.mcpOAuth.protect() }, async () => 'x') } })
  await other.ready()
  t.notMatch(hooked.text(), /protects no route/)
})
