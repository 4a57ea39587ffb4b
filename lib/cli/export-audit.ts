import { open, unlink, type FileHandle } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { queryAuditTrail, type AuditQuery } from '../audit/query.ts'
import type { AuditStorage } from '../storage/audit.ts'
import { jsonLine } from './output.ts'
import { Progress } from './progress.ts'
import { MisuseError, type Terminal } from './terminal.ts'

/** How many events are in memory at once. */
const pageSize = 1000

/** A line for each event, a page at a time. */
async function * linesOf (storage: AuditStorage, query: AuditQuery, onPage: (events: number) => void): AsyncGenerator<string> {
  let after: string | undefined
  let exported = 0
  do {
    const page = await queryAuditTrail(storage, { ...query, limit: pageSize, after })
    yield page.events.map(jsonLine).join('')
    exported += page.events.length
    onPage(exported)
    after = page.after
  } while (after !== undefined)
}

async function create (file: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx', 0o600)
  } catch (error) {
    const { code }: { code?: unknown } = Object(error)
    const why = code === 'EEXIST' ? 'is there already' : `can not be made (${String(code)})`
    throw new MisuseError(`${file} ${why}; name a new file`, { cause: error })
  }
}

/**
 * Writes events as JSON, one a line, the latest first, as fast as they are taken.
 *
 * @param output the file to make; stdout where it is undefined
 * @returns how many were written; undefined where whoever reads had enough, as in a pipe to head
 */
export async function exportAudit (storage: AuditStorage, query: AuditQuery, terminal: Terminal, output: string | undefined): Promise<number | undefined> {
  const progress = new Progress(terminal)
  let exported = 0
  const lines = Readable.from(linesOf(storage, query, events => {
    exported = events
    // Not between the events themselves.
    if (output !== undefined || terminal.stdout.isTTY !== true) progress.tell(`exported: ${events}`)
  }), { highWaterMark: 1 })
  const written = output === undefined ? pipeline(lines, terminal.stdout, { end: false }) : toFile(lines, resolve(terminal.cwd, output))
  return await written.then(() => exported, (error: unknown) => {
    const { code }: { code?: unknown } = Object(error)
    if (code === 'EPIPE') return undefined
    throw error
  }).finally(() => { progress.end() })
}

/** What is not whole is not left behind. */
async function toFile (lines: Readable, file: string): Promise<void> {
  const handle = await create(file)
  try {
    await pipeline(lines, handle.createWriteStream())
  } catch (error) {
    await unlink(file)
    throw error
  }
}
