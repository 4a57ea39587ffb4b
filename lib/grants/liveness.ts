import { about } from './about.ts'
import type { AuthorizationServer } from '../server.ts'
import { foldEmail } from '../storage/sign-in.ts'
import type { GrantRecord, User } from '../storage/records.ts'

const renamed = 'the e-mail on the whitelist has changed'

/** Why nothing may live on a grant any more, in the log's words. */
export type EndOfGrant =
  | 'the grant is revoked'
  | 'the grant has expired'
  | 'the client is deactivated'
  | 'the user is not on the whitelist any more'
  | 'the user is suspended'
  | 'the e-mail stands on the whitelist in two spellings'
  | typeof renamed

/** The user whose grant lives, or why nothing may live on it any more. */
function judge ({ grant, client, user, ambiguous }: GrantRecord, now: Date): User | EndOfGrant {
  if (grant.revokedAt !== null) return 'the grant is revoked'
  // Not `<=`: a date that is none must not live for ever.
  if (!(grant.expiresAt > now)) return 'the grant has expired'
  if (!client.active) return 'the client is deactivated'
  if (user === undefined) return 'the user is not on the whitelist any more'
  if (foldEmail(user.email) !== grant.email) return renamed
  if (user.status !== 'active') return 'the user is suspended'
  if (ambiguous) return 'the e-mail stands on the whitelist in two spellings'
  return user
}

/**
 * The user whose grant this is, while it lives; else the reason why it does not, for the log. The one place that decides: at the code
 * exchange, at refresh and at every request. A grant whose whitelist row now has another e-mail is revoked on the spot: giving the
 * address back does not bring the grant back.
 */
export async function livingUser (server: AuthorizationServer, record: GrantRecord, now: Date): Promise<User | EndOfGrant> {
  const verdict = judge(record, now)
  if (verdict === renamed) {
    const revoked = await server.storage.revokeGrant(record.grant.id, now)
    server.forget([{ kind: 'grant', id: record.grant.id }])
    if (revoked) server.audit.record({ type: 'grant.revoked', actor: { type: 'server' }, ...about(record.grant), reason: renamed })
  }
  return verdict
}
