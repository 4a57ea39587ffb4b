import { InvalidOptionError } from '../errors.ts'
import type { ProtectRule } from '../options.ts'
import type { RouterFolding } from './folding.ts'

/** Marks the routes of this plugin in their `config`, and whether programs or people call them: no rule covers them. */
export const ownRoute = Symbol('fastify-mcp-oauth.route')

declare module 'fastify' {
  interface FastifyContextConfig {
    [ownRoute]?: 'endpoint' | 'page'
  }
}

/** A `protect` rule that is ready to be compared. Compares route patterns with route patterns; no request is looked at. */
export interface RouteRule {
  readonly url: string
  readonly constraints: Readonly<Record<string, unknown>>
  covers (routeUrl: string): boolean
}

/** `/mcp*`, `/mcp:rest` and `/mcp/…` answer at `/mcp` or below it. */
function isBelow (pattern: string, base: string): boolean {
  return pattern.startsWith(base) && /^[/*:]/.test(pattern.slice(base.length))
}

/** Makes a rule ready for an app's router. */
export function compileRule ({ url, exact = false, constraints = {} }: ProtectRule, folding: RouterFolding): RouteRule {
  // `/mcp/` and `/mcp/*` are taken for `/mcp`: whoever writes them does not mean to leave the rest open.
  const bases = folding.patterns(url).map(pattern => pattern.replace(exact ? /\/$/ : /\/\*?$/, ''))
  const fits = (pattern: string) => bases.some(base => pattern === base || pattern === `${base}/` || (!exact && isBelow(pattern, base)))
  return { url, constraints, covers: routeUrl => folding.patterns(routeUrl).some(fits) }
}

/**
 * What a route says about itself in its `config`.
 *
 * @throws {InvalidOptionError} for anything but `true`: a route can be protected, not exempted.
 */
export function isProtectedByConfig (config: object, routeUrl: string): boolean {
  if (!('mcpOAuth' in config) || config.mcpOAuth === undefined) return false
  if (config.mcpOAuth !== true) {
    throw new InvalidOptionError('config.mcpOAuth', `of the route ${routeUrl} must be true; leave it out where the route is open`)
  }
  return true
}
