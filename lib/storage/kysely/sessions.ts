import type { Session, SessionRecord } from '../records.ts'
import { whole } from './expressions.ts'
import { toSession, toUser } from './rows.ts'
import type { Database, SessionRow } from './tables.ts'
import { listedUsers, type ListedRow } from './users.ts'

export async function createSession (db: Database, session: Session): Promise<void> {
  await db.insertInto('oauth_sessions').values({
    session_hash: session.sessionHash,
    kind: session.kind,
    user_id: session.userId,
    email: session.email,
    provider: session.provider,
    authenticated_at: session.authenticatedAt,
    is_proven: session.isProven,
    pending: session.pending,
    created_at: session.createdAt,
    expires_at: session.expiresAt
  }).execute()
}

export async function findSession (db: Database, sessionHash: string, now: Date): Promise<SessionRecord | undefined> {
  const row = await db.selectFrom('oauth_sessions as session')
    .leftJoin(() => listedUsers(db), (join) => join.onRef('listed.user_id', '=', 'session.user_id'))
    .select([whole<SessionRow>('session').as('session'), whole<ListedRow | null>('listed').as('user')])
    .where('session.session_hash', '=', sessionHash).where('session.expires_at', '>', now).executeTakeFirst()
  return row && { session: toSession(row.session), user: row.user === null ? undefined : toUser(row.user), ambiguous: row.user?.ambiguous === true }
}

export async function endSession (db: Database, sessionHash: string): Promise<void> {
  await db.deleteFrom('oauth_sessions').where('session_hash', '=', sessionHash).execute()
}
