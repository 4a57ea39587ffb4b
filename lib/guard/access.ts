import type { FastifyRequest } from 'fastify'
import type { User } from '../storage/types.ts'

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

declare module 'fastify' {
  interface FastifyRequest {
    [accessKey]?: Access
  }
}

export function attachAccess (request: FastifyRequest, access: Access, auth: AuthInfo): void {
  request[accessKey] = access
  Object.assign(request.raw, { auth })
}
