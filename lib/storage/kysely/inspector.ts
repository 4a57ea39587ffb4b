import { sql, type Kysely, type RawBuilder } from 'kysely'
import { encodingOf } from './dialect.ts'
import { answerOf, errorCode } from './failures.ts'
import { migrations } from './migrations/index.ts'
import { columns, functions, indexes, triggers } from './migrations/outcome.ts'
import type { KyselyStorageOptions } from './storage.ts'

const tables = Object.keys(columns)

/** An index as it is in the database. */
interface FoundIndex {
  table: string
  name: string
  /** As in `outcome.ts`. */
  definition: string
  isValid: boolean
}

/** Looks at a database, and changes nothing in it. What it can't ask, each method throws as the storage does. */
export class DatabaseInspector {
  readonly #db: Kysely<any>
  readonly #schema: string | undefined

  constructor (db: Kysely<any>, { schema }: KyselyStorageOptions = {}) {
    this.#db = db.withoutPlugins()
    this.#schema = schema
  }

  /** As in `180001` for 18.1. */
  async serverVersion (): Promise<number> {
    const [row] = await this.#rows<{ version: string }>(sql`SELECT current_setting('server_version_num') AS version`)
    return Number(row?.version)
  }

  /** As in `UTF8`. */
  async encoding (): Promise<string> {
    return await answerOf(encodingOf(this.#db))
  }

  /** What time the database thinks that it is. */
  async time (): Promise<Date> {
    const [row] = await this.#rows<{ time: string }>(sql`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS time`)
    return new Date(Number(row?.time))
  }

  /** Whether it takes changes: a standby does not, and some hosts lock a database that is full. */
  async isWritable (): Promise<boolean> {
    const [row] = await this.#rows<{ setting: string }>(sql`SELECT current_setting('transaction_read_only') AS setting`)
    return row?.setting === 'off'
  }

  /** The names of the migrations that have not run. */
  async missingMigrations (): Promise<string[]> {
    const recorded = await this.#rows<{ name: string }>(sql`SELECT name FROM ${this.#reference('oauth_migrations')}`).catch((error: unknown) => {
      // undefined_table: none has.
      if (errorCode(error) === '42P01') return []
      throw error
    })
    const done = new Set(recorded.map(({ name }) => name))
    return Object.keys(migrations).filter(name => !done.has(name))
  }

  /** Tables and columns of this version that are not there: `table` or `table.column`. */
  async missingColumns (): Promise<string[]> {
    const found = await this.#rows<{ table: string, column: string }>(sql`
      SELECT ours.name AS "table", a.attname AS "column" FROM (${this.#located()}) ours
      JOIN pg_attribute a ON a.attrelid = ours.oid AND a.attnum > 0 AND NOT a.attisdropped`)
    const present = new Set(found.flatMap(({ table, column }) => [table, `${table}.${column}`]))
    return Object.entries(columns).flatMap(([table, names]) =>
      present.has(table) ? names.map(name => `${table}.${name}`).filter(name => !present.has(name)) : [table])
  }

  /** Indexes of this version that are not there, as in `oauth_tokens (expires_at)`, and names of those that are there and not valid. */
  async indexes (): Promise<{ missing: string[], invalid: string[] }> {
    const found = await this.#rows<FoundIndex>(sql`
      SELECT ours.name AS "table", c.relname AS name, i.indisvalid AS "isValid",
        CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || substring(pg_get_indexdef(c.oid) FROM ' USING btree (.*)$') AS definition
      FROM (${this.#located()}) ours JOIN pg_index i ON i.indrelid = ours.oid JOIN pg_class c ON c.oid = i.indexrelid`)
    const isThere = (table: string, definition: string) => found.some(index => index.table === table && index.definition === definition)
    return {
      missing: Object.entries(indexes).flatMap(([table, definitions]) =>
        definitions.filter(definition => !isThere(table, definition)).map(definition => `${table} ${definition}`)),
      invalid: found.filter(({ isValid }) => !isValid).map(({ name }) => name)
    }
  }

  /** Functions of this version that are not there, and triggers, as in `oauth_tell_user on user_profiles`, that are not there or switched off. */
  async missingRoutines (): Promise<string[]> {
    const prefix = this.#schema ?? null
    const absent = await this.#rows<{ name: string }>(sql`
      SELECT name FROM unnest(${[...functions]}::text[]) name
      WHERE to_regprocedure(CASE WHEN ${prefix}::text IS NULL THEN name ELSE quote_ident(${prefix}::text) || '.' || name END) IS NULL ORDER BY 1`)
    const found = await this.#rows<{ table: string, name: string }>(sql`
      SELECT ours.name AS "table", t.tgname AS name FROM (${this.#located()}) ours JOIN pg_trigger t ON t.tgrelid = ours.oid AND t.tgenabled <> 'D'`)
    const present = new Set(found.map(({ table, name }) => `${name} on ${table}`))
    const wanted = Object.entries(triggers).flatMap(([table, names]) => names.map(name => `${name} on ${table}`))
    return [...absent.map(({ name }) => name), ...wanted.filter(trigger => !present.has(trigger))]
  }

  /** What the role that is connected may not do and has to, as in `DELETE on oauth_tokens`. */
  async missingPrivileges (): Promise<string[]> {
    const rows = await this.#rows<{ privilege: string, name: string }>(sql`
      WITH ours AS (${this.#located()})
      SELECT privilege, ours.name FROM ours CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) privilege
      WHERE NOT has_table_privilege(ours.oid, privilege) AND (ours.name <> 'oauth_migrations' OR privilege = 'SELECT')
      UNION ALL
      SELECT 'USAGE', s.relname FROM ours
      JOIN pg_depend d ON d.refobjid = ours.oid AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_class'::regclass AND d.deptype = 'a'
      JOIN pg_class s ON s.oid = d.objid
      WHERE NOT CASE WHEN s.relkind = 'S' THEN has_sequence_privilege(s.oid, 'USAGE, UPDATE') ELSE true END
      ORDER BY 2, 1`)
    return rows.map(({ privilege, name }) => `${privilege} on ${name}`)
  }

  /** Whether anybody may sign in. */
  async hasActiveUser (): Promise<boolean> {
    const [row] = await this.#rows<{ found: boolean }>(sql`SELECT EXISTS (SELECT FROM ${this.#reference('user_profiles')} WHERE status = 'active') AS found`)
    return row?.found === true
  }

  async #rows<Row> (statement: RawBuilder<unknown>): Promise<Row[]> {
    const { rows } = await answerOf(sql<Row>`${statement}`.execute(this.#db))
    return rows
  }

  /** The tables that are there, found in the way that every statement finds them. */
  #located (): RawBuilder<unknown> {
    const prefix = this.#schema ?? null
    return sql`
      SELECT name, oid FROM (
        SELECT name, to_regclass(CASE WHEN ${prefix}::text IS NULL THEN quote_ident(name) ELSE format('%I.%I', ${prefix}::text, name) END)::oid AS oid
        FROM unnest(${tables}::text[]) name
      ) named WHERE oid IS NOT NULL`
  }

  #reference (table: string): RawBuilder<unknown> {
    return this.#schema === undefined ? sql.id(table) : sql.id(this.#schema, table)
  }
}
