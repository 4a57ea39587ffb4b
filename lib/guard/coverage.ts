import type { FastifyInstance, RouteOptions } from 'fastify'
import { InvalidOptionError } from '../errors.ts'
import type { RouterFolding } from './folding.ts'
import type { Requirement } from './requirement.ts'
import { ownRoute, type RouteRule, type RouteRules } from './rules.ts'

interface KnownRoute {
  readonly url: string
  readonly methods: readonly string[]
  readonly config: object
}

/** What is known about the protected routes at one place of the router. */
interface ProtectedPlace {
  readonly methods: Set<string>
  /** Of the first of them. */
  readonly requirement: Requirement
}

/** The protected routes that are known, by the pattern that the router makes of them. */
export type ProtectedRoutes = Map<string, ProtectedPlace>

/** Watches which routes there are, so that a `protect` pattern that means none of them stops the start. */
export class RouteCoverage {
  readonly #folding: RouterFolding
  readonly #rules: RouteRules
  readonly #seen: RouteOptions[] = []

  constructor (folding: RouterFolding, rules: RouteRules) {
    this.#folding = folding
    this.#rules = rules
  }

  /**
   * For the `onRoute` hook: it sees what is declared after the plugin.
   *
   * @throws {InvalidOptionError} where the route's config is wrong.
   */
  see (options: RouteOptions): void {
    this.#rules.requirementOf(options.config ?? {}, options.url)
    this.#seen.push(options)
  }

  /**
   * Puts every protected route that is known into `places`.
   *
   * @returns their urls
   * @throws {InvalidOptionError} where a rule covers no route.
   */
  check (app: FastifyInstance, places: ProtectedRoutes): Set<string> {
    const urls = new Set<string>()
    for (const { url, methods, config } of this.#known(app)) {
      const requirement = this.#rules.requirementOf(config, url)
      if (requirement === undefined) continue
      urls.add(url)
      for (const pattern of this.#folding.patterns(url)) {
        const place = places.get(pattern)
        places.set(pattern, { requirement: place?.requirement ?? requirement, methods: new Set([...place?.methods ?? [], ...methods]) })
      }
    }
    return urls
  }

  #known (app: FastifyInstance): KnownRoute[] {
    // Not before all `onRoute` hooks have had their say.
    const seen = this.#seen.map(({ url, method, config = {} }) => ({ url, methods: [method].flat(), config }))
    const own = new Set(seen.filter(({ config }) => ownRoute in config).map(({ url }) => url))
    const isOpen = ({ url }: KnownRoute) => !own.has(url)
    const found: KnownRoute[] = seen.filter(isOpen)
    for (const rule of this.#rules.patterns) {
      const before = this.#declaredBefore(app, rule).filter(isOpen)
      if (![...found, ...before].some(({ url }) => rule.covers(url))) {
        throw new InvalidOptionError('protect', `${rule.url} covers no route; write it as the route's url has it, or register fastify-mcp-oauth before the routes`)
      }
      found.push(...before)
    }
    return found
  }

  /** Routes declared before the plugin can only be asked for by their exact pattern. */
  #declaredBefore (app: FastifyInstance, { url, constraints }: RouteRule): KnownRoute[] {
    const base = url.replace(/\/\*?$/, '')
    return [base, `${base}/`, `${base}/*`].filter(candidate => candidate !== '').map(candidate => ({
      url: candidate,
      methods: app.supportedMethods.filter(method => [{}, constraints].some(variant => app.hasRoute({ method, url: candidate, constraints: variant }))),
      config: {}
    })).filter(({ methods }) => methods.length > 0)
  }
}
