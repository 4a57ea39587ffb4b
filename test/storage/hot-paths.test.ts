import { sql } from 'kysely'
import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { granted, newToken, now, redeemed } from '../../lib/testing/contract/fixtures.ts'
import { createDatabase, type PostgresVersion } from '../fixtures/postgres.ts'
import { connect } from '../fixtures/storage.ts'

t.setTimeout(120_000)

/** What others have put into the database: functions of the same names, which fit better than ours as long as nobody says otherwise. */
const others = [
  "CREATE FUNCTION oauth_redeem_code(text, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
  "CREATE FUNCTION oauth_rotate_token(text, text, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
  "CREATE FUNCTION row_to_json(oauth_tokens) RETURNS json LANGUAGE sql AS $$ SELECT '{}'::json $$",
  "CREATE FUNCTION to_jsonb(oauth_grants) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$",
  "CREATE FUNCTION json_populate_recordset(oauth_tokens, json) RETURNS SETOF oauth_tokens LANGUAGE sql AS 'SELECT * FROM oauth_tokens WHERE false'",
  // Columns that are called as parameters, rows and variables are.
  ...['at', 'wanted', 'issued', 'successor', 'good', 'part', 'granted', 'client', 'listed', 'token', 'code'].flatMap(name =>
    ['oauth_tokens', 'oauth_authorization_codes', 'oauth_grants', 'oauth_clients', 'user_profiles'].map(table => `ALTER TABLE ${table} ADD ${name} text DEFAULT 'theirs'`)),
  "CREATE DOMAIN note AS text NOT NULL DEFAULT 'none'",
  'ALTER TABLE oauth_tokens ADD remark note'
]

for (const version of [18, 12] satisfies PostgresVersion[]) {
  t.test(`PostgreSQL ${version}: whatever else is in the database, codes and tokens work, and once`, async t => {
    const db = connect(t, await createDatabase(t, { version }))
    await migrateToLatest(db)
    for (const statement of others) await sql.raw(statement).execute(db)
    const storage = new KyselyStorage(db)
    const { code, grant, accessToken } = await redeemed(storage)
    t.match(await storage.findCode(code.codeHash), { code: { codeHash: code.codeHash }, grant: { id: grant.id }, client: { id: grant.clientId } })
    t.hasStrict(await storage.findToken(accessToken.id), { token: accessToken, grant: { id: grant.id }, user: { id: grant.userId } })
    t.equal(await storage.redeemCode({ codeHash: code.codeHash, accessToken: newToken(grant, { type: 'access_token' }), refreshToken: undefined, now }), 'replayed')
    t.equal((await storage.findToken(accessToken.id))?.grant.revokedAt?.getTime(), now.getTime())
    const second = await redeemed(storage)
    const successor = newToken(second.grant)
    const rotation = { tokenId: second.refreshToken.id, successor, accessToken: newToken(second.grant, { type: 'access_token' }), now }
    t.same(await storage.rotateRefreshToken(rotation), { outcome: 'rotated', refreshToken: successor })
    t.hasStrict(await storage.findToken(second.refreshToken.id), { token: { successorId: successor.id, consumedAt: now } })
    t.match(await storage.listConnections(second.grant.userId, now), [{ grant: { id: second.grant.id } }])
    t.equal((await granted(storage)).code.consumedAt, null)
  })
}

t.test('what a function does not do at once, the transaction decides and does', async t => {
  const db = connect(t, await createDatabase(t))
  await migrateToLatest(db)
  for (const parameters of ['oauth_redeem_code(wanted text, at timestamptz, issued json)', 'oauth_rotate_token(wanted text, at timestamptz, issued json, successor text)']) {
    await sql.raw(`CREATE OR REPLACE FUNCTION ${parameters} RETURNS boolean LANGUAGE sql AS 'SELECT false'`).execute(db)
  }
  const storage = new KyselyStorage(db)
  const { grant, accessToken, refreshToken } = await redeemed(storage)
  t.hasStrict(await storage.findToken(accessToken.id), { token: accessToken })
  const { code } = await granted(storage)
  t.equal(await storage.redeemCode({ codeHash: code.codeHash, accessToken: newToken(grant, { type: 'access_token' }), refreshToken: undefined, now }), 'redeemed')
  const successor = newToken(grant)
  t.same(await storage.rotateRefreshToken({ tokenId: refreshToken.id, successor, accessToken: newToken(grant, { type: 'access_token' }), now }), { outcome: 'rotated', refreshToken: successor })
})

t.test('rows that are asked for at the same time are asked for together', async t => {
  const db = connect(t, await createDatabase(t))
  await migrateToLatest(db)
  const storage = new KyselyStorage(db)
  const { accessToken, client, code } = await redeemed(storage)
  const statements: string[] = []
  storage.logStatements({ debug: (told: { sql?: string }) => { statements.push(told.sql ?? '') } })
  const asked = async (work: () => Promise<unknown>) => {
    statements.length = 0
    await work()
    return statements.length
  }
  const findToken = () => storage.findToken(accessToken.id)
  t.equal(await asked(findToken), 1)
  t.equal(await asked(() => Promise.all(Array.from({ length: 50 }, findToken))), 1)
  t.equal(await asked(() => Promise.all(Array.from({ length: 50 }, (_, turn) => storage.findToken(`none ${turn}`)))), 1)
  t.equal(await asked(() => Promise.all(Array.from({ length: 51 }, (_, turn) => storage.findToken(`none ${turn}`)))), 2, 'but not too many in one')
  t.equal(await asked(() => Promise.all([storage.findCode(code.codeHash), storage.findCode('none'), storage.findClient(client.id), storage.findClient('none')])), 2)
  t.equal(await asked(async () => { for (let turn = 0; turn < 3; turn++) await findToken() }), 3, 'nothing is kept')
  await sql`DROP FUNCTION oauth_token_record`.execute(db)
  const refused = await Promise.allSettled(Array.from({ length: 3 }, findToken))
  t.strictSame(refused.map(({ status }) => status), ['rejected', 'rejected', 'rejected'], 'what fails, fails for all of them')
})
