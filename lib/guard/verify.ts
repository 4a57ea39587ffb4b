import { OAuthError } from '../errors.ts'
import { livingUser } from '../grants/liveness.ts'
import { accessTokenRecord } from '../grants/token-record.ts'
import { parseBearer } from '../oauth/authorization-header.ts'
import type { AuthorizationServer } from '../server.ts'
import type { TokenRecord, User } from '../storage/records.ts'
import type { Verified } from './verified-tokens.ts'

export function invalidToken (cause: unknown): OAuthError {
  return new OAuthError('invalid_token', 'The access token is invalid, expired or revoked', { cause })
}

/** No token came: the challenge then names no error. RFC 6750 §3.1. */
export class MissingTokenError extends OAuthError {
  constructor () {
    super('invalid_token', 'An access token is required')
  }
}

/** Whose living access token a request carries. */
export interface Bearer {
  token: string
  record: TokenRecord
  user: User
}

function describe ({ token, record, user }: Bearer): Verified {
  const expiresAt = Math.min(record.token.expiresAt.getTime(), record.grant.expiresAt.getTime())
  // Other requests get the same objects from the cache. What can't be frozen is made anew for whoever asks.
  const access = Object.freeze({
    user: Object.freeze({ id: user.id, email: user.email, name: user.name, role: user.role }),
    client: Object.freeze({ id: record.client.id, name: record.client.name }),
    scopes: Object.freeze([...record.token.scopes]),
    resource: record.token.resource,
    grantId: record.grant.id,
    tokenId: record.token.id,
    get expiresAt () { return new Date(expiresAt) }
  })
  const auth = Object.freeze({
    token,
    clientId: access.client.id,
    get scopes () { return [...access.scopes] },
    expiresAt: expiresAt / 1000,
    get resource () { return new URL(access.resource) },
    extra: Object.freeze({ user: access.user, grantId: access.grantId })
  })
  return { access, auth }
}

/**
 * Finds out who a request comes from: signature, algorithm, type, issuer, audience, expiry, then the token's row with its grant, client
 * and user. The audience is any resource of this server: whoever serves one of them compares `access.resource`.
 *
 * @param authorization the request's header
 * @throws {OAuthError} `invalid_token`
 * @throws {StorageUnavailableError} where the row can't be read: fail closed.
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068.html#section-4)
 */
export async function verifyBearer (server: AuthorizationServer, authorization: string | undefined, now: Date): Promise<Bearer> {
  const credentials = parseBearer(authorization)
  if (credentials === 'absent') throw new MissingTokenError()
  if (credentials === 'malformed') throw invalidToken('the Authorization header is malformed')
  const record = await accessTokenRecord(server, credentials.token, now)
  if ('reason' in record) throw invalidToken(record.reason)
  if (!server.options.resources.has(record.token.resource)) throw invalidToken('the token is for another resource')
  if (!record.token.active) throw invalidToken('the token is revoked')
  const user = await livingUser(server, record, now)
  if (typeof user === 'string') throw invalidToken(user)
  return { token: credentials.token, record, user }
}

/** What `verifyBearer` found, in the form that handlers and tools read. It throws the same. */
export async function verifyRequest (server: AuthorizationServer, authorization: string | undefined, now: Date): Promise<Verified> {
  return describe(await verifyBearer(server, authorization, now))
}

/**
 * Whether what was found a while ago still holds. The signature needs no second look; a user who has another role since was let in by
 * one that is gone.
 *
 * @throws {StorageUnavailableError} where the row can't be read.
 */
export async function stillHolds (server: AuthorizationServer, { access }: Verified, now: Date): Promise<boolean> {
  const record = await server.storage.findToken(access.tokenId)
  if (record === undefined || !record.token.active) return false
  const user = await livingUser(server, record, now)
  return typeof user !== 'string' && user.role === access.user.role
}
