import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction, onRequestHookHandler, preHandlerHookHandler } from 'fastify'
import type { AccessRule } from '../options.ts'
import type { AuthorizationServer } from '../server.ts'
import { AccessTrail } from './access-trail.ts'
import { accessKey, addRequirement, attachAccess, requirementOf, type Access } from './access.ts'
import type { ProtectedRoutes } from './coverage.ts'
import { logHeaders } from './flow-log.ts'
import type { RouterFolding } from './folding.ts'
import { admitOrigin, isPreflight } from './cors.ts'
import type { OpenAnswers } from './open-answers.ts'
import { refuse, sendFailure, sendMethodNotAllowed } from './refusal.ts'
import { refusalFor, refusalOfCalls } from './judge.ts'
import type { Requirement } from './requirement.ts'
import { ownRoute, requirementsOfHook, type RouteRules } from './rules.ts'
import { callsOf } from './tool-calls.ts'
import type { Checked, VerifiedTokens } from './verified-tokens.ts'
import { invalidToken } from './verify.ts'

/**
 * What is asked of a route's callers, if anything: `catch-all` is open but has a wildcard or a parameter, and may be reached by the path of a
 * protected one.
 */
type Decision = Requirement | 'open' | 'catch-all'

export interface Guard {
  /** Protects the routes that rules and route configs name. */
  hook: onRequestHookHandler
  /** Judges the calls of tools, once the body is parsed and before the handler runs. */
  calls: preHandlerHookHandler
  /** Makes a hook that protects whatever it is put on, but for the plugin's own routes: they are how one gets a token. */
  protect (rule: AccessRule): onRequestHookHandler
}

/** Makes the guard of an app. Its decisions hang on the route that the router chose, never on the request's URL. */
export function createGuard (
  server: AuthorizationServer, folding: RouterFolding, rules: RouteRules, routes: ProtectedRoutes, verified: VerifiedTokens, openAnswers: OpenAnswers
): Guard {
  const decided = new WeakMap<object, Decision>()
  const trail = new AccessTrail(server.audit)

  function decide (config: object, url: string): Decision {
    if (ownRoute in config) return 'open'
    return rules.requirementOf(config, url) ?? (/[*:]/.test(url) ? 'catch-all' : 'open')
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
    const known = [...places, folding.path(target)].flatMap(place => [...routes.get(place)?.methods ?? []])
    return [...new Set([method, known].flat())]
  }

  function deny (request: FastifyRequest, reply: FastifyReply, error: unknown, requirement: Requirement, access?: Access): void {
    trail.refused(request, error, access)
    refuse(server, request, reply, error, requirement, access)
  }

  function isEnough (request: FastifyRequest, reply: FastifyReply, requirement: Requirement, access: Access): boolean {
    const refusal = refusalFor(requirement, access)
    if (refusal === undefined) return true
    deny(request, reply, refusal, requirement, access)
    return false
  }

  /** The last step, of a token that is alive: is it for this place, and for enough? RFC 8707 §2, RFC 6750 §3.1. */
  function enter (request: FastifyRequest, reply: FastifyReply, requirement: Requirement, found: Checked, next: () => void): void {
    if (found.access.resource !== requirement.resource) {
      deny(request, reply, invalidToken('the token is for another resource'), requirement, found.access)
      return
    }
    if (!isEnough(request, reply, requirement, found.access)) return
    request.log.debug(found.forLog, 'the access token is valid')
    attachAccess(request, found.access, found.auth)
    trail.follow(request, reply, found.access)
    openAnswers.watch(request.raw, reply.raw, found)
    addRequirement(request, requirement)
    next()
  }

  function admit (request: FastifyRequest, reply: FastifyReply, requirement: Requirement, next: () => void): void {
    const { authorization, origin } = request.headers
    logHeaders(request)
    if (origin !== undefined) {
      try {
        admitOrigin(server, request, reply, origin, () => methodsOf(request))
      } catch (error) {
        deny(request, reply, error, requirement)
        return
      }
      // Without the route's handler: with `app.all` that would run unauthenticated.
      if (isPreflight(request)) {
        reply.code(204).send()
        return
      }
    }
    const now = Date.now()
    const known = authorization === undefined ? undefined : verified.get(authorization, now)
    if (known !== undefined) {
      server.meter.knownToken()
      return enter(request, reply, requirement, known, next)
    }
    verified.check(authorization ?? '', now).then(
      found => { enter(request, reply, requirement, found, next) },
      error => { deny(request, reply, error, requirement) }
    )
  }

  /**
   * The path of a protected route, but another method, so that there is no route, or some route that catches everything: tells those
   * without a token where to get one, and the others which methods there are.
   */
  function admitElsewhere (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    const place = routes.get(folding.path(request.url))
    if (place === undefined) return done()
    admit(request, reply, place.requirement, () => { sendMethodNotAllowed(reply, methodsOf(request)) })
  }

  function hook (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    const { config, url } = request.routeOptions
    if (url === undefined) return admitElsewhere(request, reply, done)
    try {
      const decision = decisionOn(config, url)
      if (decision === 'open') return done()
      if (decision !== 'catch-all') return admit(request, reply, decision, done)
    } catch (error) {
      sendFailure(server, request, reply, error)
      return
    }
    // The app's own answer to preflights, such as @fastify/cors's, is such a route.
    if (isPreflight(request)) return done()
    admitElsewhere(request, reply, done)
  }

  function calls (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    const access = request[accessKey]
    const requirement = requirementOf(request)
    if (access === undefined || requirement === undefined) return done()
    const refusal = requirement.tools.size === 0 ? undefined : refusalOfCalls(requirement, callsOf(request), access)
    if (refusal !== undefined) return deny(request, reply, refusal, requirement, access)
    const committed = trail.commit(request)
    if (committed === undefined) return done()
    committed.then(() => { done() }, (error: unknown) => { sendFailure(server, request, reply, error) })
  }

  function protect (given: AccessRule): onRequestHookHandler {
    const requirementAt = requirementsOfHook(server.options, given)
    return (request, reply, done) => {
      if (ownRoute in request.routeOptions.config) return done()
      const access = request[accessKey]
      let requirement: Requirement
      try {
        requirement = requirementAt(access?.resource)
      } catch (error) {
        sendFailure(server, request, reply, error)
        return
      }
      if (access === undefined) return admit(request, reply, requirement, done)
      if (!isEnough(request, reply, requirement, access)) return
      addRequirement(request, requirement)
      done()
    }
  }

  return { hook, calls, protect }
}
