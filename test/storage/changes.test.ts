import t from 'tap'
import { migrateToLatest, KyselyStorage } from '../../lib/storage/kysely/index.ts'
import { after, newClient, newDocument, newToken, newUser, now, redeemed, signInOf } from '../../lib/testing/contract/fixtures.ts'
import { listenTo } from '../fixtures/listener.ts'
import { createDatabase, execute, type PostgresVersion } from '../fixtures/postgres.ts'
import { connect } from '../fixtures/storage.ts'

t.setTimeout(120_000)

async function open (t: Parameters<typeof connect>[0], version?: PostgresVersion) {
  const url = await createDatabase(t, { version })
  const db = connect(t, url)
  await migrateToLatest(db)
  const storage = new KyselyStorage(db)
  return { url, storage, ...await listenTo(t, url), sql: async (...statements: string[]) => await execute(url, ...statements) }
}

/** By plain SQL, in the past as well as in the future of the rows. */
const statements: Record<string, string[]> = {
  "UPDATE user_profiles SET status = 'suspended'": ['user:USER'],
  "UPDATE user_profiles SET role = 'admin'": ['user:USER'],
  "UPDATE user_profiles SET name = 'Another'": ['user:USER'],
  "UPDATE user_profiles SET email = 'another@example.com'": ['*', 'user:USER'],
  'DELETE FROM user_profiles': ['user:USER'],
  "INSERT INTO user_profiles (user_id, email) SELECT 'other', ' ' || upper(email) FROM user_profiles": ['*'],
  'UPDATE oauth_clients SET active = false': ['client:CLIENT'],
  "UPDATE oauth_clients SET client_name = 'Another'": ['client:CLIENT'],
  'UPDATE oauth_grants SET revoked_at = now()': ['grant:GRANT'],
  'UPDATE oauth_grants SET expires_at = now()': ['grant:GRANT'],
  'UPDATE oauth_tokens SET active = false': ['token:TOKEN'],
  'UPDATE oauth_tokens SET active = NULL': ['token:TOKEN'],
  'UPDATE oauth_tokens SET expires_at = now()': ['token:TOKEN'],
  "UPDATE oauth_tokens SET scopes = '[]'": ['token:TOKEN'],
  "UPDATE oauth_tokens SET token_id = token_id || '2'": ['token:TOKEN'],
  'DELETE FROM oauth_tokens': ['token:TOKEN'],
  'TRUNCATE oauth_tokens': ['*'],
  'TRUNCATE oauth_tokens, oauth_grants, oauth_clients, user_profiles, oauth_authorization_codes': ['*'],
  // Nothing that access hangs on.
  "UPDATE user_profiles SET picture = 'https://example.com/another.png', last_login_at = now(), updated_at = now()": [],
  'UPDATE user_profiles SET status = status, email = email': [],
  'UPDATE oauth_clients SET unused_since = now()': [],
  'UPDATE oauth_grants SET last_used_at = now()': [],
  "UPDATE oauth_tokens SET active = false WHERE token_type = 'refresh_token'": [],
  "DELETE FROM oauth_tokens WHERE token_type = 'refresh_token'": [],
  'BEGIN; UPDATE oauth_grants SET revoked_at = now(); ROLLBACK': []
}

for (const version of [18, 12] as const) {
  t.test(`PostgreSQL ${version}: what plain SQL changes is told, if access hangs on it`, async t => {
    const { storage, heard, sql } = await open(t, version)
    for (const [statement, expected] of Object.entries(statements)) {
      await sql('TRUNCATE oauth_tokens, oauth_grants, oauth_clients, user_profiles, oauth_authorization_codes')
      const { user, client, grant, accessToken } = await redeemed(storage, {}, { expiresAt: new Date(Date.now() + 1_000_000) })
      await sql('UPDATE oauth_tokens SET expires_at = now() + interval \'1 day\'')
      await heard()
      await sql(statement)
      const ids = { USER: user.id, CLIENT: client.id, GRANT: grant.id, TOKEN: accessToken.id }
      const named = Object.entries(ids).reduce((list, [name, id]) => list.map(payload => payload.replace(name, id)), expected)
      t.strictSame((await heard()).sort(), named, statement)
    }
  })
}

