import { sql, type Kysely } from 'kysely'
import { InvalidOptionError } from '../../../errors.ts'
import { guideColumns, guideTables, ownTables, takeOver } from './initial-tables.ts'

/** Creates the guide's tables or takes over those that are there, and puts ours beside them. */
export async function up (db: Kysely<any>): Promise<void> {
  const present = await presentColumns(db)
  if (present.size > 0) requireGuideTables(present)
  const statements = present.size > 0 ? [takeOver, ownTables] : [guideTables, takeOver, ownTables]
  for (const statement of statements.flat()) await sql.raw(statement).execute(db)
}

/** As `table.column`, of all tables that have the guide's names. */
async function presentColumns (db: Kysely<any>): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ column: string }>`
    SELECT table_name || '.' || column_name AS "column" FROM information_schema.columns
    WHERE table_schema = current_schema() AND table_name IN ('user_profiles', 'oauth_clients', 'oauth_tokens')`.execute(db)
  return new Set(rows.map((row) => row.column))
}

function requireGuideTables (present: ReadonlySet<string>): void {
  const missing = guideColumns.filter((column) => !present.has(column))
  if (missing.length === 0) return
  throw new InvalidOptionError('database',
    `tables of these names are there but lack ${missing.join(', ')}; if they are another application's, use a schema of its own: ` +
    'migrateToLatest(db, { schema }) and new KyselyStorage(db, { schema })')
}
