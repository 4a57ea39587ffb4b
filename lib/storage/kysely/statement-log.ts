import type { CompiledQuery, KyselyPlugin } from 'kysely'
import type { Database } from './tables.ts'

/** Where statements are told. */
export interface StatementLog { debug (object: object, message: string): void }

/** The same database, whose statements are logged as they are sent. Their parameters are not looked at. */
export function withStatementLog (db: Database, log: StatementLog): Database {
  const executor = db.getExecutor()
  const plugin: KyselyPlugin = {
    transformQuery ({ node, queryId }) {
      log.debug({ sql: executor.compileQuery(node, queryId).sql }, 'a statement to the database')
      return node
    },
    async transformResult ({ result }) { return result }
  }
  const logged = db.withPlugin(plugin)
  // No plugin is shown what is compiled already.
  return Object.assign(logged, {
    executeQuery: async (query: CompiledQuery) => {
      log.debug({ sql: query.sql }, 'a statement to the database')
      return await logged.getExecutor().executeQuery(query)
    }
  }) as Database
}
