import { OAuthError } from '../errors.ts'
import { covers } from '../oauth/scope.ts'
import type { Access } from './access.ts'
import type { Need } from '../resolved-options.ts'
import { combineNeeds, type Requirement } from './requirement.ts'

/** The user may, but has not allowed this client to: signing in again can help. RFC 6750 §3.1. */
export class InsufficientScopeError extends OAuthError {
  /** All that the operation needs, what is granted already included. */
  readonly scopes: readonly string[]

  constructor (scopes: readonly string[]) {
    super('insufficient_scope', 'The access token lacks a scope that this needs')
    this.scopes = scopes
  }
}

/**
 * Why a caller may not do what needs this. A missing role comes first: no sign-in brings that, so the client must not be sent to one.
 *
 * @see [MCP: Scope challenge handling](https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#scope-challenge-handling)
 */
export function refusalFor ({ roles, scopes }: Need, { user, scopes: granted }: Pick<Access, 'user' | 'scopes'>): OAuthError | undefined {
  if (!roles.every(admitted => admitted.includes(user.role))) {
    return new OAuthError('access_denied', 'The user may not do this', { cause: `the role ${user.role} is not enough` })
  }
  if (scopes.every(scope => granted.some(own => covers(own, scope)))) return undefined
  return new InsufficientScopeError(scopes)
}

/**
 * Why the tools that a request calls may not be called: all of them together, before the first runs. What was asked for the route itself is
 * asked again, so that a challenge names all that the operation needs.
 */
export function refusalOfCalls (requirement: Requirement, calls: readonly string[] | 'malformed', access: Pick<Access, 'user' | 'scopes'>): OAuthError | undefined {
  if (calls === 'malformed') return new OAuthError('invalid_request', 'The body is not a JSON-RPC message that can be judged here')
  const needs = calls.flatMap(name => requirement.tools.get(name) ?? [])
  return needs.length === 0 ? undefined : refusalFor(combineNeeds([requirement, ...needs]), access)
}
