import type { FastifyRequest } from 'fastify'
import type { AuditEvent } from '../audit/event.ts'
import { flowIdOf } from '../guard/flow-log.ts'
import { originOf } from '../guard/origin.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Transaction } from '../storage/records.ts'

interface SignInEvent extends Pick<AuditEvent, 'outcome'> {
  type: 'sign-in.allowed' | 'sign-in.failed' | 'sign-in.refused'
  reason?: string
  /** As the provider gave it. */
  email?: string | undefined
  userId?: string
}

/** Tells the audit trail how a sign-in ended. */
export function recordSignIn (
  server: AuthorizationServer, request: FastifyRequest, transaction: Transaction, { email, ...event }: SignInEvent
): void {
  const { kind, provider } = transaction
  const flow = kind === 'authorize' ? { clientId: transaction.clientId, grantId: flowIdOf(transaction.consentHash) } : {}
  const actor = email === undefined ? { type: 'anonymous' } as const : { type: 'user', id: event.userId ?? null, email } as const
  server.audit.record({ ...event, actor, ...flow, ...originOf(request), details: { kind, provider } })
}
