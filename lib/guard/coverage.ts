import type { FastifyInstance, RouteOptions } from 'fastify'
import { InvalidOptionError } from '../errors.ts'
import type { RouterFolding } from './folding.ts'
import { isProtectedByConfig, ownRoute, type RouteRule } from './rules.ts'

interface KnownRoute {
  readonly url: string
  readonly methods: readonly string[]
}

/** The protected routes that are known: the methods of each, by the pattern that the router makes of it. */
export type ProtectedRoutes = Map<string, Set<string>>

/** Watches which routes there are, so that a `protect` pattern that means none of them stops the start. */
export class RouteCoverage {
  readonly #folding: RouterFolding
  readonly #seen: Array<KnownRoute & { options: RouteOptions }> = []

  constructor (folding: RouterFolding) {
    this.#folding = folding
  }

  /**
   * For the `onRoute` hook: it sees what is declared after the plugin.
   *
   * @throws {InvalidOptionError} where the route's config is wrong.
   */
  see (options: RouteOptions): void {
    isProtectedByConfig(options.config ?? {}, options.url)
    this.#seen.push({ url: options.url, methods: [options.method].flat(), options })
  }

  /**
   * Puts every protected route that is known into `routes`.
   *
   * @returns their urls
   * @throws {InvalidOptionError} where a rule covers no route.
   */
  check (app: FastifyInstance, rules: readonly RouteRule[], routes: ProtectedRoutes): Set<string> {
    // Not before all `onRoute` hooks have had their say.
    const own = new Set(this.#seen.filter(({ options }) => ownRoute in (options.config ?? {})).map(({ url }) => url))
    const open = this.#seen.filter(({ url }) => !own.has(url))
    const found: KnownRoute[] = open.filter(({ url, options }) => isProtectedByConfig(options.config ?? {}, url))
    for (const rule of rules) {
      const covered = [...open, ...this.#declaredBefore(app, rule)].filter(({ url }) => !own.has(url) && rule.covers(url))
      if (covered.length === 0) {
        throw new InvalidOptionError('protect', `${rule.url} covers no route; write it as the route's url has it, or register fastify-mcp-oauth before the routes`)
      }
      found.push(...covered)
    }
    for (const { url, methods } of found) {
      for (const pattern of this.#folding.patterns(url)) routes.set(pattern, new Set([...routes.get(pattern) ?? [], ...methods]))
    }
    return new Set(found.map(({ url }) => url))
  }

  /** Routes declared before the plugin can only be asked for by their exact pattern. */
  #declaredBefore (app: FastifyInstance, { url, constraints }: RouteRule): KnownRoute[] {
    const base = url.replace(/\/\*?$/, '')
    return [base, `${base}/`, `${base}/*`].filter(candidate => candidate !== '').map(candidate => ({
      url: candidate,
      methods: app.supportedMethods.filter(method => [{}, constraints].some(variant => app.hasRoute({ method, url: candidate, constraints: variant })))
    })).filter(({ methods }) => methods.length > 0)
  }
}
