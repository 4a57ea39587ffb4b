import { checkUrl, plainPath } from './check-url.ts'
import { InvalidOptionError } from './errors.ts'
import { covers } from './oauth/scope.ts'
import type { ProtectedResource, ResolvedProtectRule } from './resolved-options.ts'

/**
 * The URL of a resource, in the one spelling that tokens have it in.
 *
 * @throws {InvalidOptionError} where it is no usable URL.
 */
export function checkResource (option: string, resource: unknown): string {
  const { origin, pathname, href } = checkUrl(option, resource)
  if (pathname === '/') return origin
  if (!plainPath.test(pathname.replace(/\/$/, ''))) {
    throw new InvalidOptionError(option, 'must have a path of letters, digits, and the characters . _ ~ and - only, such as https://api.example.com/mcp')
  }
  return href
}

/** The default resource. */
function defaultResource (resource: unknown, protect: readonly ResolvedProtectRule[], origin: string): string {
  if (resource !== undefined) return checkResource('resource', resource)
  const [first, ...others] = protect
  if (first === undefined || others.length > 0 || (first.resource === undefined && /[:*(]/.test(first.url))) {
    throw new InvalidOptionError('resource', 'must be set to the URL that clients use, such as https://api.example.com/mcp, unless protect is one plain path')
  }
  if (first.resource !== undefined) return first.resource
  return first.url === '/' ? origin : origin + first.url
}

function namedBy ({ scopes, tools }: ResolvedProtectRule): readonly string[] {
  return [...scopes, ...[...tools.values()].flatMap(rule => rule.scopes)]
}

/** A scope that no rule names is at home everywhere; one that a rule names, or that is wider or narrower, at the resources of such rules. */
function isAtHome (scope: string, url: string, protect: readonly ResolvedProtectRule[], byDefault: string): boolean {
  const homes = protect.filter(rule => namedBy(rule).some(named => covers(scope, named) || covers(named, scope)))
  return homes.length === 0 || homes.some(({ resource = byDefault }) => resource === url)
}

/**
 * All resources, the default one first. Each has its metadata where its path puts it, so no two can have the same path.
 *
 * @throws {InvalidOptionError} where one is missing, or two can't stand side by side.
 */
export function resolveResources (
  resource: unknown, protect: readonly ResolvedProtectRule[], origin: string, scopes: readonly string[]
): { resource: string, resources: ReadonlyMap<string, ProtectedResource> } {
  const byDefault = defaultResource(resource, protect, origin)
  const describe = (url: string) => ({ scopes: scopes.filter(scope => isAtHome(scope, url, protect, byDefault)) })
  const resources = new Map([[byDefault, describe(byDefault)]])
  for (const { resource: url } of protect) {
    if (url === undefined || resources.has(url)) continue
    const { pathname } = new URL(url)
    if (pathname === '/' || [...resources.keys()].some(other => new URL(other).pathname === pathname)) {
      throw new InvalidOptionError('protect.resource', `${url} must have a path that no other resource has: its metadata is found by that`)
    }
    resources.set(url, describe(url))
  }
  return { resource: byDefault, resources }
}
