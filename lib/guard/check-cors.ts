import { InvalidOptionError } from '../errors.ts'
import { isOrigin, type OriginPolicy } from '../oauth/origin.ts'
import type { CorsOptions } from '../options.ts'

/**
 * Which origins may call. The server's own pages always may.
 *
 * @param own the URLs that the server is known by
 * @throws {InvalidOptionError} where the option is not `{ origins }`, or an origin is not as browsers write it.
 */
export function checkCors (cors: CorsOptions, own: readonly string[]): { readonly origins: OriginPolicy } {
  if (typeof cors !== 'object' || cors === null || Object.keys(cors).some(name => name !== 'origins')) {
    throw new InvalidOptionError('cors', "must be an object such as { origins: ['https://app.example.com'] }")
  }
  const { origins } = cors
  const ownOrigins = own.map(url => new URL(url).origin)
  if (origins === undefined) return { origins: ownOrigins.every(origin => origin.startsWith('https:')) ? 'trustworthy' : 'local' }
  if (origins === '*') return { origins: 'any' }
  if (!Array.isArray(origins) || !origins.every(origin => typeof origin === 'string' && (origin === 'null' || isOrigin(origin)))) {
    throw new InvalidOptionError('cors.origins', "must be '*' or a list of origins such as https://app.example.com, without a path or a slash at the end")
  }
  return { origins: new Set([...ownOrigins, ...origins]) }
}
