import { CamelCasePlugin, sql } from 'kysely'
import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { createDatabase, execute } from '../fixtures/postgres.ts'
import { checkContract, connect, empty } from '../fixtures/storage.ts'

// In a schema of its own, behind an application's plugins.

t.setTimeout(120_000)

const url = await createDatabase(t)
await execute(url, 'CREATE SCHEMA auth')
const app = connect(t, url).withPlugin(new CamelCasePlugin())
await migrateToLatest(app, { schema: 'auth' })
const inside = connect(t, url, { options: '-c search_path=auth' })

await checkContract(t, async () => {
  await empty(inside)
  return new KyselyStorage(app, { schema: 'auth' })
})

t.test('nothing of it is anywhere else', async (t) => {
  const { rows } = await sql`SELECT table_schema FROM information_schema.tables
    WHERE table_name LIKE 'oauth_%' OR table_name = 'user_profiles' GROUP BY table_schema`.execute(app)
  t.same(rows, [{ tableSchema: 'auth' }])
})
