import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, onRequestHookHandler } from 'fastify'
import type { AuthorizationServer } from '../server.ts'
import { accessKey, attachAccess } from './access.ts'
import { answerPreflight, isPreflight } from './preflight.ts'
import { refuse, sendMethodNotAllowed } from './refusal.ts'
import { isProtectedByConfig, ownRoute, type ProtectRules } from './rules.ts'
import type { VerifiedTokens } from './verified-tokens.ts'
import { verifyRequest } from './verify.ts'

export interface Guard {
  /** Protects the routes that rules and route configs name. */
  hook: onRequestHookHandler
  /** Protects whatever it is put on. */
  protect: onRequestHookHandler
  /** Every known protected route, by its pattern. Filled at start. */
  protectedUrls: Set<string>
}

/** Makes the guard of an app. Its decisions hang on the route that the router chose, never on the request's URL. */
export function createGuard (app: FastifyInstance, server: AuthorizationServer, rules: ProtectRules, verified: VerifiedTokens): Guard {
  const decided = new WeakMap<object, boolean>()
  const protectedUrls = new Set<string>()

  function isProtected (config: object, url: string): boolean {
    const known = decided.get(config)
    if (known !== undefined) return known
    const decision = !(ownRoute in config) && (isProtectedByConfig(config, url) || rules.coversAny(url))
    decided.set(config, decision)
    return decision
  }

  function methodsOf (url: string): string[] {
    return app.supportedMethods.filter(method => app.hasRoute({ method, url }))
  }

  async function check (request: FastifyRequest, authorization: string | undefined): Promise<void> {
    const now = new Date()
    const keep = verified.check(now.getTime())
    await server.ready()
    const found = await verifyRequest(server, authorization, now)
    if (authorization !== undefined) keep(authorization, found)
    attachAccess(request, found.access, found.auth)
  }

  function admit (request: FastifyRequest, reply: FastifyReply, methods: () => string[], next: () => void): void {
    if (request[accessKey] !== null) return next()
    if (isPreflight(request)) {
      answerPreflight(reply, methods())
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

  /** No route, but the path of a protected one: tells those without a token where to get one, and the others which methods there are. */
  function admitNotFound (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    const url = rules.isProtectedPath(request.raw.url ?? '', protectedUrls)
    if (url === undefined) return done()
    admit(request, reply, () => methodsOf(url), () => { sendMethodNotAllowed(reply, methodsOf(url)) })
  }

  function hook (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    const { config, url } = request.routeOptions
    if (url === undefined) return admitNotFound(request, reply, done)
    try {
      if (!isProtected(config, url)) return done()
    } catch (error) {
      refuse(server, request, reply, error)
      return
    }
    admit(request, reply, () => methodsOf(url), done)
  }

  function protect (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    const { url } = request.routeOptions
    admit(request, reply, () => url === undefined ? [] : methodsOf(url), done)
  }

  return { hook, protect, protectedUrls }
}
