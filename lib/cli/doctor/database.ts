import type { Environment } from '../../env-values.ts'
import { KeyRing } from '../../keys/key-ring.ts'
import { canOpen } from '../../keys/key-store.ts'
import type { DatabaseInspector } from '../../storage/kysely/inspector.ts'
import type { Context } from '../context.ts'
import { compareClocks, timed } from './clock.ts'
import { requireVariable, secretsOf } from './configuration.ts'
import { ok, problem, shared, skipped, warning, type Check, type Verdict } from './finding.ts'

/** The oldest that is supported, as PostgreSQL numbers itself. */
const oldest = 120_000

/** For a statement, in milliseconds. */
const patience = 8000

const migrate = 'Run npx fastify-mcp-oauth migrate'

/** More than a few are not worth reading. */
function listed (names: readonly string[]): string {
  const rest = names.length - 5
  return names.slice(0, 5).join(', ') + (rest > 0 ? ` and ${rest} more` : '')
}

async function writable (inspector: DatabaseInspector): Promise<Verdict> {
  if (await inspector.isWritable()) return ok('it can be reached, and takes changes')
  return problem('it takes no changes', 'Connect to the primary, not to a standby; a host that locks the database says why in its console.')
}

function version (number: number): Verdict {
  const name = `PostgreSQL ${Math.floor(number / 10_000)}.${number % 10_000}`
  return number >= oldest ? ok(name) : problem(`${name} is too old`, 'Upgrade to PostgreSQL 12 or later.')
}

async function encoding (inspector: DatabaseInspector): Promise<Verdict> {
  const name = await inspector.encoding()
  if (name === 'UTF8') return ok('UTF8')
  return problem(`${name} can not hold every text, and the server does not start on it`, "Move to a database that was made with ENCODING 'UTF8' TEMPLATE template0.")
}

async function migrations (inspector: DatabaseInspector): Promise<Verdict> {
  const missing = await inspector.missingMigrations()
  return missing.length === 0 ? ok('all have run') : problem(`${listed(missing)}: not run`, `${migrate}, before this version of the server starts.`)
}

async function tables (inspector: DatabaseInspector): Promise<Verdict> {
  const missing = await inspector.missingColumns()
  if (missing.length === 0) return ok('all tables and columns are there')
  return problem(`${listed(missing)}: missing`, `${migrate}. Where all migrations have run, somebody took it away: restore it from a backup. Tables in a schema of their own: --schema.`)
}

async function indexes (inspector: DatabaseInspector): Promise<Verdict> {
  const { missing, invalid } = await inspector.indexes()
  if (invalid.length > 0) return problem(`${listed(invalid)}: not valid`, `As its owner, run: ${invalid.map(name => `REINDEX INDEX ${name};`).join(' ')}`)
  if (missing.length === 0) return ok('all are there, and valid')
  return problem(`${listed(missing)}: missing`, `${migrate}. Where all migrations have run, make each again with CREATE INDEX CONCURRENTLY, or CREATE UNIQUE INDEX CONCURRENTLY.`)
}

async function routines (inspector: DatabaseInspector): Promise<Verdict> {
  const missing = await inspector.missingRoutines()
  if (missing.length === 0) return ok('all are there')
  return problem(`${listed(missing)}: missing, or switched off`,
    `${migrate}. Where all migrations have run: ALTER TABLE … ENABLE TRIGGER for a trigger that is switched off; what somebody took away, restore from a backup.`)
}

async function privileges (inspector: DatabaseInspector): Promise<Verdict> {
  const missing = await inspector.missingPrivileges()
  if (missing.length === 0) return ok('the role may do what the server does')
  return problem(`the role lacks ${listed(missing)}`,
    'As the owner of the tables, GRANT SELECT, INSERT, UPDATE and DELETE on each of them, and USAGE on their sequences, to the role in DATABASE_URL.')
}

async function whitelist (inspector: DatabaseInspector): Promise<Verdict> {
  if (await inspector.hasActiveUser()) return ok('somebody is on it')
  return warning('nobody is on it, so that nobody gets in', 'Run npx fastify-mcp-oauth users add you@example.com, or set DEFAULT_ADMIN_EMAIL before the first start.')
}

/** The database of `DATABASE_URL`, by the role that the server has. Nothing in it is changed. */
export function databaseChecks (context: Context, env: Environment): Check[] {
  const database = shared('the database can not be looked into', async () => {
    requireVariable(env, 'DATABASE_URL', 'a database inside the server, or a storage of your own, can not be looked into from here')
    const opened = await context.database(patience)
    return { ...opened, version: await opened.inspector.serverVersion() }
  })
  const secrets = shared('there is no usable JWT_SECRET to open them with', async () => secretsOf(env))
  const about = (name: string, look: (inspector: DatabaseInspector) => Promise<Verdict>): Check =>
    ({ name, look: async () => await look((await database.need()).inspector) })

  async function signingKeys (): Promise<Verdict> {
    const { storage } = await database.need()
    const ring = new KeyRing(await secrets.need())
    const keys = await storage.listSigningKeys()
    if (keys.length === 0) return skipped('there are none yet: the server makes them at its first start')
    const shut = keys.filter(key => !canOpen(ring, key)).map(({ id }) => id)
    if (shut.length === 0) return ok('JWT_SECRET opens them')
    return problem(`JWT_SECRET does not open ${listed(shut)}`, 'Use the secret that the server has; where that was changed, put the one before into JWT_SECRET_PREVIOUS (docs/keys.md).')
  }

  return [
    { name: 'database', look: async () => await writable((await database.find()).inspector) },
    { name: 'database-version', look: async () => version((await database.need()).version) },
    about('database-encoding', encoding),
    about('database-clock', async inspector => {
      const { time, ...span } = await timed(async () => ({ time: await inspector.time() }))
      return compareClocks('the database', time, span)
    }),
    about('migrations', migrations),
    about('tables', tables),
    about('indexes', indexes),
    about('routines', routines),
    about('privileges', privileges),
    { name: 'signing-keys', look: signingKeys },
    about('whitelist', whitelist)
  ]
}
