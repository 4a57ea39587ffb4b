export type * from './records/clients.ts'
export type * from './records/grants.ts'
export type * from './records/sign-ins.ts'
export type * from './records/signing-keys.ts'
export type * from './records/users.ts'

/** A page of a list. */
export interface PageRequest {
  /** Only what has this in its name, e-mail or id, in whatever case. */
  search?: string
  /** How many to pass over. @default 0 */
  offset?: number
  limit: number
}

/** How many there are. */
export interface Living {
  /** Those that are neither revoked nor expired. */
  grants: number
  /** Those that are not deactivated. */
  clients: number
}

/**
 * What leaves in time. A row goes when no rule needs it any more:
 * - `tokens`: that have expired. A refresh token that was used stays until then: that it comes back ends its grant. With a grant's last
 *   token goes the grant, and its code with it.
 * - `codes`: that have expired and were never used, with their grants. A used one stays with its grant: that it comes back ends the grant.
 * - `grants`: that have expired and have no token left, with their codes. A revoked one stays as long as its tokens.
 * - `transactions`: that have expired, used or not: until then, and as long as a form may be sent, none is begun twice.
 * - `sessions`: that have expired.
 * - `clients`: that registered themselves, got no grant since, and are active: a deactivated one must not come back by registering
 *   once more.
 */
export type PurgeKind = 'tokens' | 'codes' | 'grants' | 'transactions' | 'sessions' | 'clients'
