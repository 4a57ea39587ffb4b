import type { AuditFilter, AuditPosition, AuditRecord, AuditStorage } from '../storage/audit.ts'
import type { AuditEventType } from './event.ts'

/** What to look for: all that is given has to fit. */
export interface AuditQuery {
  /** Whom it is about. */
  userId?: string | undefined
  clientId?: string | undefined
  /** One of these. */
  type?: AuditEventType | readonly AuditEventType[] | undefined
  since?: Date | undefined
  /** Not itself. */
  until?: Date | undefined
  /** Where the page before ended. One that is none is a `TypeError`. */
  after?: string | undefined
  /**
   * 1 to 1000.
   *
   * @default 100
   */
  limit?: number | undefined
}

export interface AuditPage {
  /** The latest first. */
  readonly events: readonly AuditRecord[]
  /** For the next page; undefined where this is the last one. */
  readonly after: string | undefined
}

function formatCursor ({ at, writer, sequence }: AuditPosition): string {
  return Buffer.from(JSON.stringify([at.getTime(), writer, sequence])).toString('base64url')
}

function parseCursor (cursor: string): AuditPosition | undefined {
  const [, time = '', writer = '', sequence = ''] = /^\[(\d{1,15}),"([\w-]{1,64})",(\d{1,15})\]$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  return writer === '' ? undefined : { at: new Date(Number(time)), writer, sequence: Number(sequence) }
}

/** Whether a page can have ended there. Whoever makes one up sees a page that begins elsewhere, and nothing more. */
export function isCursor (text: string): boolean {
  return parseCursor(text) !== undefined
}

function checkedDate (name: string, date: Date | undefined): Date | undefined {
  if (date !== undefined && Number.isNaN(date.getTime())) throw new TypeError(`${name} is not a date`)
  return date
}

function filterOf ({ userId, clientId, type, since, until, after, limit = 100 }: AuditQuery): AuditFilter {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) throw new TypeError('limit must be a whole number from 1 to 1000')
  const before = after === undefined ? undefined : parseCursor(after)
  if (after !== undefined && before === undefined) throw new TypeError('after is not what a page of the audit trail ended with')
  return {
    userId,
    clientId,
    types: type === undefined ? undefined : [type].flat(),
    since: checkedDate('since', since),
    until: checkedDate('until', until),
    before,
    limit
  }
}

/** @throws {TypeError} where the query can't be one. */
export async function queryAuditTrail (storage: AuditStorage, query: AuditQuery): Promise<AuditPage> {
  const filter = filterOf(query)
  // One more than asked for tells whether there is a next page.
  const found = await storage.queryAudit({ ...filter, limit: filter.limit + 1 })
  const events = found.slice(0, filter.limit)
  const last = events.at(-1)
  return { events, after: last === undefined || found.length === events.length ? undefined : formatCursor(last) }
}
