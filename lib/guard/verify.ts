import type { FastifyBaseLogger } from 'fastify'
import { OAuthError } from '../errors.ts'
import { noteUse } from '../grants/connections.ts'
import { livingUser } from '../grants/liveness.ts'
import { accessTokenRecord } from '../grants/token-record.ts'
import { parseBearer } from '../oauth/authorization-header.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Grant, Token, TokenRecord, User } from '../storage/records.ts'
import type { Verified } from './verified-tokens.ts'

const invalid = 'The access token is invalid, expired or revoked'

export function invalidToken (cause: unknown): OAuthError {
  return new OAuthError('invalid_token', invalid, { cause })
}

/** A token that we issued, and that counts no more. To whoever sent it, it is one like any other. */
export class DeadTokenError extends OAuthError {
  // Nothing that a log would look into.
  readonly #record: TokenRecord

  constructor (cause: string, record: TokenRecord) {
    super('invalid_token', invalid, { cause })
    this.#record = record
  }

  get record (): TokenRecord {
    return this.#record
  }
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

/** In milliseconds since the epoch. */
function endOf (token: Token, grant: Grant): number {
  return Math.min(token.expiresAt.getTime(), grant.expiresAt.getTime())
}

/** Whom a request comes from, in the form that handlers and tools read. */
export function describe ({ token, record, user }: Bearer): Verified {
  const expiresAt = endOf(record.token, record.grant)
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
  const forLog = Object.freeze({
    flowId: access.grantId,
    tokenId: access.tokenId,
    userId: user.id,
    clientId: record.client.id,
    scopes: record.token.scopes,
    resource: access.resource,
    expiresAt: new Date(expiresAt).toISOString()
  })
  return { access, auth, forLog, keyId: record.token.keyId }
}

/** Whether a row is still that of the token whose claims were held against it before, with the same end. */
function isSameToken ({ token, grant, client }: TokenRecord, { access, auth, keyId }: Verified): boolean {
  return token.type === 'access_token' &&
    token.keyId === keyId &&
    token.resource === access.resource &&
    token.scopes.join(' ') === access.scopes.join(' ') &&
    token.userId === access.user.id &&
    token.clientId === access.client.id &&
    client.id === access.client.id &&
    grant.id === access.grantId &&
    endOf(token, grant) === auth.expiresAt * 1000
}

/** The row of a token that was verified before. Undefined where anything is not as it was: then the whole way tells what. */
async function knownRecord (server: AuthorizationServer, known: Verified, now: Date): Promise<TokenRecord | undefined> {
  if (!(now.getTime() < known.auth.expiresAt * 1000)) return undefined
  if (await server.keys.find('access', known.keyId, now) === undefined) return undefined
  const record = await server.storage.findToken(known.access.tokenId)
  return record !== undefined && isSameToken(record, known) ? record : undefined
}

/** Whose token this is, while it counts; else the reason why it does not, for the log. */
async function ownerOf (server: AuthorizationServer, record: TokenRecord, now: Date): Promise<User | string> {
  if (!server.options.resources.has(record.token.resource)) return 'the token is for another resource'
  if (!record.token.active) return 'the token is revoked'
  return await livingUser(server, record, now)
}

/**
 * Finds out who a request comes from: signature, algorithm, type, issuer, audience, expiry, then the token's row with its grant, client
 * and user. The audience is any resource of this server: whoever serves one of them compares `access.resource`.
 *
 * @param authorization the request's header
 * @param known what was found about this very header before, however long ago: the signature needs no second look then, as long as there is the key
 * @throws {OAuthError} `invalid_token`
 * @throws {StorageUnavailableError} where the row can't be read: fail closed.
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068.html#section-4)
 */
export async function verifyBearer (server: AuthorizationServer, authorization: string | undefined, now: Date, known?: Verified): Promise<Bearer> {
  const credentials = parseBearer(authorization)
  if (credentials === 'absent') throw new MissingTokenError()
  if (credentials === 'malformed') throw invalidToken('the Authorization header is malformed')
  const record = (known && await knownRecord(server, known, now)) ?? await accessTokenRecord(server, credentials.token, now)
  if ('reason' in record) throw invalidToken(record.reason)
  const user = await ownerOf(server, record, now)
  if (typeof user === 'string') throw new DeadTokenError(user, record)
  return { token: credentials.token, record, user }
}

/**
 * Whether those may stay who were let in a while ago; whoever has another role since was let in by one that is gone.
 *
 * @throws {StorageUnavailableError} where the row can't be read.
 */
export async function stillHolds (server: AuthorizationServer, known: Verified, now: Date): Promise<boolean> {
  const record = await knownRecord(server, known, now)
  if (record === undefined) return false
  const user = await ownerOf(server, record, now)
  return typeof user !== 'string' && user.role === known.access.user.role
}

/** Whether what was said of a token is still true of the person, the client and its end. */
function isDescribedBy ({ user, record }: Bearer, { access, auth }: Verified): boolean {
  return user.id === access.user.id && user.email === access.user.email && user.name === access.user.name && user.role === access.user.role &&
    record.grant.id === access.grantId && record.client.id === access.client.id && record.client.name === access.client.name && endOf(record.token, record.grant) === auth.expiresAt * 1000
}

/**
 * The same in the form that the guard keeps, and measured. That the grant was used is written down; nobody waits for it.
 *
 * @param authorization the request's header; empty where there is none.
 * @param known what was found about this very header before, however long ago
 */
export async function findAccess (
  server: AuthorizationServer, authorization: string, now: Date, known: Verified | undefined, log: Pick<FastifyBaseLogger, 'error'>
): Promise<Verified> {
  const verify = async () => {
    await server.ready()
    return await verifyBearer(server, authorization === '' ? undefined : authorization, now, known)
  }
  const bearer = await (authorization === '' ? verify() : server.meter.validation(verify))
  noteUse(server, bearer.record.grant, now).catch((error: unknown) => { log.error({ err: error }, 'the last use of a grant could not be written down') })
  return known !== undefined && isDescribedBy(bearer, known) ? known : describe(bearer)
}
