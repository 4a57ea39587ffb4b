import formbody from '@fastify/formbody'
import { Ajv } from 'ajv'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { logHeaders } from '../guard/flow-log.ts'
import { isLoopbackUri } from '../oauth/redirect-uri.ts'
import type { AuthorizationServer } from '../server.ts'
import { authorizeRoute } from './authorize.ts'
import { callbackRoute } from './callback.ts'
import { consentRoutes } from './consent.ts'
import { countRequests } from './count-requests.ts'
import { crossOrigin, onlyPages } from './cross-origin.ts'
import { jsonErrorHandler, pageErrorHandler } from './error-handlers.ts'
import { introspectRoute } from './introspect.ts'
import { jwksRoute } from './jwks.ts'
import { createLimits, type Limits } from './limits.ts'
import { metadataRoutes } from './metadata.ts'
import { registerRoute } from './register.ts'
import { revokeRoute } from './revoke.ts'
import { tokenRoute } from './token.ts'
import { userinfoRoute, userinfoScopes } from './userinfo.ts'

const form = 'application/x-www-form-urlencoded'

/** What a request looks like in the log: without the query, which holds codes and states. */
function requestForLog (request: FastifyRequest): object {
  return { method: request.method, url: request.url.replace(/\?.*$/s, ''), host: request.host, remoteAddress: request.ip }
}

/** Gives a scope its own parsers, so that the app's neither help nor hinder. */
async function onlyForms (scope: FastifyInstance): Promise<void> {
  scope.removeAllContentTypeParsers()
  // Parsed in the handler: what a parser throws, nobody catches.
  await scope.register(formbody, { parser: encoded => ({ encoded }) })
}

function onlyJson (scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, scope.getDefaultJsonParser('error', 'error'))
}

/**
 * A page that was asked for under another loopback name than the issuer's would set its cookies where the callback does not find
 * them.
 */
function canonicalLoopback ({ options }: AuthorizationServer, request: FastifyRequest): string | undefined {
  const { origin, host, protocol } = new URL(options.issuer)
  const asked = request.headers.host ?? host
  if (protocol === 'https:' || request.method !== 'GET' || asked === host || !isLoopbackUri(`http://${asked}`)) return undefined
  return origin + request.url
}

function pages (server: AuthorizationServer) {
  return async function pages (scope: FastifyInstance): Promise<void> {
    await onlyForms(scope)
    scope.setErrorHandler(pageErrorHandler(server))
    scope.addHook('onRequest', async (request, reply) => {
      const elsewhere = canonicalLoopback(server, request)
      if (elsewhere !== undefined) return reply.redirect(elsewhere, 303)
    })
    onlyPages(scope)
    authorizeRoute(scope, server)
    consentRoutes(scope, server)
    callbackRoute(scope, server)
    const { account, admin } = server.options.pages
    // Not even loaded where they are not wanted.
    if (account) (await import('./account.ts')).accountRoutes(scope, server)
    if (admin) (await import('./admin/index.ts')).adminRoutes(scope, server)
  }
}

function tokens (server: AuthorizationServer, limits: Limits) {
  return async function tokens (scope: FastifyInstance): Promise<void> {
    await onlyForms(scope)
    scope.setErrorHandler(jsonErrorHandler('invalid_request', form))
    tokenRoute(scope, server, limits)
    revokeRoute(scope, server, limits)
    introspectRoute(scope, server, limits)
  }
}

function userinfo (server: AuthorizationServer) {
  return async function userinfo (scope: FastifyInstance): Promise<void> {
    await onlyForms(scope)
    scope.setErrorHandler(jsonErrorHandler('invalid_request', form, userinfoScopes))
    userinfoRoute(scope, server)
  }
}

function registration (server: AuthorizationServer) {
  return async function registration (scope: FastifyInstance): Promise<void> {
    onlyJson(scope)
    scope.setErrorHandler(jsonErrorHandler('invalid_client_metadata', 'application/json'))
    registerRoute(scope, server)
  }
}

function jwks (server: AuthorizationServer) {
  return async function jwks (scope: FastifyInstance): Promise<void> {
    scope.setErrorHandler(jsonErrorHandler('invalid_request', 'application/json'))
    jwksRoute(scope, server)
  }
}

/** All endpoints, in a scope of their own: nothing of the app's parsers, validators, serializers and error handlers reaches them. */
export function routes (server: AuthorizationServer) {
  return async function oauthRoutes (scope: FastifyInstance): Promise<void> {
    const ajv = new Ajv({ coerceTypes: false, removeAdditional: false, allErrors: false })
    scope.setValidatorCompiler(({ schema }) => ajv.compile(schema))
    scope.setSerializerCompiler(() => data => JSON.stringify(data))
    // What has no scope of its own: the documents, and the answers to preflights.
    scope.setErrorHandler(jsonErrorHandler('invalid_request', form))
    const limits = await createLimits(server.options.rateLimit, scope.log)
    scope.addHook('onClose', async () => { limits.close() })
    scope.addHook('onRequest', async request => {
      logHeaders(request)
      await limits.countRequest(request)
    })
    countRequests(scope, server)
    const answerPreflights = crossOrigin(scope, server)
    scope.addHook('onRoute', route => {
      route.bodyLimit ??= 65_536
      route.schema = Object.assign({ hide: true }, route.schema)
      route.logSerializers = { req: requestForLog }
    })
    metadataRoutes(scope, server)
    await scope.register(async inner => {
      inner.addHook('onRequest', async () => { await server.ready() })
      await inner.register(jwks(server))
      await inner.register(pages(server))
      await inner.register(tokens(server, limits))
      await inner.register(userinfo(server))
      await inner.register(registration(server))
    })
    answerPreflights()
  }
}
