import { OAuthError } from '../errors.ts'
import { parameter, requiredParameter, type Parameters } from '../oauth/parameters.ts'
import { resolveResource } from '../oauth/resource.ts'
import { narrowScopes } from '../oauth/scope.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Client } from '../storage/records.ts'
import { about, type GrantRequest } from './about.ts'
import { livingUser } from './liveness.ts'
import { refreshTokenRecord } from './token-record.ts'
import { newToken, tokenResponse, unauthorizedClient, type TokenResponse } from './tokens.ts'

function invalidGrant (cause: unknown): OAuthError {
  return new OAuthError('invalid_grant', 'The refresh token is invalid, expired, used or revoked, or belongs to another client', { cause })
}

/**
 * Exchanges a refresh token for its successor. Whoever presents it is checked in full before it is used up: a wrong client neither
 * consumes nor revokes.
 *
 * @throws {OAuthError} `invalid_grant`, `invalid_scope`, `invalid_target`, `unauthorized_client` or `invalid_request`.
 * @see [OAuth 2.1 §4.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.3)
 */
export async function refreshTokenGrant (
  server: AuthorizationServer, client: Client, parameters: Parameters, { origin, concerns }: GrantRequest, now: Date
): Promise<TokenResponse> {
  const requestedScope = parameter(parameters, 'scope')
  const record = await refreshTokenRecord(server, requiredParameter(parameters, 'refresh_token'), now)
  if ('reason' in record) throw invalidGrant(record.reason)
  const { grant, token } = record
  concerns(grant.id)
  if (grant.clientId !== client.id) throw invalidGrant('the token belongs to another client')
  if (!client.grantTypes.includes('refresh_token')) throw unauthorizedClient()
  const user = await livingUser(server, record, now)
  if (typeof user === 'string') throw invalidGrant(user)
  resolveResource(parameters.get('resource'), [grant.resource], grant.resource)
  const scopes = narrowScopes(requestedScope, token.scopes, [...server.options.scopes.keys()])
  const accessToken = newToken(server, 'access_token', grant, scopes, now)
  const successor = newToken(server, 'refresh_token', grant, token.scopes, now)
  const rotation = await server.storage.rotateRefreshToken({ tokenId: token.id, successor, accessToken, now })
  const event = { actor: { type: 'client', id: client.id }, ...about(grant), ...origin } as const
  if (rotation.outcome === 'reused') {
    server.forget([{ kind: 'grant', id: grant.id }])
    server.meter.replay('refresh-token')
    server.audit.record({ type: 'token.replayed', ...event, tokenId: token.id, outcome: 'refused', reason: 'the refresh token was used before: the grant is revoked' })
  }
  if (rotation.outcome !== 'rotated') throw invalidGrant(`the token is ${rotation.outcome}`)
  server.audit.record({ type: 'token.refreshed', ...event, tokenId: accessToken.id, details: { scopes, refreshTokenId: rotation.refreshToken.id } })
  return await tokenResponse(server, user, accessToken, rotation.refreshToken, now)
}
