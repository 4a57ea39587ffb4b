import { accessEvent, accessText, type AccessFacts } from './access-record.ts'
import { columnsOf } from './columns.ts'
import type { AuditEvent } from './event.ts'

/** An event on its way to the storage: any, or one of those that there is one of for every request. */
export type Recorded = AuditEvent | AccessFacts

function isAccess (recorded: Recorded): recorded is AccessFacts {
  return 'subject' in recorded
}

export function recordedEvent (recorded: Recorded): AuditEvent {
  return isAccess(recorded) ? accessEvent(recorded) : recorded
}

/** Consecutive events as their seal covers them. */
export function textOf (first: number, events: readonly Recorded[]): string {
  const rows = events.map((event, index) => isAccess(event) ? accessText(first + index, event) : JSON.stringify(columnsOf(first + index, event)))
  return `[${rows.join(',')}]`
}
