import { InvalidArgumentError, Option, type Command } from 'commander'
import { parseAnchor } from '../../audit/opening.ts'
import { isCursor, queryAuditTrail } from '../../audit/query.ts'
import { summaryOf } from '../../audit/summary.ts'
import { verifyAuditTrail, type AuditFinding } from '../../audit/verify.ts'
import type { AuditRecord } from '../../storage/audit.ts'
import { addAuditFilter, auditQueryOf, type AuditFilterOptions } from '../audit-filter.ts'
import { exportAudit } from '../export-audit.ts'
import { positive } from '../options.ts'
import { second, table, tell, type Columns } from '../output.ts'
import { Progress } from '../progress.ts'
import type { Action, CommandGroup } from '../program.ts'
import { RefusedError } from '../terminal.ts'

const columns: Columns<AuditRecord> = [
  ['TIME', ({ at }) => second(at)],
  ['EVENT', ({ type }) => type],
  ['WHO', ({ actor }) => actor.type === 'user' ? actor.email ?? actor.id : [actor.type, actor.email ?? actor.id ?? ''].join(' ')],
  ['OUTCOME', ({ outcome, reason }) => reason === null ? outcome : `${outcome}: ${reason}`],
  ['WHAT', event => summaryOf(event) || null],
  ['ABOUT', ({ userId, actor }) => userId === actor.id ? null : userId],
  ['CLIENT', ({ clientId }) => clientId],
  ['ADDRESS', ({ address }) => address]
]

const findingColumns: Columns<AuditFinding> = [
  ['FINDING', ({ kind }) => kind],
  ['WRITER', ({ writer }) => writer],
  ['FROM', ({ first }) => String(first)],
  ['TO', ({ last }) => String(last)],
  ['MEANS', ({ message }) => message]
]

const mostListed = 1000

function listed (given: string): number {
  const limit = positive(given)
  if (limit > mostListed) throw new InvalidArgumentError(`It may be ${mostListed} at most; audit export has no limit.`)
  return limit
}

function cursor (given: string): string {
  if (!isCursor(given)) throw new InvalidArgumentError('It must be what the list before said.')
  return given
}

function chainEnd (given: string, others: string[] = []): string[] {
  if (parseAnchor(given) === undefined) throw new InvalidArgumentError('It must be writer:sequence:mac, as the log or audit verify --json has them.')
  return [...others, given]
}

function listCommand (audit: Command, action: Action): void {
  addAuditFilter(audit.command('list')
    .description('List what happened, the latest first. It needs nothing but the database.'))
    .addOption(new Option('--limit <number>', `print so many at most, up to ${mostListed}`).argParser(listed).default(100))
    .option('--after <cursor>', 'go on where the list before ended', cursor)
    .addHelpText('after', '\nExamples:\n  $ npx fastify-mcp-oauth audit list --user ann@example.com --since 24h\n  $ npx fastify-mcp-oauth audit list --type sign-in.refused --type token.replayed')
    .action(action(async (context, { limit, after, ...filter }: AuditFilterOptions & { limit: number, after?: string }) => {
      const storage = await context.storage()
      const page = await queryAuditTrail(storage, { ...await auditQueryOf(storage, filter), limit, after })
      context.answer({ events: page.events, after: page.after ?? null }, page.events.length === 0 ? 'There is nothing.\n' : table(page.events, columns))
      if (page.after !== undefined) tell(context.terminal, `There are more: add --after ${page.after}`)
    }))
}

function verifyCommand (audit: Command, action: Action): void {
  audit.command('verify')
    .description('Tell whether anybody has changed what happened. It reads all of it, changes nothing, and exits with 1 where something is found.')
    .addOption(new Option('--head <writer:sequence:mac>', 'where a chain ended, from a log that is kept elsewhere; may be given several times').argParser(chainEnd))
    .addHelpText('after', `
JWT_SECRET is the server's. After a rotation, JWT_SECRET_PREVIOUS has to hold every secret that events were sealed under.

Findings:
  changed     an event, a seal, a head or a checkpoint is not as it was written
  removed     events are missing in the middle, or at the start
  cut         the last events are missing, or all of a process
  added       events that were never sealed
  unverified  the secret that they were sealed under is not given

Example:
  $ npx fastify-mcp-oauth audit verify`)
    .action(action(async (context, { head = [] }: { head?: string[] }) => {
      const keys = context.auditKeys()
      const storage = await context.storage()
      const progress = new Progress(context.terminal)
      const found = await verifyAuditTrail(storage, keys, head, events => { progress.tell(`verified: ${events}`) }).finally(() => { progress.end() })
      const { intact, events, chains, findings } = found
      context.answer(found, intact ? `Intact. Events: ${events}. Chains: ${chains}.\n` : table(findings, findingColumns))
      if (findings.some(({ kind }) => kind === 'unverified')) tell(context.terminal, 'unverified: JWT_SECRET is not the server\'s, or JWT_SECRET_PREVIOUS lacks one that it had')
      if (!intact) throw new RefusedError(`the audit trail does not hold; findings: ${findings.length}, events: ${events}`)
    }))
}

function exportCommand (audit: Command, action: Action): void {
  addAuditFilter(audit.command('export')
    .description('Print every event as JSON, one a line, the latest first. However many there are, it takes the memory of a thousand.'))
    .option('--output <file>', 'into a new file that only you can read')
    .addHelpText('after', '\nExample:\n  $ npx fastify-mcp-oauth audit export --since 2026-11-01 --until 2026-12-01 --output november.ndjson')
    .action(action(async (context, { output, ...filter }: AuditFilterOptions & { output?: string }) => {
      const storage = await context.storage()
      const events = await exportAudit(storage, await auditQueryOf(storage, filter), context.terminal, output)
      if (output !== undefined) context.answer({ events }, `Exported: ${events}.\n`)
      else if (events !== undefined) tell(context.terminal, `Exported: ${events}.`)
    }))
}

export const auditCommands: CommandGroup = (program, action) => {
  const audit = program.command('audit').description('What happened, who did it, and whether anybody has changed that since.')
  listCommand(audit, action)
  verifyCommand(audit, action)
  exportCommand(audit, action)
}
