import type { FastifyInstance, RouteOptions } from 'fastify'
import { InvalidOptionError } from '../errors.ts'
import type { ProtectRule } from '../options.ts'
import { isProtectedByConfig, ownRoute, type ProtectRules } from './rules.ts'

/** Watches which routes there are, so that a `protect` pattern that means none of them stops the start. */
export class RouteCoverage {
  readonly #urls = new Set<string>()
  readonly #byConfig = new Set<string>()

  /** For the `onRoute` hook: it sees what is declared after the plugin. */
  see (route: RouteOptions): void {
    const config = route.config ?? {}
    if (ownRoute in config) return
    this.#urls.add(route.url)
    if (isProtectedByConfig(config, route.url)) this.#byConfig.add(route.url)
  }

  /**
   * Every protected route that is known, by its pattern.
   *
   * @throws {InvalidOptionError} where a rule covers no route.
   */
  check (app: FastifyInstance, rules: readonly ProtectRule[], compiled: ProtectRules): Set<string> {
    const covered = new Set(this.#byConfig)
    for (const [index, rule] of rules.entries()) {
      const urls = [...this.#urls, ...declaredBefore(app, rule)].filter(url => compiled.covers(index, url))
      if (urls.length === 0) {
        throw new InvalidOptionError('protect', `${rule.url} covers no route; write it as the route's url has it, or register fastify-mcp-oauth before the routes`)
      }
      for (const url of urls) covered.add(url)
    }
    return covered
  }
}

/** Routes declared before the plugin can only be asked for by their exact pattern. */
function declaredBefore (app: FastifyInstance, { url, constraints = {} }: ProtectRule): string[] {
  const candidates = [url, `${url.replace(/\/\*?$/, '')}/*`, url.replace(/\/\*?$/, '')]
  return candidates.filter(candidate => candidate !== '' && app.supportedMethods.some(method => app.hasRoute({ method, url: candidate, constraints })))
}
