import type { AuditEvent } from './event.ts'

/** An event as its seal covers it. */
export function columnsOf (sequence: number, event: AuditEvent): readonly unknown[] {
  const { actor } = event
  return [
    sequence, event.type, event.at.getTime(), actor.type, actor.id, actor.email, event.userId, event.clientId, event.grantId, event.tokenId,
    event.outcome, event.reason, event.requestId, event.address, event.userAgent, event.details
  ]
}
