import type { AuditKeys } from '../keys/key-ring.ts'
import type { AuditChain, AuditStorage } from '../storage/audit.ts'
import type { AuditEntry } from './event.ts'
import { AuditTamperedError, purgeStep, type AuditPurge } from './purge.ts'
import type { AuditLog } from './sink.ts'

/** What is needed to remove old events. */
export interface Housekeeping {
  readonly storage: AuditStorage
  readonly keys: AuditKeys
  /** In seconds. */
  readonly retention: number
  readonly log: AuditLog
  readonly record: (entry: AuditEntry) => void
}

async function purgeChain ({ storage, keys }: Housekeeping, chain: AuditChain, before: Date): Promise<AuditPurge | undefined> {
  let purged: AuditPurge | undefined
  let current: AuditChain | undefined = chain
  while (current !== undefined) {
    const step = await purgeStep(storage, keys, current, before)
    if (step === undefined) break
    purged = purged === undefined ? step : { ...step, first: purged.first, verified: purged.verified && step.verified }
    current = (await storage.listAuditChains()).find(({ writer }) => writer === chain.writer)
  }
  return purged
}

/**
 * Removes the events of all chains that are older than the retention, a step at a time. Any number of processes may be about it at once.
 *
 * @returns how many
 * @throws {StorageUnavailableError}
 */
export async function purgeAudit (housekeeping: Housekeeping, now: Date): Promise<number> {
  const { storage, retention, log, record } = housekeeping
  const before = new Date(now.getTime() - retention * 1000)
  let removed = 0
  for (const chain of await storage.listAuditChains()) {
    try {
      const purged = await purgeChain(housekeeping, chain, before)
      if (purged === undefined) continue
      removed += purged.last - purged.first + 1
      record({ type: 'audit.purged', actor: { type: 'server' }, reason: 'their time is over', details: { ...purged } })
    } catch (error) {
      if (!(error instanceof AuditTamperedError)) throw error
      log.error({ err: error, writer: chain.writer }, 'old audit events are kept: something was changed by hand')
    }
  }
  return removed
}
