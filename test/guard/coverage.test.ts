import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import t from 'tap'
import { InvalidOptionError, type ProtectRule } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { captureLog } from '../fixtures/log.ts'
import { answering, guardedApp } from '../fixtures/guarded-app.ts'

interface Case {
  protect: string | ProtectRule
  fastify?: FastifyServerOptions
  /** Route → a path that it answers on. */
  covered: Record<string, string>
  open?: Record<string, string>
}

const cases: Record<string, Case> = {
  'a pattern covers its route and those below it': {
    protect: '/mcp',
    covered: { '/mcp': '/mcp', '/mcp/:id': '/mcp/1', '/mcp/a/*': '/mcp/a/b/c', '/mcp/': '/mcp/' },
    open: { '/mcpx': '/mcpx', '/mcpx/:id': '/mcpx/1', '/': '/', '/x/mcp': '/x/mcp', '/MCP': '/MCP' }
  },
  'a pattern with a slash at the end is the same pattern': {
    protect: '/mcp/', covered: { '/mcp': '/mcp', '/mcp/': '/mcp/', '/mcp/:id': '/mcp/1' }, open: { '/mcpx': '/mcpx' }
  },
  'a pattern with a wildcard is the same pattern': {
    protect: '/mcp/*', covered: { '/mcp': '/mcp', '/mcp/*': '/mcp/a/b' }, open: { '/mcpx': '/mcpx' }
  },
  'a wildcard and a parameter right behind it answer on the path itself': {
    protect: '/mcp', covered: { '/mcp*': '/mcp' }, open: { '/mc*': '/mcx' }
  },
  'a parameter right behind it answers on the path itself': {
    protect: '/mcp', covered: { '/mcp:rest': '/mcp' }, open: { '/mc:rest': '/mcx' }
  },
  'an optional parameter stands for two routes': {
    protect: { url: '/mcp', exact: true }, covered: { '/mcp/:id?': '/mcp' }
  },
  'a rule with an optional parameter means two routes': {
    protect: '/mcp/:id?', covered: { '/mcp': '/mcp', '/mcp/:other': '/mcp/1' }
  },
  'an optional parameter at the root': {
    protect: { url: '/', exact: true }, covered: { '/:id?': '/' }
  },
  'exact covers the route alone': {
    protect: { url: '/mcp', exact: true }, covered: { '/mcp': '/mcp' }, open: { '/mcp/:id': '/mcp/1', '/mcp/a/*': '/mcp/a/b' }
  },
  'exact with a wildcard covers the wildcard': {
    protect: { url: '/mcp/*', exact: true }, covered: { '/mcp/*': '/mcp/a' }, open: { '/mcp': '/mcp', '/mcp/a/:id': '/mcp/a/1' }
  },
  'the root covers everything but our own routes': {
    protect: '/', covered: { '/': '/', '/x': '/x', '*': '/y/z' }
  },
  'the exact root covers nothing else': {
    protect: { url: '/', exact: true }, covered: { '/': '/' }, open: { '/x': '/x' }
  },
  'the wildcard at the root has two spellings': {
    protect: { url: '/*', exact: true }, covered: { '*': '/y/z' }, open: { '/x': '/x' }
  },
  'parameters have no names': {
    protect: '/:tenant/mcp', covered: { '/:id/mcp': '/1/mcp', '/:id/mcp/:session': '/1/mcp/2' }, open: { '/:id/other': '/1/other' }
  },
  'parameters with patterns and separators': {
    protect: '/:a-:b/mcp', covered: { '/:from-:to/mcp': '/1-2/mcp' }, open: { '/:only(^\\d+$)/mcp': '/1/mcp' }
  },
  'an escaped colon is a letter': {
    protect: '/v1/mcp::run', covered: { '/v1/mcp::run': '/v1/mcp:run' }, open: { '/v1/mcp::stop': '/v1/mcp:stop' }
  },
  'other case, where the router ignores it': {
    protect: '/Mcp', fastify: { caseSensitive: false }, covered: { '/MCP': '/mcp', '/mcP/:Id': '/MCP/1' }
  },
  'other case, where routerOptions ignores it': {
    protect: '/Mcp', fastify: { routerOptions: { caseSensitive: false } }, covered: { '/MCP': '/mcp', '/mcP/:Id': '/MCP/1' }
  },
  'duplicate slashes, where the router ignores them': {
    protect: '/api/mcp', fastify: { routerOptions: { ignoreDuplicateSlashes: true } }, covered: { '//api//mcp': '/api/mcp', '/api//mcp//:id': '/api/mcp/1' }
  },
  'a trailing slash, where the router ignores it': {
    protect: { url: '/mcp/:id/', exact: true }, fastify: { ignoreTrailingSlash: true }, covered: { '/mcp/:id': '/mcp/1/' }
  },
  'options that contradict each other fold': {
    protect: '/mcp', fastify: { ignoreTrailingSlash: true, caseSensitive: false, routerOptions: { maxParamLength: 50 } }, covered: { '/MCP/': '/mcp' }
  }
}

