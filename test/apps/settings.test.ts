import type { FastifyError } from 'fastify'
import t from 'tap'
import { checkAppAsItIs, type AppAsItIs } from '../fixtures/app-as-it-is.ts'

const orderSchema = {
  body: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } }, size: { type: 'integer' } } },
  response: { 200: { type: 'object', properties: { name: { type: 'string' }, tags: { type: 'array', items: { type: 'string' } } } } }
} as const

const ordersApi: Pick<AppAsItIs, 'routes' | 'requests'> = {
  routes: app => {
    app.get('/menu', async request => ({ soup: 4, query: request.query }))
    app.post('/orders', { schema: orderSchema }, async request => request.body)
    app.get('/broken', async () => { throw new Error('the kitchen is on fire') })
  },
  requests: [
    { url: '/menu?a[b]=1&tag=x&tag=y&c' },
    { method: 'HEAD', url: '/menu' },
    { method: 'POST', url: '/orders', payload: { name: 'soup', tags: ['hot'], more: true } },
    { method: 'POST', url: '/orders', payload: { name: 'soup', tags: 'hot', size: '4' } },
    { method: 'POST', url: '/orders', payload: { tags: [] } },
    { method: 'POST', url: '/orders', headers: { 'content-type': 'application/json' }, payload: '{broken' },
    { method: 'POST', url: '/orders', headers: { 'content-type': 'text/csv' }, payload: 'a,b' },
    { method: 'POST', url: '/orders', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: 'name=soup' },
    { method: 'DELETE', url: '/orders' },
    { url: '/broken' },
    { url: '/nowhere' }
  ]
}

/** Brackets make objects, as `qs` does. */
function bracketParser (text: string): Record<string, unknown> {
  const query: Record<string, unknown> = {}
  for (const [name, value] of new URLSearchParams(text)) {
    const [, outer, inner] = /^(\w+)\[(\w+)\]$/.exec(name) ?? []
    if (outer !== undefined && inner !== undefined) query[outer] = { [inner]: value }
    else query[name] = [value]
  }
  return query
}

const apps: Record<string, Omit<AppAsItIs, 'routes' | 'requests'>> = {
  'an app with a preSerialization envelope': {
    equip: app => { app.addHook('preSerialization', async (_, __, payload) => ({ data: payload, ok: true })) }
  },
  'an app with a reply serializer of its own': {
    equip: app => { app.setReplySerializer(payload => `{"wrapped":${JSON.stringify(payload)}}`) }
  },
  'an app with compilers of its own': {
    equip: app => {
      app.setValidatorCompiler(() => () => true)
      app.setSerializerCompiler(() => payload => JSON.stringify({ compiled: payload }))
    }
  },
  'an app whose ajv coerces arrays and removes what it does not know': {
    fastify: { ajv: { customOptions: { coerceTypes: 'array', removeAdditional: 'all', useDefaults: true, allErrors: true } } }
  },
  'an app with a querystringParser of its own': { fastify: { querystringParser: bracketParser } },
  'an app with a querystringParser in routerOptions': { fastify: { routerOptions: { querystringParser: bracketParser } } },
  'an app with handlers of its own for errors and what is not found': {
    equip: app => {
      app.setErrorHandler(async (error: FastifyError, _, reply) => reply.code(error.statusCode ?? 500).send({ oops: error.message }))
      app.setNotFoundHandler(async (request, reply) => reply.code(404).send({ nothing: request.url }))
    }
  },
  'an app with a schemaErrorFormatter of its own': {
    equip: app => { app.setSchemaErrorFormatter((errors, where) => new Error(`${where}: ${errors.length} mistakes`)) }
  },
  'an app with a schemaErrorFormatter option': {
    fastify: { schemaErrorFormatter: (errors, where) => Object.assign(new Error(`${where}: ${errors.length}`), { statusCode: 422 }) }
  },
  'an app with a parser for everything': {
    equip: app => { app.addContentTypeParser('*', { parseAs: 'string' }, async (_: unknown, body: string) => ({ name: body })) }
  },
  'an app with a JSON parser of its own': {
    equip: app => {
      app.removeContentTypeParser('application/json')
      app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) => ({ name: 'raw', tags: [String(body.length)] }))
    }
  },
  'an app with onSend hooks': {
    equip: app => {
      app.addHook('onSend', async (_, reply, payload) => {
        reply.header('x-kitchen', 'open')
        return payload
      })
      app.addHook('onSend', (_, __, payload, done) => { done(null, typeof payload === 'string' ? Buffer.from(payload) : payload) })
    }
  },
  'an app with hooks all along the way': {
    equip: app => {
      app.addHook('onRequest', async () => {})
      app.addHook('preParsing', async (_, __, payload) => payload)
      app.addHook('preValidation', async request => { if (request.url === '/orders' && request.body === undefined) request.body = {} })
      app.addHook('preHandler', async (_, reply) => { reply.header('x-cook', 'Ann') })
      app.addHook('onResponse', async () => {})
    }
  },
  'an app without HEAD routes': { fastify: { exposeHeadRoutes: false } },
  'an app with HEAD routes': { fastify: { exposeHeadRoutes: true } },
  'an app that folds paths': {
    fastify: { useSemicolonDelimiter: true, routerOptions: { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true } }
  },
  'an app with small limits': { fastify: { bodyLimit: 60, routerOptions: { maxParamLength: 10 }, handlerTimeout: 10_000 } },
  'an app that answers while it closes, with request ids of its own, and logs no requests': {
    fastify: { return503OnClosing: false, disableRequestLogging: true, requestIdHeader: 'x-request-id', genReqId: () => 'id-1', trustProxy: '127.0.0.1' }
  },
  'an app that is strict about prototypes': { fastify: { onProtoPoisoning: 'remove', onConstructorPoisoning: 'remove', allowErrorHandlerOverride: false } }
}

for (const [name, about] of Object.entries(apps)) checkAppAsItIs(t, name, { ...about, ...ordersApi })
