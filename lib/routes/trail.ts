import type { AuditEvent } from '../audit/event.ts'
import { isCursor, type AuditQuery } from '../audit/query.ts'
import { parameter, type Parameters } from '../oauth/parameters.ts'
import type { TrailContent } from '../pages/trail.ts'
import type { AuthorizationServer } from '../server.ts'
import type { User } from '../storage/records.ts'
import { foldEmail } from '../storage/sign-in.ts'
import { PageError } from './page-error.ts'

/** How many events a page has. */
const pageSize = 50

export function badFilter (): PageError {
  return new PageError('badFilter', 'A filter is not one that there can be', { code: 'invalid_request' })
}

/** Where a page begins. @throws {PageError} where none does. */
export function startOf (query: Parameters): string | undefined {
  const start = parameter(query, 'after')
  if (start !== undefined && !isCursor(start)) throw badFilter()
  return start
}

/**
 * A page of what happened.
 *
 * @param start where the page begins; undefined for the first one
 */
export async function readTrail (
  { audit, storage }: AuthorizationServer, start: string | undefined, filter: Omit<AuditQuery, 'after' | 'limit'>
): Promise<TrailContent> {
  const { events, after } = await audit.query({ ...filter, after: start, limit: pageSize })
  const ids = new Set(events.flatMap(({ clientId }) => clientId ?? []))
  const clients = await Promise.all([...ids].map(async id => await storage.findClient(id)))
  return { events, after, isFirst: start === undefined, clientNames: new Map(clients.flatMap(client => client === undefined ? [] : [[client.id, client.name]])) }
}

/** Whether an event says that its row was, or may have been, somebody else's until then. */
function isOfFormerHolder ({ type, actor, details }: AuditEvent, email: string): boolean {
  if (type === 'user.unpinned') return true
  if (type === 'user.changed') return details['email'] !== undefined
  return actor.type === 'user' && foldEmail(String(actor.email)) !== email
}

/**
 * From when on a row is surely the person's who is signed in: a row may be given to somebody else, and what the clients of that one did
 * goes on until their next request. So it is their own first sign-in after the last event that was, or may have been, another's.
 */
async function heldSince ({ audit }: AuthorizationServer, { id, email }: User): Promise<Date | undefined> {
  const { events, after } = await audit.query({ userId: id, type: ['user.unpinned', 'user.changed', 'sign-in.allowed', 'session.started'], limit: 1000 })
  const last = events.findIndex(event => isOfFormerHolder(event, foldEmail(email)))
  if (last === -1 && after === undefined) return undefined
  const own = events.slice(0, last === -1 ? undefined : last).findLast(({ actor }) => actor.type === 'user')
  return own?.at ?? new Date()
}

/** A page of what happened in somebody's own name. @throws {PageError} where there can be no such page. */
export async function readOwnTrail (server: AuthorizationServer, query: Parameters, user: User): Promise<TrailContent> {
  const start = startOf(query)
  const trail = await readTrail(server, start, { userId: user.id, since: await heldSince(server, user) })
  // Of an address that was changed in the database, only its events tell.
  return { ...trail, events: trail.events.filter(event => !isOfFormerHolder(event, foldEmail(user.email))) }
}
