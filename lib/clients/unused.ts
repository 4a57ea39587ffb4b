import type { AuthorizationServer } from '../server.ts'

/** How long a client that registered itself may go without a grant, in milliseconds. */
const unusedLifetime = 604_800_000

/** How often one process looks, in milliseconds, and how many it removes at once. */
const interval = 60_000
const batch = 100

/**
 * Removes clients that registered themselves and were never used, a few at a time: called at each registration, it keeps up with them
 * without a scheduler.
 *
 * @returns how many were removed.
 */
export function unusedClients (server: AuthorizationServer): (now: Date) => Promise<number> {
  let lookedAt = -Infinity
  return async now => {
    if (now.getTime() - lookedAt < interval) return 0
    lookedAt = now.getTime()
    return await server.storage.deleteUnusedClients(new Date(now.getTime() - unusedLifetime), batch)
  }
}
