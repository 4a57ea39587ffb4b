import type { QueryCreator } from 'kysely'
import type { Tables } from './tables.ts'

/** Revokes what was given in a user's name, by itself or as a part of another statement. */
export function revokingGrants (db: QueryCreator<Tables>, userId: string, now: Date) {
  return db.updateTable('oauth_grants').set({ revoked_at: now }).where('user_id', '=', userId).where('revoked_at', 'is', null).returning('grant_id')
}
