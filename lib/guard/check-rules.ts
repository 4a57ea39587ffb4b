import { refuseUnknown } from '../check-members.ts'
import { InvalidOptionError } from '../errors.ts'
import { offlineAccess } from '../oauth/scope.ts'
import type { Need, ResolvedAccessRule, ResolvedProtectRule } from '../resolved-options.ts'
import { checkResource } from '../resolve-resources.ts'
import type { UserRole } from '../storage/records.ts'

type Scopes = ReadonlyMap<string, unknown>

const toolMembers = ['scopes', 'roles']
const ruleMembers = [...toolMembers, 'tools', 'resource']

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isRole (value: unknown): value is UserRole {
  return value === 'user' || value === 'admin'
}

function checkNeededScopes (option: string, needed: unknown, known: Scopes): readonly string[] {
  if (!Array.isArray(needed)) throw new InvalidOptionError(option, 'must be a list of scopes')
  for (const scope of needed) {
    if (!known.has(scope)) throw new InvalidOptionError(option, `${JSON.stringify(scope)} is not known; name it in the option scopes, with its words`)
    // Tokens have it or not as the client asks for a refresh token; no challenge may name it.
    if (scope === offlineAccess) throw new InvalidOptionError(option, `${offlineAccess} says nothing about a resource; take it out`)
  }
  return Object.freeze([...new Set<string>(needed)])
}

function checkRoles (option: string, roles: unknown): ReadonlyArray<readonly UserRole[]> {
  if (roles === undefined) return []
  if (!Array.isArray(roles) || roles.length === 0 || !roles.every(isRole)) throw new InvalidOptionError(option, "must be a list of roles out of 'user' and 'admin'")
  return [Object.freeze([...roles])]
}

function checkNeed (option: string, { scopes = [], roles }: Record<string, unknown>, known: Scopes): Need {
  return { scopes: checkNeededScopes(`${option}.scopes`, scopes, known), roles: checkRoles(`${option}.roles`, roles) }
}

function checkTools (option: string, tools: unknown, known: Scopes): ReadonlyMap<string, Need> {
  if (!isObject(tools)) throw new InvalidOptionError(option, "must be an object such as { delete_order: { roles: ['admin'] } }")
  return new Map(Object.entries(tools).map(([name, rule]) => {
    if (!isObject(rule)) throw new InvalidOptionError(`${option}.${name}`, "must be an object such as { roles: ['admin'] }")
    refuseUnknown(`${option}.${name}.`, rule, new Set(toolMembers))
    return [name, checkNeed(`${option}.${name}`, rule, known)]
  }))
}

/**
 * Checks what a rule asks of its callers.
 *
 * @param option how the mistake is told: `protect`, `config.mcpOAuth` or `protect()`
 * @param more members that a rule has there besides
 * @throws {InvalidOptionError} for unknown members, scopes and roles.
 */
export function checkAccessRule (option: string, rule: object, known: Scopes, more: readonly string[] = []): ResolvedAccessRule {
  refuseUnknown(`${option}.`, rule, new Set([...more, ...ruleMembers]))
  const { tools = {}, resource, ...need }: Record<string, unknown> = { ...rule }
  return Object.freeze({
    ...checkNeed(option, need, known),
    tools: checkTools(`${option}.tools`, tools, known),
    resource: resource === undefined ? undefined : checkResource(`${option}.resource`, resource)
  })
}

/**
 * Checks the option `protect`.
 *
 * @throws {InvalidOptionError} where it is no list of rules.
 */
export function checkProtect (protect: unknown, known: Scopes): readonly ResolvedProtectRule[] {
  if (!Array.isArray(protect)) throw new InvalidOptionError('protect', "must be a list of route patterns, such as ['/mcp']")
  return protect.map((entry: unknown) => {
    const rule = typeof entry === 'string' ? { url: entry } : entry
    if (!isObject(rule) || typeof rule['url'] !== 'string' || !rule['url'].startsWith('/')) {
      throw new InvalidOptionError('protect', "must hold route patterns that start with a slash, such as '/mcp' or { url: '/mcp', exact: true }")
    }
    const { url, exact = false, constraints = {} } = rule
    const access = checkAccessRule('protect', rule, known, ['url', 'exact', 'constraints'])
    if (typeof exact !== 'boolean') throw new InvalidOptionError('protect.exact', 'must be true or false')
    if (!isObject(constraints)) throw new InvalidOptionError('protect.constraints', "must be an object such as { version: '1.0.0' }")
    return Object.freeze({ ...access, url, exact, constraints })
  })
}
