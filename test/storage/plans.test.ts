import { sql } from 'kysely'
import t from 'tap'
import { migrateToLatest, KyselyStorage } from '../../lib/storage/kysely/index.ts'
import type { Grant, Token } from '../../lib/storage/records.ts'
import { after, newClient, newSession, newToken, newTransaction, now, signInOf } from '../../lib/testing/contract/fixtures.ts'
import { explain } from '../fixtures/plans.ts'
import { createDatabase, execute, type PostgresVersion } from '../fixtures/postgres.ts'
import { connect } from '../fixtures/storage.ts'

t.setTimeout(240_000)

/** Enough that no planner reads a whole table for one row. */
const filling = `
  INSERT INTO user_profiles (user_id, email, name, status, role, provider, provider_issuer, provider_user_id)
    SELECT 'u' || n, 'u' || n || '@example.com', 'User ' || n, 'active', 'user', 'google', 'https://accounts.example.com', 's' || n FROM generate_series(1, 20000) n;
  INSERT INTO oauth_clients (client_id, client_name, redirect_uris, token_endpoint_auth_method, metadata_hash, unused_since, active)
    SELECT 'c' || n, 'Client ' || n, '["https://client.example.com/callback"]', 'none', 'h' || n, CASE WHEN n % 2 = 0 THEN now() END, true FROM generate_series(1, 20000) n;
  INSERT INTO oauth_grants (grant_id, client_id, user_id, email, resource, scopes, redirect_uri, created_at, expires_at)
    SELECT 'g' || n, 'c' || (n % 20000 + 1), 'u' || (n % 20000 + 1), 'u' || (n % 20000 + 1) || '@example.com', 'https://api.example.com/mcp', '["openid"]', 'https://client.example.com/callback',
      timestamptz '2026-11-01' - n * interval '1 minute', timestamptz '2027-06-01' FROM generate_series(1, 50000) n;
  INSERT INTO oauth_tokens (token_id, token_type, grant_id, client_id, user_id, resource, scopes, key_id, created_at, expires_at, active)
    SELECT 't' || n, CASE WHEN n % 2 = 0 THEN 'access_token' ELSE 'refresh_token' END, 'g' || ((n + 1) / 2), 'c' || ((n + 1) / 2 % 20000 + 1), 'u' || ((n + 1) / 2 % 20000 + 1),
      'https://api.example.com/mcp', '["openid"]', 'key', timestamptz '2026-11-01', timestamptz '2027-05-01', true FROM generate_series(1, 100000) n;
  INSERT INTO oauth_authorization_codes (code_hash, grant_id, redirect_uri, code_challenge, created_at, expires_at, consumed_at)
    SELECT 'code' || n, 'g' || n, 'https://client.example.com/callback', 'challenge', timestamptz '2026-11-01', timestamptz '2027-05-01', CASE WHEN n > 40 THEN now() END FROM generate_series(1, 50000) n;
  INSERT INTO oauth_transactions (handle_hash, kind, binding_hash, consent_hash, provider, created_at, expires_at)
    SELECT 'handle' || n, 'account', 'hash of the binding', 'consent' || n, 'google', timestamptz '2026-11-01', timestamptz '2027-05-01' FROM generate_series(1, 20000) n;
  INSERT INTO oauth_sessions (session_hash, kind, user_id, email, provider, authenticated_at, is_proven, created_at, expires_at)
    SELECT 'session' || n, 'account', 'u' || n, 'u' || n || '@example.com', 'google', now(), true, now(), timestamptz '2027-05-01' FROM generate_series(1, 20000) n;
  ANALYZE`

const grant: Grant = {
  id: 'g7',
  clientId: 'c8',
  userId: 'u8',
  email: 'u8@example.com',
  resource: 'https://api.example.com/mcp',
  scopes: ['openid'],
  redirectUri: 'https://client.example.com/callback',
  createdAt: now,
  lastUsedAt: null,
  expiresAt: after(7_776_000),
  revokedAt: null
}
const code = {
  codeHash: 'new', grantId: 'new', redirectUri: 'https://client.example.com/callback', codeChallenge: 'challenge', nonce: null, authenticatedAt: now, createdAt: now, expiresAt: after(60), consumedAt: null
}
const accessToken = (): Token => newToken(grant, { type: 'access_token' })