for (const [name, { protect, fastify, covered, open = {} }] of Object.entries(cases)) {
  t.test(`W9: ${name}`, async t => {
    const app = await guardedApp(t, {
      fastify: { ...fastify },
      protect: [protect],
      after: app => { for (const url of [...Object.keys(covered), ...Object.keys(open)]) answering(url, 'GET')(app) }
    })
    const headers = await signInAs(app, { email: 'ann@example.com' })
    for (const [pattern, path] of Object.entries(covered)) {
      t.equal((await app.inject(path)).statusCode, 401, `${path} of ${pattern}`)
      t.equal((await app.inject({ url: path, headers })).body, pattern, 'it is this route')
    }
    for (const [pattern, path] of Object.entries(open)) t.equal((await app.inject(path)).body, pattern, `${path} is open`)
    t.equal((await app.inject('/.well-known/oauth-protected-resource')).statusCode, 200)
  })
}

const uncovered: Record<string, { protect: string | ProtectRule, fastify?: FastifyServerOptions }> = {
  'another path': { protect: '/tools' },
  'other case, where the router tells them apart': { protect: '/MCP' },
  'a part of a name': { protect: '/mc' },
  'a route above': { protect: '/mcp/:id' },
  'a slash too many': { protect: '//mcp' },
  'a parameter for a fixed part': { protect: '/:any' },
  'our own routes': { protect: '/oauth' },
  'our own documents': { protect: '/.well-known' },
  'the exact wildcard': { protect: { url: '/mcp/*', exact: true } }
}

for (const [name, { protect }] of Object.entries(uncovered)) {
  for (const order of ['before', 'after']) {
    t.test(`W6: a pattern for ${name} stops the start, the route ${order} the plugin`, async t => {
      const app = await guardedApp(t, { protect: [protect], [order]: answering() })
      const error = await app.ready().then(() => undefined, (error: unknown) => error)
      t.ok(error instanceof InvalidOptionError)
      t.match(String(error), /^InvalidOptionError: protect: \S+ covers no route; write it as the route's url has it, or register [^.]+$/)
    })
  }
}

t.test('W9: routes before the plugin are found by their pattern, with the slash and with the wildcard', async t => {
  for (const [declared, protect] of [['/mcp', '/mcp/'], ['/mcp/', '/mcp'], ['/mcp/*', '/mcp'], ['/mcp', '/mcp/*'], ['/MCP', '/mcp']] as const) {
    const app = await guardedApp(t, { fastify: { caseSensitive: false }, protect: [protect], before: answering(declared, 'GET') })
    t.equal((await app.inject(declared)).statusCode, 401, declared)
  }
})

t.test('constraints: a route is protected in all of its variants, declared before or after', async t => {
  const variants = { version: '2.0.0', host: 'mcp.example' }
  for (const [kind, value] of Object.entries(variants)) {
    const constraints = { [kind]: value }
    const headers = kind === 'version' ? { 'accept-version': '2.x' } : { host: 'mcp.example' }
    for (const order of ['before', 'after']) {
      const app = await guardedApp(t, {
        protect: [{ url: '/mcp', constraints }],
        [order]: (app: FastifyInstance) => {
          app.get('/mcp', { constraints }, async () => kind)
          app.get('/other', { constraints }, async () => kind)
        }
      })
      const authorized = await signInAs(app, { email: 'ann@example.com' })
      t.equal((await app.inject({ url: '/mcp', headers })).statusCode, 401, `${kind}, ${order}`)
      t.equal((await app.inject({ url: '/mcp', headers: { ...headers, ...authorized } })).body, kind)
      t.equal((await app.inject({ url: '/other', headers })).body, kind)
      t.equal((await app.inject('/mcp')).statusCode, 401, 'the path without the constraint is no route, and not open either')
      t.equal((await app.inject({ url: '/mcp', headers: authorized })).headers['allow'], 'GET, HEAD')
    }
  }
})

t.test('constraints: a route before the plugin whose constraints nobody names stops the start', async t => {
  const app = await guardedApp(t, { before: app => { app.get('/mcp', { constraints: { version: '1.0.0' } }, async () => '') } })
  await t.rejects(async () => { await app.ready() }, /covers no route/)
})

t.test('the log lists what is protected', async t => {
  const log = captureLog()
  const app = await guardedApp(t, { fastify: { logger: log.logger }, before: answering(), after: answering('/mcp/:id') })
  await app.ready()
  t.match(log.of('fastify-mcp-oauth protects'), [{ routes: ['/mcp/:id', '/mcp'], resources: ['https://api.example.com/mcp'] }])
})
