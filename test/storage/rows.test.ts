import { createHash } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { after, granted, newTransaction, newUser, now, redeemed, signInOf } from '../../lib/testing/contract/fixtures.ts'
import { createDatabase, execute } from '../fixtures/postgres.ts'
import { connect, empty } from '../fixtures/storage.ts'

t.setTimeout(120_000)

// What people put in by plain SQL, and what the storage makes of it.

const url = await createDatabase(t)
const db = connect(t, url)
await migrateToLatest(db)
const storage = new KyselyStorage(db)
t.beforeEach(() => empty(db))

function hashOf (text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function insertUsers (...values: string[]) {
  return execute(url, `INSERT INTO user_profiles (user_id, email, status, role, provider, provider_user_id) VALUES ${values.join(', ')}`)
}

function insertClient (id: string, secret: string, others = '') {
  return execute(url, `INSERT INTO oauth_clients (client_id, client_secret, client_name, redirect_uris)
    VALUES ('${id}', '${secret}', 'Client', '["https://client.example.com/"]')`, ...(others === '' ? [] : [others]))
}

t.test('two rows whose e-mails differ in case or spaces: neither signs in, whatever their status', async (t) => {
  for (const status of ['active', 'suspended']) {
    await execute(url, 'DELETE FROM user_profiles')
    await insertUsers("('one', 'ann@example.com', 'active', 'user', NULL, NULL)", `('two', E' Ann@Example.com\\r\\n', '${status}', 'user', NULL, NULL)`)
    const result = await storage.signIn(signInOf())
    t.same(result, { refusal: 'ambiguous', userIds: ['one', 'two'] })
    t.same((await storage.listUsers('ANN@example.com')).map((user) => user.providerUserId), [null, null])
  }
})

t.test('a row whose e-mail has capitals and spaces signs in', async (t) => {
  await insertUsers("('ann', '  Ann@Example.com', 'active', 'user', NULL, NULL)")
  t.match(await storage.signIn(signInOf()), { user: { id: 'ann', email: '  Ann@Example.com' } })
})

t.test('I2: an e-mail that only looks alike is another one', async (t) => {
  await insertUsers("('kelvin', '\u212Aate@example.com', 'active', 'user', NULL, NULL)")
  t.match(await storage.signIn(signInOf({ email: 'kate@example.com' })), { refusal: 'not-listed' })
})

t.test('a token whose user has got a twin since says so', async (t) => {
  const { accessToken, code, user } = await redeemed(storage)
  t.equal((await storage.findToken(accessToken.id))?.ambiguous, false)
  await insertUsers(`('twin', '${user.email.toUpperCase()}', 'suspended', 'user', NULL, NULL)`)
  t.equal((await storage.findToken(accessToken.id))?.ambiguous, true)
  t.equal((await storage.findCode(code.codeHash))?.ambiguous, true)
})

t.test('a row that names a provider admits that one only; an empty name is none', async (t) => {
  await insertUsers("('ann', 'ann@example.com', 'active', 'user', 'microsoft', NULL)", "('bob', 'bob@example.com', 'active', 'user', '', '')",
    "('cleo', 'cleo@example.com', 'active', 'user', '', '')")
  t.match(await storage.signIn(signInOf()), { refusal: 'other-provider' })
  t.match(await storage.signIn(signInOf({ email: 'bob@example.com' })), { user: { id: 'bob', provider: 'google' } })
})

t.test('a status or role that nobody knows gives nothing', async (t) => {
  await insertUsers("('ann', 'ann@example.com', 'Active', 'owner', NULL, NULL)", "('nil', 'nil@example.com', NULL, NULL, NULL, NULL)")
  t.match(await storage.findUser('ann'), { status: 'suspended', role: 'user' })
  t.match(await storage.findUser('nil'), { status: null, role: 'user' })
  t.match(await storage.signIn(signInOf()), { refusal: 'suspended' })
})

t.test('a secret in clear is never shown, and is hashed where it stands at the first read', async (t) => {
  await insertClient('client', 'a secret in clear')
  const read = await Promise.all(Array.from({ length: 20 }, () => storage.findClient('client')))
  t.same(new Set(read.map((client) => client?.secretHash)), new Set([hashOf('a secret in clear')]))
  t.same(await execute(url, 'SELECT client_secret FROM oauth_clients'), [{ client_secret: `sha256:${hashOf('a secret in clear')}` }])
  t.equal((await storage.findClient('client'))?.secretHash, hashOf('a secret in clear'))
})

t.test('a secret in clear is hashed by whichever query reads it', async (t) => {
  const { accessToken, client } = await redeemed(storage)
  for (const secret of ['sha256:short', `SHA256:${'A'.repeat(43)}`, `sha256:${'A'.repeat(44)}`]) {
    await execute(url, `UPDATE oauth_clients SET client_secret = '${secret}'`)
    t.equal((await storage.findToken(accessToken.id))?.client.secretHash, hashOf(secret))
    t.same(await execute(url, 'SELECT client_secret FROM oauth_clients'), [{ client_secret: `sha256:${hashOf(secret)}` }])
  }
  t.equal((await storage.findClient(client.id))?.tokenEndpointAuthMethod, 'none')
})

t.test('T18: what stands in the column is not the secret', async (t) => {
  await insertClient('client', 'a secret in clear')
  const client = await storage.findClient('client')
  const [row] = await execute(url, 'SELECT client_secret FROM oauth_clients')
  const stored = String(row?.['client_secret'])
  t.not(hashOf(stored), client?.secretHash)
  t.not(hashOf(stored.slice('sha256:'.length)), client?.secretHash)
  await storage.findClient('client')
  t.same(await execute(url, 'SELECT client_secret FROM oauth_clients'), [row], 'and a hash is not hashed again')
})

t.test('an empty secret is none', async (t) => {
  await insertClient('client', '')
  t.match(await storage.findClient('client'), { secretHash: null, tokenEndpointAuthMethod: 'none' })
})

t.test('lists that are no lists admit nothing; methods that nobody knows are the default', async (t) => {
  await insertClient('client', 'secret', `UPDATE oauth_clients SET redirect_uris = '"https://client.example.com/"', grant_types = '{"a": 1}',
    token_endpoint_auth_method = 'private_key_jwt', created_at = NULL, active = NULL`)
  t.strictSame(await storage.findClient('client'), {
    id: 'client',
    secretHash: hashOf('secret'),
    name: 'Client',
    redirectUris: [],
    grantTypes: [],
    tokenEndpointAuthMethod: 'client_secret_basic',
    clientUri: null,
    logoUri: null,
    documentFetchedAt: null,
    createdAt: new Date(0),
    active: false
  })
  await execute(url, "UPDATE oauth_clients SET redirect_uris = '[1, null, \"https://client.example.com/\"]', grant_types = NULL")
  t.match(await storage.findClient('client'), {
    redirectUris: ['https://client.example.com/'], grantTypes: ['authorization_code', 'refresh_token']
  })
})

t.test('a token that was made inactive by plain SQL shows it', async (t) => {
  for (const active of ['false', 'NULL']) {
    const { accessToken } = await redeemed(storage)
    await execute(url, `UPDATE oauth_tokens SET active = ${active} WHERE token_id = '${accessToken.id}'`)
    t.equal((await storage.findToken(accessToken.id))?.token.active, false)
  }
})

t.test('a refresh token whose successor was deleted gets a new one within the grace', async (t) => {
  const { refreshToken, grant } = await redeemed(storage)
  const rotate = (id: string, at: Date) => storage.rotateRefreshToken({
    tokenId: refreshToken.id, successor: { ...refreshToken, id }, accessToken: { ...refreshToken, id: `${id}-access`, type: 'access_token' }, now: at
  })
  await rotate('first', now)
  await execute(url, "DELETE FROM oauth_tokens WHERE token_id = 'first'")
  t.match(await rotate('second', after(1)), { outcome: 'rotated', refreshToken: { id: 'second' } })
  t.match(await rotate('third', after(2)), { outcome: 'rotated', refreshToken: { id: 'second' } })
  t.equal((await storage.findToken('second'))?.grant.id, grant.id)
})

t.test('what a version without id_tokens left behind: a code was made at its sign-in, and a sign-in under way was asked for nothing', async (t) => {
  const { code } = await granted(storage)
  await db.updateTable('oauth_authorization_codes').set({ nonce: null, authenticated_at: null }).execute()
  t.hasStrict((await storage.findCode(code.codeHash))?.code, { nonce: null, authenticatedAt: code.createdAt })
  const transaction = newTransaction()
  await storage.createTransaction(transaction)
  await db.updateTable('oauth_transactions').set({ nonce: null, prompts: null, max_age: null, login_hint: null }).execute()
  const { handleHash, bindingHash } = transaction
  t.match(await storage.findTransaction({ handleHash, bindingHash, now }), { nonce: null, prompts: [], maxAge: null, loginHint: null })
  await db.updateTable('oauth_transactions').set({ prompts: '["login", "none", 1]' }).execute()
  t.match(await storage.findTransaction({ handleHash, bindingHash, now }), { prompts: ['login'] }, 'nothing but what is known')
})

t.test('an application whose pg gives timestamps as strings reads the same', async (t) => {
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, String)
  const strings = new KyselyStorage(connect(t, url, { types }))
  const { code, user } = await granted(storage)
  t.same(await strings.findUser(user.id), await storage.findUser(user.id))
  t.same(await strings.findCode(code.codeHash), await storage.findCode(code.codeHash))
  t.same((await strings.findUser(user.id))?.createdAt, now)
})

t.test('the storage uses no column that an application has put beside its own', async (t) => {
  const own = await createDatabase(t)
  await migrateToLatest(connect(t, own))
  await execute(own, 'ALTER TABLE user_profiles ADD password_hash text DEFAULT \'private\'')
  const beside = new KyselyStorage(connect(t, own))
  await beside.addUser(newUser({ id: 'ann' }), now)
  t.notMatch(JSON.stringify([await beside.findUser('ann'), await beside.signIn(signInOf())]), /private/)
})

t.test('T1: a sign-in that the update could not take counts as taken by somebody else, though it still looks free', async (t) => {
  const transaction = newTransaction()
  await storage.createTransaction(transaction)
  await execute(url, "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    'CREATE TRIGGER keep BEFORE UPDATE ON oauth_transactions FOR EACH ROW EXECUTE FUNCTION keep()')
  t.teardown(() => execute(url, 'DROP FUNCTION keep CASCADE'))
  const { handleHash, bindingHash } = transaction
  t.equal(await storage.consumeTransaction({ handleHash, bindingHash, now }), 'used')
})
