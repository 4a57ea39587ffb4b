import { isAuditEventType } from '../../audit/event.ts'
import { parseMoment } from '../../audit/moment.ts'
import { normalizeEmail } from '../../oauth/email.ts'
import { parameter, type Parameters } from '../../oauth/parameters.ts'
import type { AdminTrail, TrailFilter } from '../../pages/admin/trail.ts'
import type { AuthorizationServer } from '../../server.ts'
import { badFilter, readTrail, startOf } from '../trail.ts'

/** In milliseconds. */
const day = 86_400_000

/** Longer than any id: one may be a URL. */
const longest = 512

function given (query: Parameters, name: string): string {
  const value = parameter(query, name)?.trim() ?? ''
  if (value.length > longest) throw badFilter()
  return value
}

/** When a day begins, or ends. */
function dayOf (text: string, end: boolean): Date | undefined {
  if (text === '') return undefined
  const date = text.length === 10 ? parseMoment(text) : undefined
  if (date === undefined) throw badFilter()
  return end ? new Date(date.getTime() + day) : date
}

/** Whom an administrator means. An id may be that of somebody who is not there any more. @returns undefined where nobody can tell */
async function userIdOf ({ storage }: AuthorizationServer, text: string): Promise<string | undefined> {
  if (normalizeEmail(text) === undefined) return text
  const [user, ...twins] = await storage.listUsers(text)
  return twins.length > 0 ? undefined : user?.id
}

/**
 * What an administrator looks for.
 *
 * @throws {PageError} where that can't be.
 */
export async function findTrail (server: AuthorizationServer, query: Parameters): Promise<AdminTrail> {
  const filter: TrailFilter = { user: given(query, 'user'), client: given(query, 'client'), type: given(query, 'type'), from: given(query, 'from'), until: given(query, 'until') }
  const { user, client, type } = filter
  if (type !== '' && !isAuditEventType(type)) throw badFilter()
  const [since, until] = [dayOf(filter.from, false), dayOf(filter.until, true)]
  const userId = user === '' ? undefined : await userIdOf(server, user)
  if (user !== '' && userId === undefined) return { filter, trail: undefined }
  const trail = await readTrail(server, startOf(query), { userId, clientId: client || undefined, type: type || undefined, since, until })
  return { filter, trail }
}
