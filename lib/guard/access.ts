import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import type { User } from '../storage/records.ts'
import { mergeRequirements, type Requirement } from './requirement.ts'

/** Who a protected request comes from, and by what right. Read from the rows, never from the token's claims. */
export interface Access {
  readonly user: Readonly<Pick<User, 'id' | 'email' | 'name' | 'role'>>
  readonly client: Readonly<{ id: string, name: string }>
  readonly scopes: readonly string[]
  /** The audience of the token. */
  readonly resource: string
  readonly grantId: string
  /** The `jti`. */
  readonly tokenId: string
  readonly expiresAt: Date
}

/** The MCP SDK's form of it, which transports hand to tools as `authInfo`. */
export interface AuthInfo {
  token: string
  clientId: string
  scopes: string[]
  /** Seconds since the epoch. */
  expiresAt: number
  resource: URL
  extra: { user: Access['user'], grantId: string }
}

/**
 * Where a request keeps the access that a guard found. Not decorated: an initial value would be missing from the requests of children that
 * were registered before this plugin, so that absence is what has to mean "not admitted".
 */
export const accessKey = Symbol('fastify-mcp-oauth.access')

/** Where a request that was let in keeps what was asked of it so far. */
const requirementKey = Symbol('fastify-mcp-oauth.requirement')

declare module 'fastify' {
  interface FastifyRequest {
    [accessKey]?: Access
    [requirementKey]?: Requirement
  }
}

export function attachAccess (request: FastifyRequest, access: Access, auth: AuthInfo): void {
  request[accessKey] = access
  const raw: IncomingMessage & { auth?: AuthInfo } = request.raw
  raw.auth = auth
}

/** Adds to what was asked of a request: a body that calls tools has to stand up to all of it. */
export function addRequirement (request: FastifyRequest, requirement: Requirement): void {
  const before = request[requirementKey]
  request[requirementKey] = before === undefined ? requirement : mergeRequirements(before, requirement)
}

export function requirementOf (request: FastifyRequest): Requirement | undefined {
  return request[requirementKey]
}
