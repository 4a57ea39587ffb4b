import type { AuditActor, AuditOrigin } from '../audit/event.ts'
import { authenticateClient, type SecretGuesses } from '../clients/authentication.ts'
import { OAuthError } from '../errors.ts'
import { accessTokenRecord, refreshTokenRecord } from '../grants/token-record.ts'
import { verifyBearer } from '../guard/verify.ts'
import { parseBasic, parseBearer } from '../oauth/authorization-header.ts'
import { parameter, requiredParameter, type Parameters } from '../oauth/parameters.ts'
import type { AuthorizationServer } from '../server.ts'
import type { TokenRecord } from '../storage/records.ts'

/** Who asks about a token. */
export interface Caller {
  /** Whether it is more than the bare id of a public client, which anyone knows. */
  isAuthenticated: boolean
  actor: AuditActor
  /** Whether a token is the caller's own. */
  owns (record: TokenRecord): boolean
}

/**
 * Who revokes or introspects: a client, for its own tokens; or the bearer of an access token, for the tokens of its grant.
 *
 * @throws {OAuthError} `invalid_client` or `invalid_token` where it is not proven, `invalid_request` where it is both.
 * @see [RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009.html#section-2.1)
 * @see [RFC 7662 §2.1](https://www.rfc-editor.org/rfc/rfc7662.html#section-2.1)
 */
export async function callerOf (
  server: AuthorizationServer, authorization: string | undefined, form: Parameters, guesses: SecretGuesses, origin: AuditOrigin, now: Date
): Promise<Caller> {
  const namesClient = form.has('client_id') || form.has('client_secret')
  if (parseBearer(authorization) !== 'absent') {
    // OAuth 2.1 §2.4: one method a request.
    if (namesClient) throw new OAuthError('invalid_request', 'Send client credentials or an access token, not both')
    const { record, user } = await verifyBearer(server, authorization, now)
    return { isAuthenticated: true, actor: { type: 'user', id: user.id, email: user.email }, owns: ({ grant }) => grant.id === record.grant.id }
  }
  if (!namesClient && parseBasic(authorization) === undefined) {
    throw new OAuthError('invalid_client', 'Client credentials or an access token are required')
  }
  const client = await authenticateClient(server, authorization, form, guesses, origin)
  return { isAuthenticated: client.secretHash !== null, actor: { type: 'client', id: client.id }, owns: ({ grant }) => grant.clientId === client.id }
}

/**
 * What is stored about the caller's own token that a form holds. Undefined for another's, as for one that is none: nobody learns which.
 * The hint changes nothing, since both kinds are found by one look-up.
 *
 * @throws {OAuthError} `invalid_request` where there is no token, or more than one.
 */
export async function ownToken (server: AuthorizationServer, caller: Caller, form: Parameters, now: Date): Promise<TokenRecord | undefined> {
  const token = requiredParameter(form, 'token')
  parameter(form, 'token_type_hint')
  for (const find of [accessTokenRecord, refreshTokenRecord]) {
    const record = await find(server, token, now)
    if (!('reason' in record)) return caller.owns(record) ? record : undefined
  }
  return undefined
}
