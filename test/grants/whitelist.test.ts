import t from 'tap'
import type { Test } from 'tap'
import { linksOf, type Page } from '../fixtures/browser-jar.ts'
import { startDatabase } from '../fixtures/database.ts'
import { allow, authorizeUrl, callMcp, connect, pkce, redeem, refresh, refusalOf, register, type Registered } from '../fixtures/flow.ts'
import { captureLog } from '../fixtures/log.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { empty } from '../fixtures/storage.ts'
import { startWorld, type World } from '../fixtures/world.ts'

const invalidGrant = { status: 400, error: 'invalid_grant' }
const invalidToken = { status: 401, error: 'invalid_token' }

// PostgreSQL: much of what is tested here is done to the tables by plain SQL.
const database = await startDatabase(t)

async function start (t: Test) {
  await empty(database.db)
  const log = captureLog()
  const local = scriptedProvider()
  const staff = scriptedProvider({ id: 'staff', name: 'Staff', emailDomains: ['staff.example'] })
  const world = await startWorld(t, { storage: database.storage, providers: [local, staff], revalidateAfter: 0, fastify: { logger: log.logger } })
  return { ...database, log, local, staff, world, client: await register(world) }
}

async function signIn (world: World, client: Registered, provider = 'Local'): Promise<Page> {
  const consent = await world.browser.visit(authorizeUrl(world, client, pkce()))
  return await allow(world, consent, { provider })
}

const isIn = (page: Page) => page.url.searchParams.has('code')

t.test('whoever is not on the list reads which e-mail was used and whom to ask, and nothing else happens', async t => {
  const { world, client, local, run, log } = await start(t)
  local.signInAs('Stranger@Example.org', { name: 'Stranger' })
  const before = await run('SELECT * FROM user_profiles')
  const page = await signIn(world, client)
  t.equal(page.status, 403)
  t.match(page.body, 'You are not on the list')
  t.match(page.body, `stranger@example.org, and this address has no access here.</p><p>Ask the people who run ${new URL(world.issuer).host}`)
  t.match(Object.fromEntries(linksOf(page)[0]?.searchParams ?? []), { error: 'access_denied', state: 'client-state', iss: world.issuer })
  t.same(await run('SELECT * FROM user_profiles'), before)
  for (const table of ['oauth_grants', 'oauth_authorization_codes', 'oauth_tokens']) t.same(await run(`SELECT FROM ${table}`), [], table)
  t.match(log.of('sign-in refused'), [{ err: { cause: 'not-listed' } }])
  await run("INSERT INTO user_profiles (user_id, email, name) VALUES (gen_random_uuid(), 'STRANGER@example.org', 'Listed')")
  t.ok(isIn(await signIn(world, client)), 'the guide’s INSERT lets them in, whatever the case')
})

t.test('a suspended row refuses: at sign-in, at refresh and at every request; so does one without a status', async t => {
  const { world, run } = await start(t)
  const { client, tokens } = await connect(world)
  for (const status of ["'suspended'", 'NULL', "'whatever'"]) {
    await run(`UPDATE user_profiles SET status = ${status}`)
    const page = await signIn(world, client)
    t.equal(page.status, 403, status)
    t.match(page.body, 'access of you@example.com is suspended')
    t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken)
    t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
  }
  await run("UPDATE user_profiles SET status = 'active'")
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
})

t.test('two rows that differ only in case: neither signs in, neither goes on, and the log names them', async t => {
  const { world, run, log } = await start(t)
  const { client, tokens } = await connect(world)
  for (const status of ['active', 'suspended']) {
    await run(`INSERT INTO user_profiles (user_id, email, status) VALUES ('twin', 'You@Example.com', '${status}')`)
    const page = await signIn(world, client)
    t.equal(page.status, 403, `the twin is ${status}`)
    t.match(page.body, 'on the list twice')
    t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken)
    t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
    const ids = (await run('SELECT user_id FROM user_profiles ORDER BY 1')).map(row => row['user_id'])
    t.equal(ids.length, 2)
    t.match(log.lines.filter(({ level }) => level === 40).at(-1), { userIds: ids, msg: /two spellings/ })
    await run("DELETE FROM user_profiles WHERE user_id = 'twin'")
  }
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'resolved, it goes on')
})

t.test('a row that names a provider admits only that one; emailDomains limit what a provider may say', async t => {
  const { world, client, local, staff, run } = await start(t)
  await run("INSERT INTO user_profiles (user_id, email, provider) VALUES ('ann', 'ann@staff.example', 'staff')")
  local.signInAs('ann@staff.example')
  t.match(await signIn(world, client, 'Local'), { status: 403, body: /but not through Local/ })
  staff.signInAs('you@example.com')
  t.match(await signIn(world, client, 'Staff'), { status: 403, body: /can not be used through Staff/ })
  staff.signInAs('ann@sub.staff.example')
  t.match(await signIn(world, client, 'Staff'), { status: 403, body: /can not be used through Staff/ }, 'a subdomain is another domain')
  staff.signInAs('ann@staff.example', { name: 'Ann', picture: 'https://staff.example/ann.png' })
  t.ok(isIn(await signIn(world, client, 'Staff')))
  t.match(await run("SELECT provider, provider_user_id, name, picture, role FROM user_profiles WHERE user_id = 'ann'"), [
    { provider: 'staff', provider_user_id: 'subject-of-ann@staff.example', name: 'Ann', picture: 'https://staff.example/ann.png', role: 'user' }
  ], 'the pin is set, name and picture are kept')
})

t.test('role and name come from the row, not from the token’s claims', async t => {
  const { world, run } = await start(t)
  const { tokens } = await connect(world)
  await run("UPDATE user_profiles SET role = 'user', name = 'Renamed'")
  const answer = await callMcp(world, tokens.access_token)
  t.match(await answer.json(), { user: { role: 'user', name: 'Renamed', email: 'you@example.com' } })
})

t.test('a row that gets another e-mail by plain SQL ends the grant, also where it gets the old one back', async t => {
  const { world, run } = await start(t)
  const { client, tokens } = await connect(world)
  const other = await connect(world)
  await run("UPDATE user_profiles SET email = 'YOU@example.com'")
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'another spelling is the same address')
  await run("UPDATE user_profiles SET email = 'next@example.com'")
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken)
  t.same(await refusalOf(refresh(world, other.client, other.tokens.refresh_token)), invalidGrant)
  await run("UPDATE user_profiles SET email = 'you@example.com'")
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken)
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
  t.same(await refusalOf(callMcp(world, other.tokens.access_token)), invalidToken, 'whichever of them was asked meanwhile')
  t.same(await run('SELECT FROM oauth_grants WHERE revoked_at IS NULL'), [])
})

t.test('a row that is deleted by plain SQL ends the access', async t => {
  const { world, run } = await start(t)
  const { client, tokens } = await connect(world)
  await run('DELETE FROM user_profiles')
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken)
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
  t.equal((await signIn(world, client)).status, 403)
})

t.test('the whitelist is read again between code and tokens', async t => {
  const { world, client, run } = await start(t)
  const challenge = pkce()
  const consent = await world.browser.visit(authorizeUrl(world, client, challenge))
  const end = await allow(world, consent)
  await run("UPDATE user_profiles SET status = 'suspended'")
  t.same(await refusalOf(redeem(world, client, end.url.searchParams.get('code') ?? '', challenge)), invalidGrant)
  t.same(await run('SELECT FROM oauth_tokens'), [])
})
