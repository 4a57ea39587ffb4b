import { CompiledQuery, sql } from 'kysely'
import { inOneStatement } from './in-transaction.ts'
import type { Database } from './tables.ts'

/** How a client is read, and how the functions of `migrations/hot-paths.ts` are called. */
export type HotPaths = Readonly<Record<'findClient' | 'findToken' | 'findCode' | 'redeemCode' | 'rotateToken', string>>

/**
 * Written once for all: a query that is built anew each time takes as long to build as to answer.
 *
 * @param schema where the tables are, and with them the functions; undefined for the search path.
 */
export function hotPathsIn (db: Database, schema: string | undefined): HotPaths {
  // With their types: of several functions of one name it is ours then, whoever made the others.
  const call = (name: string, ...types: string[]) => {
    const called = schema === undefined ? sql.id(name) : sql.id(schema, name)
    return sql`SELECT ${called}(${sql.join(types.map((type) => sql`${null}::${sql.raw(type)}`))}) AS answer`.compile(db).sql
  }
  return {
    findClient: db.selectFrom('oauth_clients').selectAll().where('client_id', '=', '').compile().sql,
    findToken: call('oauth_token_record', 'text'),
    findCode: call('oauth_code_record', 'text'),
    redeemCode: call('oauth_redeem_code', 'text', 'timestamptz', 'json'),
    rotateToken: call('oauth_rotate_token', 'text', 'timestamptz', 'json', 'text')
  }
}

/** @returns what the function has returned; undefined for null. */
export async function ask<T> (db: Database, call: string, ...parameters: unknown[]): Promise<T | undefined> {
  const { rows: [row] } = await db.executeQuery<{ answer: T | null }>(CompiledQuery.raw(call, parameters))
  return row?.answer ?? undefined
}

/** Whether the function has done it. */
export async function isDone (db: Database, call: string, ...parameters: unknown[]): Promise<boolean> {
  return await inOneStatement(db, async (db) => await ask<boolean>(db, call, ...parameters)) === true
}
