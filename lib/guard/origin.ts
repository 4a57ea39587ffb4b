import type { FastifyRequest } from 'fastify'
import type { AuditOrigin } from '../audit/event.ts'

/** A Unix socket has none, nor has one that is closed. */
export function addressOf ({ ip }: { ip?: string }): string | null {
  return ip ?? null
}

/** Where a request comes from, for the audit trail. */
export function originOf (request: FastifyRequest): AuditOrigin {
  return { requestId: String(request.id), address: addressOf(request), userAgent: request.headers['user-agent'] ?? null }
}
