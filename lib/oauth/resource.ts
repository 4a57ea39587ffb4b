import { OAuthError } from '../errors.ts'

/** Longer than any resource that is served. */
const maxLength = 2048
const schemeAndHost = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i

/** Scheme and host in lower case, the rest as it is; undefined for what is no absolute URI, has a fragment, or is absurdly long. */
function canonicalResource (resource: string): string | undefined {
  if (resource.length > maxLength || resource.includes('#')) return undefined
  const origin = schemeAndHost.exec(resource)?.[0]
  return origin === undefined ? undefined : origin.toLowerCase() + resource.slice(origin.length)
}

/**
 * The resource that a request is for. None, or the bare origin of the default resource with or without a slash, means the default.
 *
 * @throws {OAuthError} `invalid_target` where it names one that is not served here, or two different ones.
 * @see [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707.html#section-2)
 */
export function resolveResource (requested: readonly string[] | undefined, served: readonly string[], defaultResource: string): string {
  if (requested === undefined) return defaultResource
  const [resource, ...others] = new Set(requested.map(canonicalResource))
  if (resource !== undefined && others.length === 0) {
    if (served.includes(resource)) return resource
    const origin = new URL(defaultResource).origin
    if (resource === origin || resource === `${origin}/`) return defaultResource
  }
  throw new OAuthError('invalid_target', 'The resource is not served here')
}
