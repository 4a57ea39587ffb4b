import { OAuthError } from '../errors.ts'
import { randomId } from '../keys/secrets.ts'
import { signAccessToken, signRefreshToken } from '../keys/tokens.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Grant, Token, TokenType, User } from '../storage/records.ts'

/** The successful answer of the token endpoint. RFC 6749 §5.1. */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  /** In seconds. */
  expires_in: number
  refresh_token?: string
  scope: string
  /** Where the scope `openid` was granted, beside the first access token. OpenID Connect Core §3.1.3.3. */
  id_token?: string
}

/** RFC 6749 §5.2. */
export function unauthorizedClient (): OAuthError {
  return new OAuthError('unauthorized_client', 'The client is not registered for this grant type')
}

function seconds (date: Date): number {
  return Math.floor(date.getTime() / 1000)
}

/** A token's row, before it is stored. It lives no longer than its grant. */
export function newToken (server: AuthorizationServer, type: TokenType, grant: Grant, scopes: readonly string[], now: Date): Token {
  const { accessTokenLifetime, refreshTokenLifetime } = server.options
  const purpose = type === 'access_token' ? 'access' : 'refresh'
  const lifetime = type === 'access_token' ? accessTokenLifetime : refreshTokenLifetime
  const issuedAt = seconds(now)
  return {
    id: randomId(),
    type,
    grantId: grant.id,
    clientId: grant.clientId,
    userId: grant.userId,
    resource: grant.resource,
    scopes,
    keyId: server.keys.signingKey(purpose, now).keyId,
    issuedAt: new Date(issuedAt * 1000),
    expiresAt: new Date(Math.min(issuedAt + lifetime, seconds(grant.expiresAt)) * 1000),
    active: true,
    consumedAt: null,
    successorId: null
  }
}

async function accessToken (server: AuthorizationServer, token: Token, user: User, now: Date): Promise<string> {
  return await signAccessToken(server.keys.signingKey('access', now), {
    iss: server.options.issuer,
    sub: token.userId,
    aud: token.resource,
    client_id: token.clientId,
    scope: token.scopes.join(' '),
    iat: seconds(token.issuedAt),
    exp: seconds(token.expiresAt),
    jti: token.id,
    email: user.email,
    ...(user.name === null ? {} : { name: user.name })
  })
}

/** Rebuilds a refresh token from its row alone, so that a repeated answer is the same one. Undefined where its key was dropped. */
async function refreshToken (server: AuthorizationServer, token: Token, now: Date): Promise<string | undefined> {
  const key = await server.keys.find('refresh', token.keyId, now)
  if (key === undefined) return undefined
  return await signRefreshToken(key, {
    iss: server.options.issuer,
    sub: token.userId,
    iat: seconds(token.issuedAt),
    exp: seconds(token.expiresAt),
    jti: token.id
  })
}

/** Signs stored rows into what the client gets. */
export async function tokenResponse (
  server: AuthorizationServer, user: User, access: Token, refresh: Token | undefined, now: Date
): Promise<TokenResponse> {
  const refreshed = refresh === undefined ? undefined : await refreshToken(server, refresh, now)
  return {
    access_token: await accessToken(server, access, user, now),
    token_type: 'Bearer',
    expires_in: seconds(access.expiresAt) - seconds(now),
    ...(refreshed === undefined ? {} : { refresh_token: refreshed }),
    scope: access.scopes.join(' ')
  }
}
