import { Option, InvalidArgumentError, type Command } from 'commander'
import { auditEventTypes, isAuditEventType, type AuditEventType } from '../audit/event.ts'
import { parseMoment } from '../audit/moment.ts'
import type { AuditQuery } from '../audit/query.ts'
import { normalizeEmail } from '../oauth/email.ts'
import type { OAuthStorage } from '../storage/types.ts'
import { findUser } from './find-user.ts'

/** Which events are meant, as it is typed. */
export interface AuditFilterOptions {
  user?: string
  client?: string
  type?: AuditEventType[]
  since?: Date
  until?: Date
}

/** In milliseconds. */
const units: ReadonlyMap<string, number> = new Map([['m', 60_000], ['h', 3_600_000], ['d', 86_400_000], ['w', 604_800_000]])

/** A day, a time, or how long ago. */
export function moment (given: string): Date {
  const [, count = '', name = ''] = /^(\d{1,5})([mhdw])$/.exec(given) ?? []
  const unit = units.get(name)
  const date = unit === undefined ? parseMoment(given) : new Date(Date.now() - Number(count) * unit)
  if (date === undefined) throw new InvalidArgumentError('It must be a day or time as in 2026-11-25 or 2026-11-25T09:30Z, or how long ago: 90m, 24h, 7d, 2w.')
  return date
}

function eventType (given: string, others: AuditEventType[] = []): AuditEventType[] {
  if (!isAuditEventType(given)) throw new InvalidArgumentError(`There are these: ${auditEventTypes.join(', ')}.`)
  return [...others, given]
}

/** Gives a command the options that say which events are meant. */
export function addAuditFilter (command: Command): Command {
  return command
    .option('--user <user>', 'only those about this e-mail or user id; somebody who was removed, by the id')
    .option('--client <id>', 'only those about this client')
    .addOption(new Option('--type <type>', 'only those of this type, such as access or user.changed; may be given several times').argParser(eventType))
    .option('--since <when>', 'a day or time in UTC, as in 2026-11-25 or 2026-11-25T09:30Z, or how long ago: 90m, 24h, 7d, 2w', moment)
    .option('--until <when>', 'up to there, without it; in the same ways', moment)
}

/**
 * What is asked for.
 *
 * @throws {RefusedError} where an e-mail is not on the whitelist.
 */
export async function auditQueryOf (storage: OAuthStorage, { user, client, type, since, until }: AuditFilterOptions): Promise<AuditQuery> {
  // An id may be that of somebody who is not there any more.
  const userId = user === undefined || normalizeEmail(user) === undefined ? user : (await findUser(storage, user)).id
  return { userId, clientId: client, type, since, until }
}
