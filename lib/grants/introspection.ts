import type { AuthorizationServer } from '../server.ts'
import type { TokenRecord } from '../storage/records.ts'
import { livingUser } from './liveness.ts'

/** What is told about a token: what there is to know, or nothing at all. RFC 7662 §2.2. */
export type Introspection = { active: false } | {
  active: true
  scope: string
  client_id: string
  username: string
  token_type: 'Bearer' | 'refresh_token'
  exp: number
  iat: number
  sub: string
  aud: string
  iss: string
  jti: string
}

/**
 * The state of a token, by its rows: one that no endpoint would take is not active, for whatever reason.
 *
 * @see [RFC 7662 §2.2](https://www.rfc-editor.org/rfc/rfc7662.html#section-2.2)
 */
export async function introspect (server: AuthorizationServer, record: TokenRecord, now: Date): Promise<Introspection> {
  const { token } = record
  const { issuer, resources } = server.options
  // Not `<=`: a date that is none must not live for ever.
  if (!token.active || token.consumedAt !== null || !(token.expiresAt > now) || !resources.has(token.resource)) return { active: false }
  const user = await livingUser(server, record, now)
  if (typeof user === 'string') return { active: false }
  return {
    active: true,
    scope: token.scopes.join(' '),
    client_id: token.clientId,
    username: user.email,
    token_type: token.type === 'access_token' ? 'Bearer' : 'refresh_token',
    exp: Math.floor(token.expiresAt.getTime() / 1000),
    iat: Math.floor(token.issuedAt.getTime() / 1000),
    sub: token.userId,
    aud: token.resource,
    iss: issuer,
    jti: token.id
  }
}
