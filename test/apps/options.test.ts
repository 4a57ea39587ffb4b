import t from 'tap'
import { checkAppAsItIs, type AppAsItIs } from '../fixtures/app-as-it-is.ts'
import { ordersApi } from '../fixtures/orders-api.ts'

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

const apps: Record<string, Pick<AppAsItIs, 'fastify'>> = {
  'an app whose ajv coerces arrays and removes what it does not know': {
    fastify: { ajv: { customOptions: { coerceTypes: 'array', removeAdditional: 'all', useDefaults: true, allErrors: true } } }
  },
  'an app with a querystringParser of its own': { fastify: { querystringParser: bracketParser } },
  'an app with a querystringParser in routerOptions': { fastify: { routerOptions: { querystringParser: bracketParser } } },
  'an app with a schemaErrorFormatter option': {
    fastify: { schemaErrorFormatter: (errors, where) => Object.assign(new Error(`${where}: ${errors.length}`), { statusCode: 422 }) }
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
