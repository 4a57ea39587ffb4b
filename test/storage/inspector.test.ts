import { sql } from 'kysely'
import t from 'tap'
import { DatabaseInspector } from '../../lib/storage/kysely/inspector.ts'
import { migrateToLatest, migrations } from '../../lib/storage/kysely/index.ts'
import { columns, functions, indexes, triggers } from '../../lib/storage/kysely/migrations/outcome.ts'
import { createDatabase, execute, type PostgresVersion } from '../fixtures/postgres.ts'
import { guideSchemas } from '../fixtures/guide-schema.ts'
import { connect } from '../fixtures/storage.ts'

t.setTimeout(180_000)

const versions: readonly PostgresVersion[] = [18, 12]

for (const version of versions) {
  t.test(`PostgreSQL ${version}: what the migrations come to is what outcome.ts says, no more and no less`, async t => {
    const url = await createDatabase(t, { version })
    const db = connect(t, url)
    await migrateToLatest(db)
    const rows = await execute(url, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
    const listed = Object.entries(columns).flatMap(([table, names]) => names.map(name => `${table}.${name}`))
    t.strictSame(rows.map(row => `${String(row['table_name'])}.${String(row['column_name'])}`).sort(), listed.sort())
    const found = await execute(url, "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    const definitions = found.map(({ tablename, indexdef }) =>
      `${String(tablename)} ${String(indexdef).includes('UNIQUE') ? 'UNIQUE ' : ''}${String(indexdef).split(' USING btree ')[1]}`)
    const ids = ['user_profiles', 'oauth_clients', 'oauth_tokens'].map(table => `${table} UNIQUE (id)`)
    const wanted = Object.entries(indexes).flatMap(([table, definitions]) => definitions.map(definition => `${table} ${definition}`))
    t.strictSame(definitions.sort(), [...wanted, ...ids].sort())

    const inspector = new DatabaseInspector(db)
    t.equal(Math.floor(await inspector.serverVersion() / 10_000), version)
    t.strictSame(await inspector.missingMigrations(), [])
    t.strictSame(await inspector.missingColumns(), [])
    t.strictSame(await inspector.indexes(), { missing: [], invalid: [] })
    t.strictSame(await inspector.missingRoutines(), [])
    t.strictSame(await inspector.missingPrivileges(), [])
    t.equal(await inspector.isWritable(), true)
    const routines = await execute(url, "SELECT p.oid::regprocedure::text AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.proname LIKE 'oauth_%'")
    t.strictSame(routines.map(({ name }) => name).sort(), [...functions].sort())
    const told = await execute(url, "SELECT tgrelid::regclass::text AS table, tgname AS name FROM pg_trigger WHERE tgname LIKE 'oauth_%'")
    t.strictSame(told.map(({ table, name }) => `${String(table)} ${String(name)}`).sort(), Object.entries(triggers).flatMap(([table, names]) => names.map(name => `${table} ${name}`)).sort())
  })
}

for (const [name, schema] of Object.entries(guideSchemas)) {
  t.test(`nothing is missing where the guide's tables were taken over: ${name}`, async t => {
    const url = await createDatabase(t)
    await execute(url, schema)
    const db = connect(t, url)
    await migrateToLatest(db)
    const inspector = new DatabaseInspector(db)
    t.strictSame(await inspector.missingColumns(), [])
    t.strictSame(await inspector.indexes(), { missing: [], invalid: [] })
  })
}

t.test('an empty database lacks everything', async t => {
  const inspector = new DatabaseInspector(connect(t, await createDatabase(t)))
  t.strictSame(await inspector.missingMigrations(), Object.keys(migrations))
  t.strictSame(await inspector.missingColumns(), Object.keys(columns))
  t.equal((await inspector.indexes()).missing.length, Object.values(indexes).flat().length)
  t.equal((await inspector.missingRoutines()).length, functions.length + Object.values(triggers).flat().length)
  t.strictSame(await inspector.missingPrivileges(), [])
  await t.rejects(inspector.hasActiveUser(), /user_profiles/)
})

t.test('a schema of its own is looked into, and no other', async t => {
  const db = connect(t, await createDatabase(t))
  await sql`CREATE SCHEMA "Log in"`.execute(db)
  await migrateToLatest(db, { schema: 'Log in' })
  const inside = new DatabaseInspector(db, { schema: 'Log in' })
  t.strictSame(await inside.missingMigrations(), [])
  t.strictSame(await inside.missingColumns(), [])
  t.strictSame(await inside.indexes(), { missing: [], invalid: [] })
  t.strictSame(await inside.missingRoutines(), [])
  t.equal(await inside.hasActiveUser(), false)
  t.strictSame((await new DatabaseInspector(db).missingColumns()).length, Object.keys(columns).length)
})

t.test('what is broken is named: a column, an index of another definition, one that is not valid, a migration', async t => {
  const url = await createDatabase(t)
  const db = connect(t, url)
  await migrateToLatest(db)
  await execute(url,
    'ALTER TABLE oauth_sessions DROP COLUMN pending', 'DROP TABLE oauth_audit_seals',
    'DROP INDEX oauth_grants_user', 'CREATE INDEX oauth_grants_user ON oauth_grants (email)',
    'DROP INDEX oauth_clients_metadata', 'CREATE INDEX oauth_clients_metadata ON oauth_clients (metadata_hash)',
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'oauth_tokens_expiry'::regclass",
    "DELETE FROM oauth_migrations WHERE name LIKE '%-sessions'")
  const inspector = new DatabaseInspector(db)
  t.strictSame(await inspector.missingColumns(), ['oauth_sessions.pending', 'oauth_audit_seals'])
  t.strictSame(await inspector.indexes(), {
    missing: ['oauth_clients UNIQUE (metadata_hash)', 'oauth_grants (user_id)', 'oauth_audit_seals UNIQUE (writer, last_sequence)'], invalid: ['oauth_tokens_expiry']
  })
  t.strictSame(await inspector.missingMigrations(), ['fastify-mcp-oauth-0006-sessions'])
})

t.test('the time is the database\'s', async t => {
  const inspector = new DatabaseInspector(connect(t, await createDatabase(t)))
  t.ok(Math.abs((await inspector.time()).getTime() - Date.now()) < 2000)
})

t.test('what can not be asked is told as the storage tells it', async t => {
  const inspector = new DatabaseInspector(connect(t, 'postgres://postgres@127.0.0.1:1/none'))
  await t.rejects(inspector.serverVersion(), { name: 'StorageUnavailableError' })
  await t.rejects(inspector.missingMigrations(), { name: 'StorageUnavailableError' })
})
