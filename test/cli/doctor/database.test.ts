import t from 'tap'
import { createCore } from '../../../lib/create-core.ts'
import { databaseChecks } from '../../../lib/cli/doctor/database.ts'
import { examine } from '../../../lib/cli/doctor/examine.ts'
import { Context } from '../../../lib/cli/context.ts'
import { resolveOptions } from '../../../lib/resolve-options.ts'
import { openOffice, type Office } from '../../fixtures/command-line.ts'
import { pluginOptions } from '../../fixtures/guarded-app.ts'
import { createDatabase } from '../../fixtures/postgres.ts'
import { secret } from '../../fixtures/world.ts'

t.setTimeout(180_000)

async function look (env: Record<string, string | undefined>, { schema, load }: { schema?: string, load?: ConstructorParameters<typeof Context>[2] } = {}) {
  const terminal = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env, cwd: '/' }
  const context = new Context(terminal, { envFile: false, ...schema === undefined ? {} : { schema } }, load)
  try {
    const findings = await examine([databaseChecks(context, env)])
    return Object.fromEntries(findings.map(({ check, ...verdict }) => [check, verdict]))
  } finally {
    await context.close()
  }
}

/** Not the server's. */
const wrongSecret = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'

/** A database that a server has started on once. */
async function openServed (t: Parameters<typeof openOffice>[0]): Promise<Office> {
  const office = await openOffice(t)
  await createCore(resolveOptions(pluginOptions({ storage: office.database.storage })), () => {}, { error: () => {}, info: () => {} }).ready()
  return office
}

/** The same database, as a role that was given nothing yet. */
async function asRole (url: string, run: (statement: string) => Promise<unknown>): Promise<string> {
  const role = `role_${Math.random().toString(36).slice(2)}`
  await run(`CREATE ROLE ${role} LOGIN`)
  const other = new URL(url)
  other.username = role
  t.teardown(async () => { await run(`DROP OWNED BY ${role}`).then(async () => await run(`DROP ROLE ${role}`), () => {}) })
  return other.href
}

t.test('doctor: a database that is as it should be is green', async t => {
  const { env, type } = await openServed(t)
  await type('users add ann@example.com')
  const found = await look(env)
  t.strictSame(Object.values(found).filter(({ status }) => status !== 'ok'), [])
  t.match(found, { 'database-version': { message: /^PostgreSQL 18\.\d+$/ }, 'signing-keys': { message: 'JWT_SECRET opens them' } })
})

const damages: Record<string, [check: string, statement: string, says: RegExp, advice: RegExp]> = {
  'a migration that has not run': ['migrations', "DELETE FROM oauth_migrations WHERE name LIKE '%housekeeping'", /^fastify-mcp-oauth-0008-housekeeping: not run$/, /^Run npx fastify-mcp-oauth migrate/],
  'a column that is gone': ['tables', 'ALTER TABLE oauth_sessions DROP COLUMN pending', /^oauth_sessions\.pending: missing$/, /restore it from a backup/],
  'an index that is gone': ['indexes', 'DROP INDEX oauth_tokens_grant', /^oauth_tokens \(grant_id\): missing$/, /CREATE INDEX CONCURRENTLY/],
  'a function that is gone': ['routines', 'DROP FUNCTION oauth_token_record', /^oauth_token_record\(text\): missing, or switched off$/, /fastify-mcp-oauth migrate/],
  'a trigger that is gone': ['routines', 'DROP TRIGGER oauth_tell_user ON user_profiles', /^oauth_tell_user on user_profiles: missing/, /fastify-mcp-oauth migrate/],
  'a trigger that is switched off': ['routines', 'ALTER TABLE oauth_grants DISABLE TRIGGER oauth_tell_grant', /^oauth_tell_grant on oauth_grants: missing, or switched off$/, /ENABLE TRIGGER/],
  'an index that is not valid': ['indexes', "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'oauth_tokens_grant'::regclass", /^oauth_tokens_grant: not valid$/, /REINDEX INDEX oauth_tokens_grant;$/],
  'many tables that are gone': ['tables', 'DROP TABLE oauth_sessions, oauth_audit_events, oauth_audit_seals, oauth_audit_chains, oauth_transactions, oauth_authorization_codes', /^oauth_authorization_codes, .* and 1 more: missing$/, /migrate/]
}

for (const [what, [check, statement, says, advice]] of Object.entries(damages)) {
  t.test(`doctor: ${what} is a problem, with what to do`, async t => {
    const { env, database } = await openServed(t)
    await database.run(statement)
    t.match((await look(env))[check], { status: 'problem', message: says, advice })
  })
}

