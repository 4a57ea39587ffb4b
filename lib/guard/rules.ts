import { InvalidOptionError } from '../errors.ts'
import type { AccessRule } from '../options.ts'
import type { ResolvedAccessRule, ResolvedOptions, ResolvedProtectRule } from '../resolved-options.ts'
import { checkAccessRule } from './check-rules.ts'
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
export interface RouteRule extends ResolvedAccessRule {
  readonly url: string
  readonly constraints: Readonly<Record<string, unknown>>
  covers (routeUrl: string): boolean
}

/** `/mcp*`, `/mcp:rest` and `/mcp/…` answer at `/mcp` or below it. */
function isBelow (pattern: string, base: string): boolean {
  return pattern.startsWith(base) && /^[/*:]/.test(pattern.slice(base.length))
}

/** Makes a rule ready for an app's router. */
function compileRule ({ exact, ...rule }: ResolvedProtectRule, folding: RouterFolding): RouteRule {
  // `/mcp/` and `/mcp/*` are taken for `/mcp`: whoever writes them does not mean to leave the rest open.
  const bases = folding.patterns(rule.url).map(pattern => pattern.replace(exact ? /\/$/ : /\/\*?$/, ''))
  const fits = (pattern: string) => bases.some(base => pattern === base || pattern === `${base}/` || (!exact && isBelow(pattern, base)))
  return { ...rule, covers: routeUrl => folding.patterns(routeUrl).some(fits) }
}

/** Asks for a token, and nothing more. */
const noRule: ResolvedAccessRule = Object.freeze({ scopes: [], roles: [], tools: new Map(), resource: undefined })

/**
 * What a route says about itself in its `config`.
 *
 * @throws {InvalidOptionError} for anything but `true` or a rule: a route can be protected, not exempted.
 */
function ruleOfConfig (config: object, routeUrl: string, scopes: ResolvedOptions['scopes']): ResolvedAccessRule | undefined {
  if (!('mcpOAuth' in config) || config.mcpOAuth === undefined) return undefined
  const { mcpOAuth } = config
  if (mcpOAuth === true) return noRule
  if (typeof mcpOAuth !== 'object' || mcpOAuth === null || Array.isArray(mcpOAuth)) {
    throw new InvalidOptionError('config.mcpOAuth', `of the route ${routeUrl} must be true or a rule such as { roles: ['admin'] }; leave it out where the route is open`)
  }
  return checkAccessRule('config.mcpOAuth', mcpOAuth, scopes)
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
    const own = ruleOfConfig(config, url, this.#options.scopes)
    const rules = [...own === undefined ? [] : [own], ...this.patterns.filter(rule => rule.covers(url))]
    return rules.length === 0 ? undefined : combineRules(this.#options, rules, `the route ${url}`)
  }
}

/**
 * What the `protect()` hook asks, at the resource that another rule has settled already, if one has.
 *
 * @returns throws an `InvalidOptionError` where the hook is about another resource, or needs what is not to be had there.
 * @throws {InvalidOptionError} where the rule is wrong.
 */
export function requirementsOfHook (options: ResolvedOptions, given: AccessRule): (settled: string | undefined) => Requirement {
  const rule = checkAccessRule('protect()', given, options.scopes)
  const known = new Map<string | undefined, Requirement>()

  function requirementAt (settled: string | undefined): Requirement {
    const requirement = known.get(settled) ?? combineRules(options, settled === undefined ? [rule] : [rule, { ...noRule, resource: settled }], 'protect()')
    known.set(settled, requirement)
    return requirement
  }

  // A mistake that does not hang on the route stops the start.
  if (rule.resource !== undefined || options.resources.size === 1) requirementAt(undefined)
  return requirementAt
}