t.test('the hot paths tell nobody: codes, refreshes, the last use of a grant, registrations, and housekeeping', async t => {
  const { storage, heard } = await open(t)
  await storage.addUser(newUser(), now)
  await storage.signIn(signInOf({ name: 'Ann' }))
  t.strictSame(await heard(), ['*'], 'but a new e-mail does')
  const { grant, refreshToken } = await redeemed(storage)
  await heard()
  await storage.signIn(signInOf({ name: 'Ann', now: after(60) }))
  await storage.registerClient(newClient(), 'hash')
  await storage.registerClient(newClient(), 'hash')
  await storage.saveClientDocument('https://client.example.com/', newDocument(), now)
  const successor = newToken(grant)
  const rotation = { tokenId: refreshToken.id, successor, accessToken: newToken(grant, { type: 'access_token' }), now: after(5) }
  t.match(await storage.rotateRefreshToken(rotation), { outcome: 'rotated' })
  t.match(await storage.rotateRefreshToken({ ...rotation, accessToken: newToken(grant, { type: 'access_token' }) }), { outcome: 'rotated' })
  await storage.touchGrant(grant.id, after(1), after(10))
  for (const kind of ['tokens', 'codes', 'grants', 'clients'] as const) await storage.purge(kind, new Date(Date.now() - 1000), 1000)
  t.strictSame(await heard(), [])
})

t.test('what the server changes is told too', async t => {
  const { storage, heard } = await open(t)
  const { user, grant, accessToken } = await redeemed(storage)
  await heard()
  await storage.revokeToken(accessToken.id)
  t.strictSame(await heard(), [`token:${accessToken.id}`])
  await storage.updateUser(user.id, { status: 'suspended' }, now)
  t.strictSame(await heard(), [`user:${user.id}`])
  await storage.removeUser(user.id, now)
  t.strictSame((await heard()).sort(), [`grant:${grant.id}`, `user:${user.id}`])
})

t.test('a change of many rows is a hundred messages and one that says everything', async t => {
  const { heard, sql } = await open(t)
  await sql("INSERT INTO user_profiles (user_id, email) SELECT 'u' || n, 'u' || n || '@example.com' FROM generate_series(1, 5000) n")
  t.strictSame(await heard(), ['*'])
  await sql("UPDATE user_profiles SET status = 'suspended'")
  const told = await heard()
  t.equal(told.length, 101)
  t.equal(told.filter(payload => payload === '*').length, 1)
  await sql("UPDATE user_profiles SET status = 'active' WHERE user_id = 'u7'")
  t.strictSame(await heard(), ['user:u7'], 'the next transaction begins anew')
})

t.test('an id that fits into no message changes everything, and is changed nevertheless', async t => {
  const { heard, sql } = await open(t)
  await sql("INSERT INTO user_profiles (user_id, email) VALUES (repeat('é', 2000), 'ann@example.com')")
  await heard()
  await sql("UPDATE user_profiles SET status = 'suspended'")
  t.strictSame(await heard(), ['*'])
})

t.test('whatever an application keeps beside our columns, its rows can be changed', async t => {
  const { heard, sql } = await open(t)
  await sql('ALTER TABLE user_profiles ADD preferences json', "INSERT INTO user_profiles (user_id, email, preferences) VALUES ('ann', 'ann@example.com', '{\"a\":\"\\u0000\"}')")
  await heard()
  await sql("UPDATE user_profiles SET status = 'suspended'")
  await sql("SET fastify_mcp_oauth.told = 'many'; UPDATE user_profiles SET status = 'active'")
  await sql('DELETE FROM user_profiles')
  t.strictSame(await heard(), ['user:ann', 'user:ann', 'user:ann'])
})

t.test('whoever may change a row needs no other right for it to be told', async t => {
  const { url, heard, sql } = await open(t)
  await sql("INSERT INTO user_profiles (user_id, email) VALUES ('ann', 'ann@example.com')")
  await sql('DO $$ BEGIN IF to_regrole(\'clerk\') IS NULL THEN CREATE ROLE clerk LOGIN; END IF; END $$', 'GRANT SELECT (user_id), UPDATE (status) ON user_profiles TO clerk')
  t.teardown(() => sql('DROP OWNED BY clerk'))
  await heard()
  await execute(url.replace('postgres@', 'clerk@'), 'SET search_path = public', "UPDATE user_profiles SET status = 'suspended' WHERE user_id = 'ann'")
  t.strictSame(await heard(), ['user:ann'])
})
