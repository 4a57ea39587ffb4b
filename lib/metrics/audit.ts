import type { Library } from './registry.ts'

/** What became of the events of the audit trail since this process started. */
export interface AuditCounts {
  /** Their INSERT has committed. */
  readonly stored: number
  /** Given up. */
  readonly dropped: number
  /** Not stored yet. */
  readonly waiting: number
}

/** The audit trail's own numbers, read at each scrape. */
export function auditMetrics ({ Counter, Gauge }: Pick<Library, 'Counter' | 'Gauge'>, counts: () => AuditCounts): object[] {
  const registers: [] = []
  return [
    new Counter({
      name: 'oauth_audit_stored_total',
      help: 'Audit events that are stored',
      registers,
      collect () {
        this.reset()
        this.inc(counts().stored)
      }
    }),
    new Counter({
      name: 'oauth_audit_dropped_total',
      help: 'Audit events that were given up: too many waited, or the storage was down when the app closed',
      registers,
      collect () {
        this.reset()
        this.inc(counts().dropped)
      }
    }),
    new Gauge({
      name: 'oauth_audit_queue_length',
      help: 'Audit events that wait to be stored',
      registers,
      collect () { this.set(counts().waiting) }
    })
  ]
}
