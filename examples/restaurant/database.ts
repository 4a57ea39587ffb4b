import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Kysely, PostgresDialect, type Dialect } from 'kysely'
import { createTables, type Database } from './schema.ts'

/** Where everything is kept that no `DATABASE_URL` takes care of. */
export const dataDirectory = join('data', 'restaurant')

/** PostgreSQL where there is a URL, else PGlite: a PostgreSQL inside this process, for one process at a time. */
export async function openDatabase (databaseUrl: string | undefined): Promise<Kysely<Database>> {
  const db = new Kysely<Database>({ dialect: await (databaseUrl ? postgres(databaseUrl) : embedded()) })
  await createTables(db)
  return db
}

async function postgres (connectionString: string): Promise<Dialect> {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 5000 })
  // Without a listener, a database that restarts would end this process; the pool replaces lost connections by itself.
  pool.on('error', (error) => console.error(`DATABASE_URL: lost a connection (${error.message})`))
  return new PostgresDialect({ pool })
}

async function embedded (): Promise<Dialect> {
  const [{ PGlite }, { PGliteDialect }] = await Promise.all([import('@electric-sql/pglite'), import('kysely-pglite-dialect')])
  const directory = join(dataDirectory, 'pglite')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  return new PGliteDialect(await PGlite.create(directory))
}
