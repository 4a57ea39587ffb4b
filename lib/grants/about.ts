import type { AuditOrigin } from '../audit/event.ts'
import type { Grant } from '../storage/records.ts'

/** Whose request is answered. */
export interface GrantRequest {
  readonly origin: AuditOrigin
  /** Is told which grant it turns out to be about, before that is judged. */
  concerns (grantId: string): void
}

/** What an event of the audit trail says about the grant that it is about. */
export function about ({ id, userId, clientId }: Pick<Grant, 'id' | 'userId' | 'clientId'>): { grantId: string, userId: string, clientId: string } {
  return { grantId: id, userId, clientId }
}
