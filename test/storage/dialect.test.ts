import { createRequire } from 'node:module'
import { DummyDriver, Kysely, MysqlAdapter, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, SqliteAdapter, type DialectAdapter } from 'kysely'
import t from 'tap'
import { InvalidOptionError } from '../../lib/errors.ts'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'

const require = createRequire(import.meta.url)

function kyselyOver (adapter: DialectAdapter): Kysely<any> {
  return new Kysely<any>({
    dialect: {
      createAdapter: () => adapter,
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler()
    }
  })
}

for (const adapter of [new SqliteAdapter(), new MysqlAdapter()]) {
  t.test(`${adapter.constructor.name} is refused, with what to use`, async (t) => {
    const db = kyselyOver(adapter)
    for (const use of [() => new KyselyStorage(db), () => migrateToLatest(db)]) {
      t.throws(use, new InvalidOptionError('storage', `${adapter.constructor.name} is not supported; use Kysely's PostgresDialect or a PGlite dialect`))
    }
  })
}

t.test('what is built on PostgreSQL\'s adapter is fine, on another copy of Kysely\'s too', async (t) => {
  class Derived extends PostgresAdapter {}
  class Elsewhere extends require('kysely').PostgresAdapter {}
  const elsewhere = new Elsewhere()
  t.notOk(elsewhere instanceof PostgresAdapter)
  for (const adapter of [new PostgresAdapter(), new Derived(), elsewhere]) t.doesNotThrow(() => new KyselyStorage(kyselyOver(adapter)))
})
