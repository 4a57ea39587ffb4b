import { InvalidOptionError } from '../errors.ts'
import type { AccessRule, ProtectRule, ResolvedOptions } from '../options.ts'
import type { RouterFolding } from './folding.ts'
import { combineRules, type Requirement } from './requirement.ts'

/** Marks the routes of this plugin in their `config`, and whether programs or people call them: no rule covers them. */
export const ownRoute = Symbol('fastify-mcp-oauth.route')

declare module 'fastify' {
  interface FastifyContextConfig {
    [ownRoute]?: 'endpoint' | 'page'
  }
}

/** A `protect` rule that is ready to be compared. Compares route patterns with route patterns; no request is looked at. */
export interface RouteRule extends AccessRule {
  readonly url: string
  readonly constraints: Readonly<Record<string, unknown>>
  covers (routeUrl: string): boolean
}

/** `/mcp*`, `/mcp:rest` and `/mcp/…` answer at `/mcp` or below it. */
function isBelow (pattern: string, base: string): boolean {
  return pattern.startsWith(base) && /^[/*:]/.test(pattern.slice(base.length))
}

/** Makes a rule ready for an app's router. */
function compileRule ({ exact = false, constraints = {}, ...rule }: ProtectRule, folding: RouterFolding): RouteRule {
  // `/mcp/` and `/mcp/*` are taken for `/mcp`: whoever writes them does not mean to leave the rest open.
  const bases = folding.patterns(rule.url).map(pattern => pattern.replace(exact ? /\/$/ : /\/\*?$/, ''))
  const fits = (pattern: string) => bases.some(base => pattern === base || pattern === `${base}/` || (!exact && isBelow(pattern, base)))
  return { ...rule, constraints, covers: routeUrl => folding.patterns(routeUrl).some(fits) }
}

/**
 * What a route says about itself in its `config`.
 *
 * @throws {InvalidOptionError} for anything but `true`: a route can be protected, not exempted.
 */
function ruleOfConfig (config: object, routeUrl: string): AccessRule | undefined {
  if (!('mcpOAuth' in config) || config.mcpOAuth === undefined) return undefined
  if (config.mcpOAuth !== true) {
    throw new InvalidOptionError('config.mcpOAuth', `of the route ${routeUrl} must be true; leave it out where the route is open`)
  }
  return {}
}

/** Who says what about which route. */
export class RouteRules {
  /** Those of `protect`. */
  readonly patterns: readonly RouteRule[]
  readonly #options: ResolvedOptions

  constructor (options: ResolvedOptions, folding: RouterFolding) {
    this.#options = options
    this.patterns = options.protect.map(rule => compileRule(rule, folding))
  }

  /**
   * What a route asks of its callers, or undefined where it is open.
   *
   * @throws {InvalidOptionError} where its config is wrong, or its rules contradict each other.
   */
  requirementOf (config: object, url: string): Requirement | undefined {
    const own = ruleOfConfig(config, url)
    const rules = [...own === undefined ? [] : [own], ...this.patterns.filter(rule => rule.covers(url))]
    return rules.length === 0 ? undefined : combineRules(this.#options, rules, `the route ${url}`)
  }
}