t.test('doctor: a role that may not do enough is told what it lacks', async t => {
  const { env, database } = await openServed(t)
  const DATABASE_URL = await asRole(database.url, database.run)
  const role = new URL(DATABASE_URL).username
  await database.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}; REVOKE DELETE ON oauth_tokens FROM ${role}; REVOKE INSERT, UPDATE, DELETE ON oauth_migrations FROM ${role}`)
  t.match((await look({ ...env, DATABASE_URL }))['privileges'], {
    status: 'problem', message: 'the role lacks USAGE on oauth_clients_id_seq, DELETE on oauth_tokens, USAGE on oauth_tokens_id_seq, USAGE on user_profiles_id_seq', advice: /GRANT SELECT, INSERT, UPDATE and DELETE/
  })
  await database.run(`GRANT DELETE ON oauth_tokens TO ${role}; GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${role}`)
  t.match((await look({ ...env, DATABASE_URL }))['privileges'], { status: 'ok' })
  await database.run(`REVOKE SELECT ON user_profiles FROM ${role}`)
  t.match((await look({ ...env, DATABASE_URL }))['whitelist'], { status: 'problem', message: /permission denied for table user_profiles/ })
})

t.test('doctor: a database that takes no changes is a problem', async t => {
  const { env, database } = await openServed(t)
  const DATABASE_URL = await asRole(database.url, database.run)
  await database.run(`ALTER ROLE ${new URL(DATABASE_URL).username} SET default_transaction_read_only = on`)
  t.match((await look({ ...env, DATABASE_URL }))['database'], { status: 'problem', message: 'it takes no changes', advice: /primary/ })
})

t.test('doctor: a secret that does not open the signing keys is a problem; one before it may', async t => {
  const { env } = await openServed(t)
  t.match((await look({ ...env, JWT_SECRET: wrongSecret }))['signing-keys'], { status: 'problem', message: /^JWT_SECRET does not open [\w-]{22}$/, advice: /JWT_SECRET_PREVIOUS/ })
  t.match((await look({ ...env, JWT_SECRET: wrongSecret, JWT_SECRET_PREVIOUS: secret }))['signing-keys'], { status: 'ok' })
  t.match((await look({ ...env, JWT_SECRET: 'short' }))['signing-keys'], { status: 'skipped', message: 'there is no usable JWT_SECRET to open them with' })
})

t.test('doctor: before the first start there are no keys, and nobody is on the whitelist', async t => {
  const { env, type } = await openOffice(t)
  t.match(await look(env), { 'signing-keys': { status: 'skipped' }, whitelist: { status: 'warning', message: /nobody gets in/, advice: /users add/ } })
  await type('users add ann@example.com')
  await type('users suspend ann@example.com')
  t.match((await look(env))['whitelist'], { status: 'warning' })
})

t.test('doctor: a database that is not migrated', async t => {
  const found = await look({ DATABASE_URL: await createDatabase(t), JWT_SECRET: secret })
  t.match(found, {
    database: { status: 'ok' }, 'database-clock': { status: 'ok' }, migrations: { status: 'problem' }, tables: { status: 'problem' }, indexes: { status: 'problem' }, routines: { status: 'problem' }, 'signing-keys': { status: 'problem' }, whitelist: { status: 'problem' }
  })
})

t.test('doctor: --schema is where it looks', async t => {
  const { env, database, type } = await openOffice(t)
  await database.run('CREATE SCHEMA login')
  t.match((await look(env, { schema: 'login' }))['migrations'], { status: 'problem' })
  await type('migrate --schema login')
  t.match(await look(env, { schema: 'login' }), { migrations: { status: 'ok' }, tables: { status: 'ok' }, indexes: { status: 'ok' }, routines: { status: 'ok' }, privileges: { status: 'ok' } })
})

t.test('doctor: a database that can not be reached is one problem, and the rest is skipped', async t => {
  const wrong: Record<string, [url: string, says: RegExp, advice: RegExp]> = {
    'nobody there': ['postgres://postgres@127.0.0.1:1/none', /ECONNREFUSED/, /DATABASE_URL/],
    'no such database': [`${await createDatabase(t)}x`, /database ".*" does not exist; correct the address/, /^Correct that/],
    'no PostgreSQL': ['mysql://localhost', /DATABASE_URL: set it to the URL of your PostgreSQL/, /^Correct that/]
  }
  for (const [what, [DATABASE_URL, says, advice]] of Object.entries(wrong)) {
    const { database, ...others } = await look({ DATABASE_URL, JWT_SECRET: secret })
    t.match(database, { status: 'problem', message: says, advice }, what)
    t.strictSame(new Set(Object.values(others).map(({ status }) => status)), new Set(['skipped']), what)
  }
})

t.test('doctor: without DATABASE_URL nothing is judged; without kysely it says what to install', async t => {
  const none = await look({ JWT_SECRET: secret })
  t.strictSame(new Set(Object.values(none).map(({ status }) => status)), new Set(['skipped']))
  t.match(none['tables'], { message: /^DATABASE_URL is not set; a database inside the server/ })
  const found = await look({ DATABASE_URL: 'postgres://x', JWT_SECRET: secret }, { load: async () => { throw new Error('none') } })
  t.match(found['database'], { status: 'problem', message: /npm install kysely pg/ })
})

t.test('doctor: a PostgreSQL that is too old is a problem', async t => {
  const { env, database } = await openServed(t)
  const inspector = { serverVersion: async () => 110_022, isWritable: async () => true }
  const load: ConstructorParameters<typeof Context>[2] = async () => Object.assign({}, await import('../../../lib/storage/kysely/index.ts'), {
    DatabaseInspector: function () { return inspector } as never
  })
  t.match((await look(env, { load }))['database-version'], { status: 'problem', message: 'PostgreSQL 11.22 is too old', advice: /12 or later/ })
  t.ok(database)
})

t.test('doctor: a database that does not hold every text is a problem', async t => {
  const env = { DATABASE_URL: await createDatabase(t, { encoding: 'LATIN1' }), JWT_SECRET: secret }
  t.match((await look(env))['database-encoding'], { status: 'problem', message: /^LATIN1 /, advice: /ENCODING 'UTF8'/ })
})

t.test('doctor: PostgreSQL 12 will do', async t => {
  t.match((await look({ DATABASE_URL: await createDatabase(t, { version: 12 }), JWT_SECRET: secret }))['database-version'], { status: 'ok', message: /^PostgreSQL 12\.\d+$/ })
})
