import { rmSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StorageUnavailableError } from 'fastify-mcp-oauth'
import { KyselyStorage, migrateToLatest, storageFromEnv } from 'fastify-mcp-oauth/kysely'
import { Kysely, type Dialect } from 'kysely'
import { createTables, type Database } from './schema.ts'

/** Where everything is kept that no `DATABASE_URL` takes care of. */
export const dataDirectory = join('data', 'restaurant')

/** The database can't be used; the message says what to do. */
export class DatabaseError extends Error {}

/** Whether this is a deployment, as the image says: nothing that is for trying out may be in it. */
export function isDeployed (env: NodeJS.ProcessEnv): boolean {
  return env.NODE_ENV === 'production'
}

/** The restaurant's tables, and where the plugin keeps its own. */
export interface Databases { db: Kysely<Database>, storage: KyselyStorage }

/** PostgreSQL where there is a URL, else PGlite: a PostgreSQL inside this process. It is not reached before it is used. */
export async function openDatabase (env: NodeJS.ProcessEnv): Promise<Databases> {
  if (env.DATABASE_URL) return await storageFromEnv(env)
  if (isDeployed(env)) throw new DatabaseError('DATABASE_URL: is not set; it is the URL of your PostgreSQL, as in postgres://user:password@host:5432/database')
  const db = new Kysely<Database>({ dialect: await embedded() })
  return { db, storage: new KyselyStorage(db) }
}

/** Creates what is missing. Several processes may do so at once. @returns the names of the plugin's migrations that this call ran */
export async function prepareDatabase (db: Kysely<Database>): Promise<string[]> {
  const migrations = await migrateToLatest(db).catch((error: unknown) => {
    if (!(error instanceof StorageUnavailableError)) throw error
    throw new DatabaseError('DATABASE_URL: there is no usable PostgreSQL at this address, start it or correct the address', { cause: error })
  })
  await createTables(db)
  return migrations
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
