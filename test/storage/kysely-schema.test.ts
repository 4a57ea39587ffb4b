import { randomBytes } from 'node:crypto'
import { CamelCasePlugin, sql } from 'kysely'
import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { redeemed } from '../../lib/testing/contract/fixtures.ts'
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

t.test('whoever migrated, the tables are found where they are: by the search path of another role too', async (t) => {
  const own = await createDatabase(t)
  const names = ['owner', 'server'].map((name) => `${name}_${randomBytes(6).toString('hex')}`)
  const [owner = '', server = ''] = names
  await execute(own,
    ...names.map((name) => `CREATE ROLE ${name} LOGIN`),
    `CREATE SCHEMA ${owner} AUTHORIZATION ${owner}`,
    `ALTER ROLE ${server} SET search_path = ${owner}`,
    `GRANT USAGE ON SCHEMA ${owner} TO ${server}`,
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${server}`,
    `ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT USAGE ON SEQUENCES TO ${server}`)
  t.teardown(() => execute(own, ...names.flatMap((name) => [`DROP OWNED BY ${name} CASCADE`, `DROP ROLE ${name}`])))
  const as = (name: string) => connect(t, own.replace('postgres@', `${name}@`), { max: 2 })
  await migrateToLatest(as(owner))
  const storage = new KyselyStorage(as(server))
  const { accessToken } = await redeemed(storage)
  t.match(await storage.findToken(accessToken.id), { token: { id: accessToken.id } })
})

t.test('a schema may have any name', async (t) => {
  const own = await createDatabase(t)
  const schema = 'we"ird, \'name'
  await execute(own, 'CREATE SCHEMA "we""ird, \'name"')
  const db = connect(t, own)
  await migrateToLatest(db, { schema })
  const storage = new KyselyStorage(db, { schema })
  const { accessToken } = await redeemed(storage)
  t.match(await storage.findToken(accessToken.id), { token: { id: accessToken.id } })
})
