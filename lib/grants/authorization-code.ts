import { OAuthError } from '../errors.ts'
import { hashSecret } from '../keys/secrets.ts'
import { parameter, requiredParameter, type Parameters } from '../oauth/parameters.ts'
import { verifyCodeChallenge } from '../oauth/pkce.ts'
import { resolveResource } from '../oauth/resource.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Client, CodeRecord } from '../storage/records.ts'
import { about, type GrantRequest } from './about.ts'
import { idToken } from './id-token.ts'
import { livingUser } from './liveness.ts'
import { newToken, tokenResponse, unauthorizedClient, type TokenResponse } from './tokens.ts'

function invalidGrant (reason: string): OAuthError {
  return new OAuthError('invalid_grant', 'The authorization code is invalid, expired or used, or belongs to another client', { cause: reason })
}

/** What does not fit between the code and who presents it. Only who gets past this may use the code up, or end its grant by a replay. */
function mismatch (record: CodeRecord, client: Client, redirectUri: string | undefined, codeVerifier: string): string | undefined {
  if (record.grant.clientId !== client.id) return 'the code belongs to another client'
  // OAuth 2.1 §10.2: the parameter is no longer required, and must fit where it comes.
  if (redirectUri !== undefined && redirectUri !== record.code.redirectUri) return 'the redirect_uri is not the one of the authorization request'
  if (!verifyCodeChallenge(codeVerifier, record.code.codeChallenge)) return 'the code_verifier is wrong'
  return undefined
}

/**
 * Exchanges an authorization code.
 *
 * @throws {OAuthError} `invalid_grant`, `invalid_target`, `unauthorized_client` or `invalid_request`.
 * @see [OAuth 2.1 §4.1.3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.3)
 */
export async function authorizationCodeGrant (
  server: AuthorizationServer, client: Client, parameters: Parameters, { origin, concerns }: GrantRequest, now: Date
): Promise<TokenResponse> {
  if (!client.grantTypes.includes('authorization_code')) throw unauthorizedClient()
  const { storage } = server
  const codeHash = hashSecret(requiredParameter(parameters, 'code'))
  const codeVerifier = requiredParameter(parameters, 'code_verifier')
  const redirectUri = parameter(parameters, 'redirect_uri')
  const record = await storage.findCode(codeHash)
  if (record === undefined) throw invalidGrant('the code is unknown')
  const { grant } = record
  concerns(grant.id)
  const reason = mismatch(record, client, redirectUri, codeVerifier)
  if (reason !== undefined) throw invalidGrant(reason)
  const user = await livingUser(server, record, now)
  if (typeof user === 'string') throw invalidGrant(user)
  resolveResource(parameters.get('resource'), [grant.resource], grant.resource)
  const accessToken = newToken(server, 'access_token', grant, grant.scopes, now)
  const refreshToken = client.grantTypes.includes('refresh_token') ? newToken(server, 'refresh_token', grant, grant.scopes, now) : undefined
  const result = await storage.redeemCode({ codeHash, accessToken, refreshToken, now })
  const event = { actor: { type: 'client', id: client.id }, ...about(grant), ...origin } as const
  if (result === 'replayed') {
    server.forget([{ kind: 'grant', id: grant.id }])
    server.meter.replay('code')
    server.audit.record({ type: 'code.replayed', ...event, outcome: 'refused', reason: 'the code was used before: the grant is revoked' })
  }
  if (result !== 'redeemed') throw invalidGrant(`the code is ${result}`)
  server.audit.record({ type: 'token.issued', ...event, tokenId: accessToken.id, details: { scopes: accessToken.scopes, refreshTokenId: refreshToken?.id ?? null } })
  const response = await tokenResponse(server, user, accessToken, refreshToken, now)
  if (!grant.scopes.includes('openid')) return response
  return { ...response, id_token: await idToken(server, record, user, response.access_token, now) }
}
