import { CamelCasePlugin, Migrator, type Kysely } from 'kysely'
import t from 'tap'
import { InvalidOptionError, StorageUnavailableError } from '../../lib/errors.ts'
import { KyselyStorage, migrateToLatest, migrations } from '../../lib/storage/kysely/index.ts'
import { guideInserts } from '../fixtures/guide-schema.ts'
import { createDatabase, execute } from '../fixtures/postgres.ts'
import { connect } from '../fixtures/storage.ts'

t.setTimeout(120_000)

const names = Object.keys(migrations)

async function tablesOf (url: string): Promise<unknown> {
  return execute(url, 'SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns ' +
    "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2, 3")
}

function runKyselysOwn (db: Kysely<any>) {
  return new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest()
}

const foreign = {
  'another application\'s user_profiles': 'CREATE TABLE user_profiles (id serial PRIMARY KEY, user_id text, email text, bio text)',
  'tables that are there in part': 'CREATE TABLE oauth_tokens (id serial, token_id text, client_id text, user_id text, token_type text, ' +
    'expires_at timestamptz, active boolean)'
}

t.test('a database that does not hold every text stops the migration and the start', async (t) => {
  const url = await createDatabase(t, { encoding: 'LATIN1' })
  const db = connect(t, url)
  const refusal = { name: 'InvalidOptionError', option: 'database', message: /^database: it is in LATIN1, .* ENCODING 'UTF8'/ }
  await t.rejects(migrateToLatest(db), refusal)
  await t.rejects(new KyselyStorage(db).prepare(), refusal)
  t.same(await tablesOf(url), [])
})

for (const [what, statement] of Object.entries(foreign)) {
  t.test(`${what}: the migration stops and leaves the database as it is`, async (t) => {
    const url = await createDatabase(t)
    await execute(url, statement, ...(what.startsWith('another') ? ['INSERT INTO user_profiles (bio) VALUES (\'mine\')'] : []))
    const before = await tablesOf(url)
    const db = connect(t, url)
    const error = await migrateToLatest(db).catch((refusal: unknown) => refusal)
    t.ok(error instanceof InvalidOptionError)
    t.match(error, { option: 'database', message: /lack .*user_profiles\.status.*schema/ })
    t.same(await tablesOf(url), before)
    await t.rejects(runKyselysOwn(db).then((result) => { throw result.error }), InvalidOptionError)
  })
}

t.test('a database that is not migrated: prepare says what to do, and then it is ready', async (t) => {
  const url = await createDatabase(t)
  const db = connect(t, url)
  const storage = new KyselyStorage(db)
  const error = await storage.prepare().catch((refusal: unknown) => refusal)
  t.ok(error instanceof InvalidOptionError)
  t.match(error, { option: 'storage', message: /migrateToLatest\(db\) before the start$/ })
  t.same(await migrateToLatest(db), names)
  await t.resolves(storage.prepare())
  await execute(url, 'DELETE FROM oauth_migrations')
  await t.rejects(storage.prepare(), InvalidOptionError)
})

t.test('a second run has nothing to do', async (t) => {
  const db = connect(t, await createDatabase(t))
  t.same(await migrateToLatest(db), names)
  t.same(await migrateToLatest(db), [])
})

t.test('of several replicas that start at once, one migrates and the others find it done', async (t) => {
  const url = await createDatabase(t)
  const replicas = Array.from({ length: 5 }, () => connect(t, url))
  const runs = await Promise.all(replicas.map((db) => migrateToLatest(db)))
  t.same(runs.flat(), names)
  await Promise.all(replicas.map((db) => t.resolves(new KyselyStorage(db).prepare())))
})

t.test('the application\'s own Migrator may run them, in either order', async (t) => {
  const first = connect(t, await createDatabase(t))
  t.equal((await runKyselysOwn(first)).error, undefined)
  await t.resolves(new KyselyStorage(first).prepare())
  t.same(await migrateToLatest(first), [])

  const second = connect(t, await createDatabase(t))
  await migrateToLatest(second)
  t.equal((await runKyselysOwn(second)).error, undefined)
  await t.resolves(new KyselyStorage(second).prepare())
})

t.test('a schema that does not exist is refused', async (t) => {
  const db = connect(t, await createDatabase(t))
  const error = await migrateToLatest(db, { schema: 'nowhere' }).catch((refusal: unknown) => refusal)
  t.ok(error instanceof InvalidOptionError)
  t.match(error, { option: 'schema', message: /nowhere/ })
  await t.rejects(new KyselyStorage(db, { schema: 'nowhere' }).prepare(), InvalidOptionError)
})

t.test('a schema of its own: another application\'s user_profiles is left alone', async (t) => {
  const url = await createDatabase(t)
  await execute(url, foreign['another application\'s user_profiles'], 'CREATE SCHEMA "My ""auth"""')
  const schema = 'My "auth"'
  const db = connect(t, url).withPlugin(new CamelCasePlugin())
  t.same(await migrateToLatest(db, { schema }), names)
  t.same(await migrateToLatest(db, { schema }), [])
  await t.resolves(new KyselyStorage(db, { schema }).prepare())
  await t.rejects(new KyselyStorage(db).prepare(), InvalidOptionError)
  const here = await execute(url, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
  t.same(here, [{ table_name: 'user_profiles' }])
})

t.test('a migration that can\'t reach the database says so', async (t) => {
  await t.rejects(migrateToLatest(connect(t, 'postgres://postgres@127.0.0.1:1/none')), StorageUnavailableError)
})

for (const version of [18, 12] as const) {
  t.test(`PostgreSQL ${version}: a fresh whitelist takes the guide's INSERT, in both of its forms`, async (t) => {
    const url = await createDatabase(t, { version })
    const db = connect(t, url)
    await migrateToLatest(db)
    await execute(url, ...Object.values(guideInserts))
    const listed = await new KyselyStorage(db).listUsers()
    t.match(listed, [
      { email: 'user@example.com', name: 'User Name', role: 'user', status: 'active', id: /^[0-9a-f-]{36}$/ },
      { email: 'your-email@example.com', name: 'Your Name', role: 'admin', status: 'active', id: /^[0-9a-f-]{36}$/ }
    ])
  })
}

t.test('PostgreSQL 12: who may not create an extension still migrates', async (t) => {
  const url = await createDatabase(t, { version: 12 })
  await execute(url, 'DROP ROLE IF EXISTS plain', 'CREATE ROLE plain LOGIN')
  const db = connect(t, url.replace('postgres@', 'plain@'))
  t.same(await migrateToLatest(db), names)
  await t.resolves(new KyselyStorage(db).prepare())
})
