import { bounded, boundedDetails, copied } from './bounds.ts'

/** What the trail tells of, by name. `docs/audit.md` says when each is written. */
export const auditEventTypes = [
  'access', 'access.answered', 'audit.dropped', 'audit.purged', 'audit.started', 'client.changed', 'client.created', 'client.refused',
  'client.registered', 'client.removed', 'code.issued', 'code.replayed', 'consent.allowed', 'consent.denied',
  'grant.revoked', 'key.rotated', 'session.ended', 'session.started', 'sign-in.allowed', 'sign-in.failed', 'sign-in.refused', 'token.issued',
  'token.refreshed', 'token.refused', 'token.replayed', 'token.revoked', 'user.added', 'user.changed', 'user.removed', 'user.unpinned'
] as const

export type AuditEventType = typeof auditEventTypes[number]

export function isAuditEventType (name: string): name is AuditEventType {
  return auditEventTypes.some(type => type === name)
}

/**
 * - `user`: someone who signed in, or tried to.
 * - `administrator`: someone on the whitelist who may change it, on the pages.
 * - `operator`: whoever runs the server, by its code (`id` is `api`) or by the command line (`command line`).
 * - `client`: a client by itself, as at the token endpoint.
 * - `anonymous`: someone who has not said who they are.
 * - `server`: nobody asked for it; it was due.
 */
export type AuditActorType = 'user' | 'administrator' | 'operator' | 'client' | 'anonymous' | 'server'

/** Who did it. */
export interface AuditActor {
  readonly type: AuditActorType
  /** @default null nobody knows */
  readonly id?: string | null
  /** @default null */
  readonly email?: string | null
}

/** Where a request came from. */
export interface AuditOrigin {
  readonly requestId: string | null
  /** IPv4 or IPv6, as the app sees it: behind a proxy that is what `trustProxy` makes of it. */
  readonly address: string | null
  readonly userAgent: string | null
}

/** Nowhere: no request brought it about. */
export const noOrigin: AuditOrigin = Object.freeze({ requestId: null, address: null, userAgent: null })

/**
 * - `success`: it was done.
 * - `refused`: it was not allowed.
 * - `failed`: it was allowed, and went wrong.
 */
export type AuditOutcome = 'success' | 'refused' | 'failed'

export type AuditDetail = string | number | boolean | null | readonly string[]

/** What happened. Never a token, code, secret or argument, whatever the caller passes on: only what is named here, and in bounds. */
export interface AuditEvent extends AuditOrigin {
  readonly type: AuditEventType
  readonly at: Date
  readonly actor: Readonly<Required<AuditActor>>
  /** Whom it is about. */
  readonly userId: string | null
  readonly clientId: string | null
  readonly grantId: string | null
  /** The `jti`. */
  readonly tokenId: string | null
  readonly outcome: AuditOutcome
  /** Why it was refused or failed, in fixed words. */
  readonly reason: string | null
  /** What else there is to say: sixteen members at most. */
  readonly details: Readonly<Record<string, AuditDetail>>
}

/** An event as whoever saw it tells it: what is absent is null, it was a success, and it is now. */
export interface AuditEntry extends Partial<Omit<AuditEvent, 'actor'>> {
  readonly type: AuditEventType
  readonly actor: AuditActor
}

/**
 * Completes an entry and cuts what is too long, so that a row has an upper bound whatever a request brings. What waits to be stored keeps no
 * more of the request in memory: a string that is a piece of another one keeps all of that, so all but those of the most frequent event,
 * which are none, are copied.
 */
export function eventOf (entry: AuditEntry): AuditEvent {
  const { actor } = entry
  const text = entry.type === 'access' ? bounded : copied
  return {
    type: entry.type,
    at: entry.at ?? new Date(),
    actor: { type: actor.type, id: text(actor.id, 255), email: text(actor.email, 320) },
    userId: text(entry.userId, 255),
    // It may be a metadata document's URL.
    clientId: text(entry.clientId, 512),
    grantId: text(entry.grantId, 255),
    tokenId: text(entry.tokenId, 255),
    outcome: entry.outcome ?? 'success',
    reason: text(entry.reason, 255),
    requestId: text(entry.requestId, 128),
    address: text(entry.address, 64),
    userAgent: text(entry.userAgent, 256),
    details: boundedDetails(entry.details, text)
  }
}
