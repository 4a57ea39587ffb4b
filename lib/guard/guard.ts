import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction, onRequestHookHandler } from 'fastify'
import type { AuthorizationServer } from '../server.ts'
import { accessKey, attachAccess } from './access.ts'
import type { ProtectedRoutes } from './coverage.ts'
import type { RouterFolding } from './folding.ts'
import { admitOrigin, isPreflight } from './cors.ts'
import { refuse, sendMethodNotAllowed } from './refusal.ts'
import { isProtectedByConfig, ownRoute, type RouteRule } from './rules.ts'
import type { VerifiedTokens } from './verified-tokens.ts'
import { verifyRequest } from './verify.ts'

/** Of a route: `catch-all` is open but has a wildcard or a parameter, and may be reached by the path of a protected one. */
type Decision = 'protected' | 'open' | 'catch-all'

export interface Guard {
  /** Protects the routes that rules and route configs name. */
  hook: onRequestHookHandler
  /** Protects whatever it is put on, but for the plugin's own routes: they are how one gets a token. */
  protect: onRequestHookHandler
}

/** Makes the guard of an app. Its decisions hang on the route that the router chose, never on the request's URL. */
export function createGuard (
  server: AuthorizationServer, folding: RouterFolding, rules: readonly RouteRule[], routes: ProtectedRoutes, verified: VerifiedTokens
): Guard {
  const decided = new WeakMap<object, Decision>()

  function decide (config: object, url: string): Decision {
    if (ownRoute in config) return 'open'
    if (isProtectedByConfig(config, url) || rules.some(rule => rule.covers(url))) return 'protected'
    return /[*:]/.test(url) ? 'catch-all' : 'open'
  }

  function decisionOn (config: object, url: string): Decision {
    const known = decided.get(config)
    if (known !== undefined) return known
    const decision = decide(config, url)
    decided.set(config, decision)
    return decision
  }

  /** Of the route that the router chose, and of those that are known at the request's path: an `options('*')` may have come between. */
  function methodsOf ({ url: target, routeOptions: { url, method = [] } }: FastifyRequest): string[] {
    const places = url === undefined ? [] : folding.patterns(url)
    const known = [...places, folding.path(target)].flatMap(place => [...routes.get(place) ?? []])
    return [...new Set([method, known].flat())]
  }

  async function check (request: FastifyRequest, authorization: string | undefined): Promise<void> {
    const now = new Date()
    const keep = verified.check(now.getTime())
    await server.ready()
    const found = await verifyRequest(server, authorization, now)
    // One spelling a token: with more spaces it is as good, but not remembered.
    if (authorization?.length === 'Bearer '.length + found.auth.token.length) keep(authorization, found)
    attachAccess(request, found.access, found.auth)
  }

  function admit (request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    if (request[accessKey] !== undefined) return next()
    try {
      admitOrigin(server, request, reply, () => methodsOf(request))
    } catch (error) {
      refuse(server, request, reply, error)
      return
    }
    // Without the route's handler: with `app.all` that would run unauthenticated.
    if (isPreflight(request)) {
      reply.code(204).send()
      return
    }
    const { authorization } = request.headers
    const known = authorization === undefined ? undefined : verified.get(authorization, Date.now())
    if (known !== undefined) {
      attachAccess(request, known.access, known.auth)
      return next()
    }
    check(request, authorization).then(next, error => { refuse(server, request, reply, error) })
  }

  /**
   * The path of a protected route, but another method, so that there is no route, or some route that catches everything: tells those
   * without a token where to get one, and the others which methods there are.
   */
  function admitElsewhere (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    if (!routes.has(folding.path(request.url))) return done()
    admit(request, reply, () => { sendMethodNotAllowed(reply, methodsOf(request)) })
  }

  function hook (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    const { config, url } = request.routeOptions
    if (url === undefined) return admitElsewhere(request, reply, done)
    try {
      const decision = decisionOn(config, url)
      if (decision === 'open') return done()
      if (decision === 'protected') return admit(request, reply, done)
    } catch (error) {
      refuse(server, request, reply, error)
      return
    }
    // The app's own answer to preflights, such as @fastify/cors's, is such a route.
    if (isPreflight(request)) return done()
    admitElsewhere(request, reply, done)
  }

  function protect (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    if (ownRoute in request.routeOptions.config) return done()
    admit(request, reply, done)
  }

  return { hook, protect }
}
