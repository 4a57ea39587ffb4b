import { InvalidOptionError } from '../errors.ts'
import type { ProtectRule } from '../options.ts'

/** How the app's router folds paths before it compares them. */
export interface RouterFolding {
  caseSensitive?: boolean | undefined
  ignoreTrailingSlash?: boolean | undefined
  ignoreDuplicateSlashes?: boolean | undefined
}

/** Marks the routes of this plugin in their `config`: no rule covers them. */
export const ownRoute = Symbol('fastify-mcp-oauth.route')

declare module 'fastify' {
  interface FastifyContextConfig {
    [ownRoute]?: true
  }
}

/** Folds a route pattern or a path as the router does. */
function fold (url: string, { caseSensitive, ignoreTrailingSlash, ignoreDuplicateSlashes }: RouterFolding): string {
  let folded = url
  if (ignoreDuplicateSlashes === true) folded = folded.replaceAll(/\/{2,}/g, '/')
  if (ignoreTrailingSlash === true) folded = folded.replace(/(.)\/$/, '$1')
  return caseSensitive === false ? folded.toLowerCase() : folded
}

/** Which routes the `protect` option means. Compares route patterns with route patterns; no request is looked at. */
export class ProtectRules {
  readonly #folding: RouterFolding
  readonly #rules: ReadonlyArray<{ base: string, exact: boolean }>

  constructor (rules: readonly ProtectRule[], folding: RouterFolding) {
    this.#folding = folding
    // `/mcp/` and `/mcp/*` are taken for `/mcp`: whoever writes them does not mean to leave the rest open.
    this.#rules = rules.map(rule => ({
      base: fold(rule.url, folding).replace(/\/\*?$/, ''),
      exact: rule.exact === true
    }))
  }

  /** Whether the rule at `index` covers the route with this pattern. */
  covers (index: number, routeUrl: string): boolean {
    const rule = this.#rules[index]
    const url = fold(routeUrl, this.#folding)
    if (rule === undefined) return false
    return url === rule.base || url === `${rule.base}/` || (!rule.exact && url.startsWith(`${rule.base}/`))
  }

  coversAny (routeUrl: string): boolean {
    return this.#rules.some((_, index) => this.covers(index, routeUrl))
  }

  /** Whether a path for which there is no route is that of a protected one. Unreadable escapes are nobody's path. */
  isProtectedPath (rawUrl: string, protectedUrls: Iterable<string>): string | undefined {
    const path = decodePath(rawUrl)
    if (path === undefined) return undefined
    const folded = fold(path, this.#folding)
    return [...protectedUrls].find(url => fold(url, this.#folding) === folded)
  }
}

function decodePath (rawUrl: string): string | undefined {
  try {
    return decodeURIComponent(rawUrl.replace(/[?#].*$/s, ''))
  } catch {
    return undefined
  }
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
