import { unescape } from 'node:querystring'

/** How a Fastify app was told to read paths. */
interface RouterOptions {
  caseSensitive?: boolean
  ignoreTrailingSlash?: boolean
  ignoreDuplicateSlashes?: boolean
  useSemicolonDelimiter?: boolean
}

const optionalParameter = /(\/:[^/()]*)\?(\/?)$/
const parameterName = /(?<!:):(?!:)[^/().-]+/g

/** What the app's router does not tell apart, in the patterns of routes and in the paths of requests. */
export class RouterFolding {
  readonly #case: boolean
  readonly #trailingSlash: boolean
  readonly #duplicateSlashes: boolean
  readonly #pathEnd: RegExp

  constructor (config: RouterOptions & { routerOptions?: RouterOptions }) {
    // Fastify takes these options in two places. Where the two disagree, folding more covers more.
    const places: RouterOptions[] = [config, config.routerOptions ?? {}]
    this.#case = places.some(({ caseSensitive }) => caseSensitive === false)
    this.#trailingSlash = places.some(({ ignoreTrailingSlash }) => ignoreTrailingSlash === true)
    this.#duplicateSlashes = places.some(({ ignoreDuplicateSlashes }) => ignoreDuplicateSlashes === true)
    this.#pathEnd = places.some(({ useSemicolonDelimiter }) => useSemicolonDelimiter === true) ? /[?#;].*$/s : /[?#].*$/s
  }

  /**
   * What the router makes of a route's url: two patterns where the last parameter is optional. It knows no names of parameters:
   * `/:tenant/mcp` and `/:id/mcp` are one place.
   */
  patterns (url: string): string[] {
    const unnamed = (url === '*' ? '/*' : url).replaceAll(parameterName, name => name.endsWith('?') ? ':?' : ':')
    return [...new Set([unnamed.replace(optionalParameter, '$1$2'), unnamed.replace(optionalParameter, '$2')])]
      .map(pattern => this.#fold(pattern === '' ? '/' : pattern))
  }

  /** The path of a request target, without its escapes. */
  path (target: string): string {
    // RFC 9112 §3.2.2: the absolute form.
    const encoded = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(this.#pathEnd, '')
    // Unlike decodeURIComponent, it never throws.
    return this.#fold(unescape(encoded))
  }

  #fold (url: string): string {
    let folded = url
    if (this.#duplicateSlashes) folded = folded.replaceAll(/\/{2,}/g, '/')
    if (this.#trailingSlash) folded = folded.replace(/(.)\/$/, '$1')
    return this.#case ? folded.toLowerCase() : folded
  }
}
