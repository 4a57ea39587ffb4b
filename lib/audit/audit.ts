import { StorageUnavailableError } from '../errors.ts'
import type { AuditKeys } from '../keys/key-ring.ts'
import type { AuditStorage } from '../storage/audit.ts'
import type { AccessMode, ResolvedAudit } from './check-audit.ts'
import { accessEvent, type AccessFacts } from './access-record.ts'
import { eventOf, type AuditEntry, type AuditEvent } from './event.ts'
import { purgeAudit } from './housekeeping.ts'
import { openingOf } from './opening.ts'
import { queryAuditTrail, type AuditPage, type AuditQuery } from './query.ts'
import { SinkFeed, type AuditLog } from './sink.ts'
import { verifyAuditTrail, type AuditVerification } from './verify.ts'
import { AuditWriter, type AuditCounts } from './writer.ts'

/** The audit trail, as an operator asks about it. */
export interface AuditTrail {
  /**
   * What happened, the latest first. What this process has seen is stored before.
   *
   * @throws {TypeError} where the query can't be one.
   */
  query (query?: AuditQuery): Promise<AuditPage>
  /**
   * Whether the trail is as it was written.
   *
   * @param seen ends of chains that were kept elsewhere, as `writer:sequence:mac`
   */
  verify (seen?: readonly string[]): Promise<AuditVerification>
  /** What became of the events of this process: `generated` = `stored` + `dropped` + `waiting`. */
  readonly counts: AuditCounts
}

/** Takes what happens. */
export interface Audit extends AuditTrail {
  /** What is told of requests to protected routes. */
  readonly access: AccessMode
  /** Never throws, and never makes a request wait. */
  record (entry: AuditEntry): void
  /** The same of a request to a protected route. */
  recordAccess (facts: AccessFacts): void
  /** The same for a request that may not go on before that is stored. @throws {StorageUnavailableError} */
  commitAccess (facts: AccessFacts): Promise<void>
  /** Removes what is older than the retention. @returns how many events */
  purge (now: Date): Promise<number>
  /** From now on, old events leave by themselves. */
  start (): void
  /** Waits until what was recorded has arrived, a few seconds at most. */
  close (): Promise<void>
}

/** In milliseconds, on average. */
const housekeepingInterval = 3_600_000

const none: AuditCounts = { generated: 0, stored: 0, dropped: 0, waiting: 0 }

/** Not all processes of a fleet at once. */
function soon (): number {
  return housekeepingInterval * (0.5 + Math.random())
}

/** @param options undefined where nothing is to be recorded; what was recorded before can still be asked for */
export function createAudit (options: ResolvedAudit | undefined, storage: AuditStorage, keys: AuditKeys, log: AuditLog): Audit {
  const trail = {
    query: async (query: AuditQuery = {}) => await queryAuditTrail(storage, query),
    verify: async (seen?: readonly string[]) => await verifyAuditTrail(storage, keys, seen)
  }
  if (options === undefined) {
    return { ...trail, counts: none, access: false, record: () => {}, recordAccess: () => {}, commitAccess: async () => {}, purge: async () => 0, start: () => {}, close: async () => {} }
  }
  const { access, retention, sink } = options
  const writer = new AuditWriter({ storage, key: keys.auditKey, log, opening: async () => await openingOf(storage) })
  const feed = sink === undefined ? undefined : new SinkFeed(sink, log)
  let timer: NodeJS.Timeout | undefined

  function event (entry: AuditEntry): AuditEvent {
    const made = eventOf(entry)
    feed?.push(made)
    return made
  }

  const audit: Audit = {
    query: async query => {
      await writer.flush()
      return await trail.query(query)
    },
    verify: async seen => {
      await writer.flush()
      return await trail.verify(seen)
    },
    get counts () { return writer.counts },
    access,
    record (entry) {
      try {
        writer.push(event(entry))
      } catch (error) {
        log.error({ err: error, type: entry.type }, 'an event could not be recorded')
      }
    },
    recordAccess (facts) {
      feed?.push(accessEvent(facts))
      writer.push(facts)
    },
    async commitAccess (facts) {
      feed?.push(accessEvent(facts))
      await writer.commit(facts)
    },
    purge: async now => await purgeAudit({ storage, keys, retention, log, record: audit.record }, now),
    start () {
      timer = setTimeout(() => {
        writer.logHead()
        audit.purge(new Date()).catch((error: unknown) => {
          log.error({ err: error }, error instanceof StorageUnavailableError ? 'old audit events stay for now: the storage is unavailable' : 'old audit events could not be removed')
        }).finally(() => { audit.start() })
      }, soon()).unref()
    },
    async close () {
      clearTimeout(timer)
      await Promise.all([writer.close(), feed?.close()])
    }
  }
  return audit
}
