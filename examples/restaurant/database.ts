import { rmSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely, PostgresDialect, type Dialect } from 'kysely'
import { createTables, type Database } from './schema.ts'

/** Where everything is kept that no `DATABASE_URL` takes care of. */
export const dataDirectory = join('data', 'restaurant')

/** The database can't be used; the message says what to do. */
export class DatabaseError extends Error {}

/** PostgreSQL where there is a URL, else PGlite: a PostgreSQL inside this process. */
export async function openDatabase (databaseUrl: string | undefined): Promise<Kysely<Database>> {
  if (!databaseUrl) {
    const db = new Kysely<Database>({ dialect: await embedded() })
    await createTables(db)
    return db
  }
  const db = new Kysely<Database>({ dialect: await postgres(databaseUrl) })
  await createTables(db).catch((error: unknown) => {
    throw new DatabaseError('DATABASE_URL: there is no usable PostgreSQL at this address, start it or correct the address', { cause: error })
  })
  return db
}

async function postgres (connectionString: string): Promise<Dialect> {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 5000 })
  // Without listeners, a database that restarts would end this process. Whoever was using the connection is told by its query.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return new PostgresDialect({ pool })
}

async function embedded (): Promise<Dialect> {
  const [{ PGlite }, { PGliteDialect }] = await Promise.all([import('@electric-sql/pglite'), import('kysely-pglite-dialect')])
  const directory = join(dataDirectory, 'pglite')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await occupy(join(dataDirectory, 'pid'))
  return new PGliteDialect(await PGlite.create(directory))
}

/** PGlite does not notice a second process in its directory, and one of the two would lose what it writes. */
async function occupy (file: string): Promise<void> {
  const owner = Number(await readFile(file, 'utf8').catch(() => '0'))
  if (owner !== process.pid && isRunning(owner)) {
    throw new DatabaseError(`${dataDirectory} is in use by process ${owner}: stop that, or remove ${file} if it is another program`)
  }
  await writeFile(file, String(process.pid))
  process.once('exit', () => rmSync(file, { force: true }))
}

function isRunning (pid: number): boolean {
  if (pid === 0) return false
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
