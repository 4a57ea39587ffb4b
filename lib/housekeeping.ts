import { setTimeout as sleep } from 'node:timers/promises'
import type { Administrator } from './administration.ts'
import { noOrigin } from './audit/event.ts'
import type { AuditLog } from './audit/sink.ts'
import { StorageUnavailableError } from './errors.ts'
import type { ServerCore } from './server.ts'
import type { PurgeKind } from './storage/records.ts'

const day = 86_400_000

/**
 * How long rows stay after they have lost their meaning, in milliseconds. A day covers clocks that differ, the hour in which a form may be
 * sent again that began a transaction, and the grace of a refresh token.
 */
export const keptFor: Readonly<Record<PurgeKind, number>> = {
  tokens: day,
  codes: day,
  grants: day,
  transactions: day,
  sessions: day,
  // That nobody has used.
  clients: 7 * day
}

/** Tokens go before their grants. */
export const purgeKinds: readonly PurgeKind[] = ['tokens', 'codes', 'grants', 'transactions', 'sessions', 'clients']

/** How many rows a transaction removes. */
const batch = 500

/** How many rows of each kind were removed. */
export type PurgeCounts = Record<PurgeKind, number>

export interface PurgeOptions {
  now: Date
  by: Administrator
  /** @default purgeKinds */
  kinds?: readonly PurgeKind[]
  /** In milliseconds. @default what `keptFor` says */
  unusedFor?: number
  /** Told of how many so far, after each batch; waited for. @returns false to go no further */
  onBatch?: (counts: PurgeCounts) => unknown
}

const nothing: PurgeCounts = { tokens: 0, codes: 0, grants: 0, transactions: 0, sessions: 0, clients: 0 }

/**
 * Removes what no rule needs any more, batch by batch. In all of a fleet, one process is at it at a time.
 *
 * @returns undefined where another process is at it, and this one has stopped
 * @throws {StorageUnavailableError}
 */
export async function purge ({ audit, storage }: ServerCore, options: PurgeOptions): Promise<PurgeCounts | undefined> {
  const { now, by, kinds = purgeKinds, unusedFor = keptFor.clients, onBatch } = options
  const counts = { ...nothing }
  try {
    for (const kind of kinds) {
      const before = new Date(now.getTime() - (kind === 'clients' ? unusedFor : keptFor[kind]))
      for (let isMore = true; isMore;) {
        const removed = await storage.purge(kind, before, batch)
        if (removed === undefined) return undefined
        counts[kind] += removed
        isMore = removed === batch
        if (removed > 0 && await onBatch?.(counts) === false) return counts
      }
    }
  } finally {
    if (counts.clients > 0) audit.record({ type: 'client.removed', ...by, reason: 'nobody used them', details: { count: counts.clients } })
  }
  return counts
}

/** In milliseconds. With nothing to remove, it is six look-ups. */
const everyTenMinutes = 600_000

/** Between two batches, so that whoever else writes is not kept waiting. */
const pause = 50

const itself: Administrator = { actor: { type: 'server' }, ...noOrigin }

export interface Housekeeping {
  /** Waits for the batch that is under way. */
  stop (): Promise<void>
}

/**
 * Removes what has had its time, again and again. It keeps no process alive, and what fails is tried again the next time.
 *
 * @param interval in milliseconds, on average
 */
export function startHousekeeping (server: ServerCore, log: AuditLog, interval = everyTenMinutes): Housekeeping {
  let timer: NodeJS.Timeout
  let run: Promise<void> | undefined
  let isStopped = false

  async function tidy (): Promise<void> {
    try {
      const removed = await purge(server, {
        now: new Date(),
        by: itself,
        onBatch: async () => {
          await sleep(pause)
          return !isStopped
        }
      })
      if (removed !== undefined && Object.values(removed).some(count => count > 0)) log.info({ removed }, 'what had had its time was removed')
    } catch (error) {
      log.error({ err: error }, error instanceof StorageUnavailableError ? 'housekeeping waits: the storage is unavailable' : 'housekeeping failed')
    }
  }

  function schedule (): void {
    // Not all processes of a fleet at once.
    timer = setTimeout(() => {
      run = tidy().finally(() => {
        if (!isStopped) schedule()
      })
    }, interval * (0.5 + Math.random())).unref()
  }

  schedule()
  return {
    stop: async () => {
      isStopped = true
      clearTimeout(timer)
      await run
    }
  }
}
