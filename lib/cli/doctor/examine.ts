import { setTimeout as sleep } from 'node:timers/promises'
import { InvalidOptionError, StorageUnavailableError } from '../../errors.ts'
import { ProviderError } from '../../providers/types.ts'
import { MisuseError } from '../terminal.ts'
import { NotCheckedError, ProblemError, problem, skipped, type Check, type Finding, type Verdict } from './finding.ts'

/** For each check, in milliseconds. */
const patience = 20_000

/** What to do about a network that does not, by what Node calls it. */
const remedies: ReadonlyArray<readonly [reason: RegExp, advice: string]> = [
  [/ENOTFOUND|EAI_AGAIN/, 'There is no such name: correct it, or its DNS entry.'],
  [/ECONNREFUSED/, 'Nothing listens there: start it, or correct host and port.'],
  [/CERT|LEAF_SIGNATURE|ERR_TLS|ERR_SSL|EPROTO/, 'Give it a certificate of a public authority for this very name, with the whole chain, and renew it in time.'],
  [/Timeout|TIMEDOUT|UNREACH/, 'Something in between lets nothing pass: look at firewalls, security groups and the proxy.']
]

/** A network's error without the code is told by its cause. */
function messageOf (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error instanceof ProviderError && error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

function adviceOn (error: unknown, message: string): string {
  if (error instanceof ProblemError) return error.advice
  if (error instanceof InvalidOptionError || error instanceof MisuseError) return 'Correct that; docs/configuration.md has what each setting takes.'
  const [, remedy] = remedies.find(([reason]) => reason.test(message)) ?? []
  if (error instanceof StorageUnavailableError) return `${remedy ?? 'Look at the log of the database.'} DATABASE_URL is where it is looked for.`
  return remedy ?? 'Look at the log of whatever answers there.'
}

async function within<T> (limit: number, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = sleep(limit, undefined, { signal: timer.signal }).then(() => { throw new Error(`Timeout: no answer within ${limit / 1000} seconds`) })
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}

async function verdictOf ({ look }: Check, limit: number): Promise<Verdict> {
  try {
    return await within(limit, look())
  } catch (error) {
    const message = messageOf(error)
    return error instanceof NotCheckedError ? skipped(message) : problem(message, adviceOn(error, message))
  }
}

async function inOrder (checks: readonly Check[], limit: number): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const check of checks) findings.push({ check: check.name, ...await verdictOf(check, limit) })
  return findings
}

/** Looks at everything: the groups side by side, and whatever one check finds, the others are done too. */
export async function examine (groups: ReadonlyArray<readonly Check[]>, limit = patience): Promise<Finding[]> {
  return (await Promise.all(groups.map(async checks => await inOrder(checks, limit)))).flat()
}
