import { setImmediate as endOfTurn } from 'node:timers/promises'
import { CompiledQuery, sql } from 'kysely'
import { inOneStatement } from './in-transaction.ts'
import type { ClientRow, CodeRow, Database, GrantRow, TokenRow } from './tables.ts'
import type { ListedRow } from './users.ts'

/** What every question about a code or a token asks along: one query, so that its parts fit each other. */
export interface GrantRecordRow { granted: GrantRow, client: ClientRow, user: ListedRow | null }

type Find<Row> = (key: string) => Promise<Row | undefined>

/** Whether it was done, in one statement. */
type Do = (...parameters: unknown[]) => Promise<boolean>

/** How rows are found by their keys, and what the functions of `migrations/hot-paths.ts` do. */
export interface HotPaths {
  readonly findClient: Find<ClientRow>
  readonly findToken: Find<GrantRecordRow & { token: TokenRow }>
  readonly findCode: Find<GrantRecordRow & { code: CodeRow }>
  readonly redeemCode: Do
  readonly rotateToken: Do
}

/** How many keys one statement asks for. Of records, that takes PostgreSQL about two milliseconds. */
const maxBatchSize = 50

/** The keys that one statement will ask for, and what it will have found. */
interface Batch<Row> { keys: Set<string>, rows: Promise<ReadonlyMap<string, Row>> }

/**
 * What is asked for in one turn of the event loop is one statement: a busy server asks for all who wait at once, which takes about half as long for
 * each, and where there is one alone, it waits for nobody. Nothing is kept. A key that PostgreSQL's text can not hold is nobody's, and spoils nothing for
 * the others.
 */
function together<Row> (find: (keys: readonly string[]) => Promise<ReadonlyMap<string, Row>>): Find<Row> {
  let next: Batch<Row> | undefined
  const begin = () => {
    const keys = new Set<string>()
    const rows = endOfTurn().then(async () => {
      if (next === batch) next = undefined
      return await find([...keys])
    })
    const batch = { keys, rows }
    return batch
  }
  return async (key) => {
    if (key.includes('\0')) return undefined
    if (next === undefined || next.keys.size >= maxBatchSize) next = begin()
    next.keys.add(key)
    return (await next.rows).get(key)
  }
}

/**
 * Written once for all: a query that is built anew each time takes as long to build as to answer.
 *
 * @param schema where the tables are, and with them the functions; undefined for the search path.
 */
export function hotPathsIn (db: Database, schema: string | undefined): HotPaths {
  const named = (name: string) => schema === undefined ? sql.id(name) : sql.id(schema, name)
  // With their types: of several functions of one name it is ours then, whoever made the others.
  const call = (name: string, ...types: string[]) => sql`SELECT ${named(name)}(${sql.join(types.map((type) => sql`${null}::${sql.raw(type)}`))}) AS answer`.compile(db).sql
  const findRecords = <Row>(name: string) => {
    const one = call(name, 'text')
    const several = sql`SELECT key, ${named(name)}(key) AS answer FROM unnest(${null}::text[]) AS key`.compile(db).sql
    return together<Row>(async (keys) => {
      const [first = '', ...others] = keys
      // One by itself takes PostgreSQL a fifth less.
      const rows = others.length > 0 ? await query<{ key: string, answer: Row | null }>(db, several, keys) : [{ key: first, answer: await ask<Row>(db, one, first) }]
      return new Map(rows.flatMap(({ key, answer }) => answer === null ? [] : [[key, answer]]))
    })
  }
  const does = (name: string, ...types: string[]): Do => {
    const statement = call(name, ...types)
    return async (...parameters) => await inOneStatement(db, async (db) => await ask<boolean>(db, statement, ...parameters)) === true
  }
  const clients = db.selectFrom('oauth_clients').selectAll().where(sql<boolean>`client_id = ANY(${null}::text[])`).compile().sql
  return {
    findClient: together(async (keys) => {
      const rows = await query<ClientRow>(db, clients, keys)
      return new Map(rows.map((row) => [row.client_id, row]))
    }),
    findToken: findRecords('oauth_token_record'),
    findCode: findRecords('oauth_code_record'),
    redeemCode: does('oauth_redeem_code', 'text', 'timestamptz', 'json'),
    rotateToken: does('oauth_rotate_token', 'text', 'timestamptz', 'json', 'text')
  }
}

async function query<Row> (db: Database, statement: string, ...parameters: unknown[]): Promise<Row[]> {
  const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(statement, parameters))
  return rows
}

/** @returns what the function has returned */
async function ask<T> (db: Database, call: string, ...parameters: unknown[]): Promise<T | null> {
  const [row] = await query<{ answer: T | null }>(db, call, ...parameters)
  return row?.answer ?? null
}
