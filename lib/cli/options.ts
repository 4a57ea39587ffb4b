import { InvalidArgumentError, Option } from 'commander'
import { normalizeEmail } from '../oauth/email.ts'
import { tell } from './output.ts'
import type { Terminal } from './terminal.ts'

/** One plain address, as it is stored. */
export function email (given: string): string {
  const address = normalizeEmail(given)
  if (address === undefined) throw new InvalidArgumentError('It is not one plain e-mail address.')
  return address
}

/** A whole number from 1. */
export function positive (given: string): number {
  if (!/^[1-9]\d{0,8}$/.test(given)) throw new InvalidArgumentError('It must be a whole number from 1.')
  return Number(given)
}

export interface Limited { limit: number }

export function limitOption (): Option {
  return new Option('--limit <number>', 'print so many at most').argParser(positive).default(1000)
}

/** Does without asking. */
export function yesOption (): Option {
  return new Option('-y, --yes', 'do not ask')
}

/** A page of a list; whoever reads is told where there is more. */
export async function firstOf<Row> (terminal: Terminal, limit: number, read: (limit: number) => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const rows = await read(limit + 1)
  if (rows.length > limit) tell(terminal, `There are more than these ${limit}: add --limit ${limit * 10}, or a word to search for.`)
  return rows.slice(0, limit)
}