/** What is done at each request, refresh or sign-in, and in how many statements; those of a transaction's begin and end have no plan. */
const hotPaths: Record<string, [statements: number, work: (storage: KyselyStorage) => Promise<unknown>]> = {
  'the guard looks at a token': [1, storage => storage.findToken('t14')],
  'a token that nobody knows': [1, storage => storage.findToken('nobody')],
  'a grant was used': [1, storage => storage.touchGrant('g7', now, now)],
  'a refresh': [1, storage => storage.rotateRefreshToken({ tokenId: 't13', successor: newToken(grant), accessToken: accessToken(), now: after(5) })],
  'a code is looked at': [1, storage => storage.findCode('code8')],
  'a code is exchanged': [1, storage => storage.redeemCode({ codeHash: 'code7', accessToken: accessToken(), refreshToken: newToken(grant), now: after(5) })],
  'a token is revoked': [1, storage => storage.revokeToken('t16')],
  'a grant is revoked': [1, storage => storage.revokeGrant('g9', now)],
  'a client registers': [1, storage => storage.registerClient(newClient(), 'new')],
  'a client registers again': [1, storage => storage.registerClient(newClient(), 'h8')],
  'a client asks': [1, storage => storage.findClient('c8')],
  'several tokens are looked at': [1, storage => Promise.all(['t14', 'nobody', 't18'].map(id => storage.findToken(id)))],
  'several clients ask': [1, storage => Promise.all(['c8', 'nobody', 'c9'].map(id => storage.findClient(id)))],
  'a sign-in begins': [1, storage => storage.createTransaction(newTransaction())],
  'a sign-in is looked at': [1, storage => storage.findTransaction({ handleHash: 'handle8', bindingHash: 'hash of the binding', now })],
  'a sign-in ends': [1, storage => storage.consumeTransaction({ handleHash: 'handle8', bindingHash: 'hash of the binding', now })],
  'somebody signs in': [1, storage => storage.signIn(signInOf({ email: 'u8@example.com', subject: 's8' }))],
  'somebody who may not signs in': [2, storage => storage.signIn(signInOf({ email: 'nobody@example.com', subject: 'nobody' }))],
  'somebody allows a client': [1, storage => storage.createGrant({ ...grant, id: 'new' }, code)],
  'what somebody allowed before': [1, storage => storage.listConnections('u8', now)],
  'a session begins': [1, storage => storage.createSession(newSession())],
  'a session is looked at': [1, storage => storage.findSession('session8', now)]
}

/** What goes through a function, by number. */
const functions = {
  findToken: (storage: KyselyStorage, n: number) => storage.findToken(`t${n}`),
  findCode: (storage: KyselyStorage, n: number) => storage.findCode(`code${n}`),
  rotateRefreshToken: (storage: KyselyStorage, n: number) => storage.rotateRefreshToken({ tokenId: `t${n - 1}`, successor: newToken(grant), accessToken: accessToken(), now: after(5) }),
  redeemCode: (storage: KyselyStorage, n: number) => storage.redeemCode({ codeHash: `code${n}`, accessToken: accessToken(), refreshToken: newToken(grant), now: after(5) })
}

for (const version of [18, 12] satisfies PostgresVersion[]) {
  t.test(`PostgreSQL ${version}: no statement of the hot paths reads a big table from one end to the other`, async t => {
    const url = await createDatabase(t, { version })
    await migrateToLatest(connect(t, url))
    await execute(url, filling)
    const { db, plansOf } = explain(t, url)
    const storage = new KyselyStorage(db)
    // A function is read and planned at its first calls.
    for (let call = 0; call < 7; call++) await Promise.all(Object.values(functions).map(async (work) => await work(storage, 20 + 2 * call)))
    const executed = async (what: string, work: () => Promise<unknown>, statements: number) => {
      const plans = await plansOf(work)
      t.equal(plans.length, statements, `${what}: ${statements} statements`)
      for (const { statement, scanned, blocks, discarded } of plans) {
        t.strictSame(scanned, [], `${what}: ${statement}`)
        // Four levels of an index and a row for each table and index that is touched.
        t.ok(blocks <= 120, `${what}: ${blocks} blocks`)
        t.ok(discarded <= 10, `${what}: ${discarded} rows are read for nothing`)
      }
    }
    for (const [what, [statements, work]] of Object.entries(hotPaths)) await executed(what, async () => await work(storage), statements)
    await sql`SET auto_explain.log_nested_statements = on`.execute(db)
    await executed('the guard looks at a token, within the function', async () => await functions.findToken(storage, 18), 2)
    await executed('a code is looked at, within the function', async () => await functions.findCode(storage, 9), 2)
    await executed('a refresh, within the function', async () => await functions.rotateRefreshToken(storage, 16), 8)
    await executed('a code is exchanged, within the function', async () => await functions.redeemCode(storage, 11), 8)
  })
}
