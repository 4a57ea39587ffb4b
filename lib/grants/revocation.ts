import type { AuditActor, AuditOrigin } from '../audit/event.ts'
import { about } from './about.ts'
import type { AuthorizationServer } from '../server.ts'
import type { TokenRecord } from '../storage/records.ts'

/**
 * Ends what a token stands for: an access token itself, a refresh token its grant, and with that every other token of it. Counts at this
 * process's next request.
 *
 * @see [RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009.html#section-2.1)
 */
export async function revoke (server: AuthorizationServer, { grant, token }: TokenRecord, by: AuditOrigin & { actor: AuditActor }, now: Date): Promise<void> {
  const { storage } = server
  try {
    const revoked = await (token.type === 'access_token' ? storage.revokeToken(token.id) : storage.revokeGrant(grant.id, now))
    if (revoked) server.audit.record({ type: token.type === 'access_token' ? 'token.revoked' : 'grant.revoked', ...by, ...about(grant), tokenId: token.id })
  } finally {
    server.forget([token.type === 'access_token' ? { kind: 'token', id: token.id } : { kind: 'grant', id: grant.id }])
  }
}
