import type { AuditOrigin } from '../audit/event.ts'
import { hashSecret, randomSecret } from '../keys/secrets.ts'
import type { AuthorizationServer } from '../server.ts'
import type { AuthorizeTransaction, Grant, User } from '../storage/records.ts'
import { about } from './about.ts'

/** What a grant and its code are made from. */
export interface Approval extends Pick<AuthorizeTransaction, 'clientId' | 'redirectUri' | 'resource' | 'scopes' | 'codeChallenge' | 'nonce'> {
  grantId: string
  authenticatedAt: Date
}

/**
 * Stores what a person has allowed, and a code for it.
 *
 * @param email the address that it is given for, trimmed and lower-cased
 * @returns the authorization code
 * @see [OAuth 2.1 §4.1.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-4.1.2)
 */
export async function createGrant (server: AuthorizationServer, approval: Approval, user: User, email: string, origin: AuditOrigin, now: Date): Promise<string> {
  const { authorizationCodeLifetime, grantLifetime } = server.options
  const code = randomSecret()
  const grant: Grant = {
    id: approval.grantId,
    clientId: approval.clientId,
    userId: user.id,
    email,
    resource: approval.resource,
    scopes: approval.scopes,
    redirectUri: approval.redirectUri,
    createdAt: now,
    lastUsedAt: null,
    expiresAt: new Date(now.getTime() + grantLifetime * 1000),
    revokedAt: null
  }
  await server.storage.createGrant(grant, {
    codeHash: hashSecret(code),
    grantId: grant.id,
    redirectUri: approval.redirectUri,
    codeChallenge: approval.codeChallenge,
    nonce: approval.nonce,
    authenticatedAt: approval.authenticatedAt,
    createdAt: now,
    expiresAt: new Date(now.getTime() + authorizationCodeLifetime * 1000),
    consumedAt: null
  })
  server.audit.record({
    type: 'code.issued', actor: { type: 'user', id: user.id, email }, ...about(grant), ...origin, details: { resource: grant.resource, scopes: grant.scopes }
  })
  return code
}
