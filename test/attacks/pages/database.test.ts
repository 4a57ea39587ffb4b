import t, { type Test } from 'tap'
import { createBrowser } from '../../fixtures/browser-jar.ts'
import { startDatabase, type TestDatabase } from '../../fixtures/database.ts'
import { authorizeUrl, connect, pkce, redirectUri, register } from '../../fixtures/flow.ts'
import { captureLog } from '../../fixtures/log.ts'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { answerTo, beginSignIn, change, csrfOf, isSignedIn, pageUrl, post, signIn } from '../../fixtures/signed-in.ts'
import { startWorld } from '../../fixtures/world.ts'

async function start (t: Test) {
  const database = await startDatabase(t)
  const provider = scriptedProvider()
  const log = captureLog()
  const world = await startWorld(t, { providers: [provider], storage: database.storage, pages: { account: true, admin: true }, fastify: { logger: log.logger } })
  return { database, provider, log, world }
}

/** All that stands in the database. */
async function everything ({ run }: TestDatabase): Promise<string> {
  const tables = await run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
  const rows = await Promise.all(tables.map(async ({ table_name: name }) => await run(`SELECT to_jsonb(t) AS row FROM "${String(name)}" t`)))
  return JSON.stringify(rows)
}

t.test('P10: no cookie, CSRF value, form or handle stands in the database, nor in the log', async t => {
  const { database, log, world } = await start(t)
  const secrets = new Map<string, string>()
  const keep = (what: string, value: string | null | undefined) => {
    if (value === undefined || value === null || value.length < 20) throw new Error(`there is no ${what}`)
    secrets.set(value, what)
  }
  await connect(world)
  for (const kind of ['account', 'admin'] as const) {
    const page = await world.browser.visit(pageUrl(world, kind))
    keep('form', /name="request" value="([^"]+)"/.exec(page.body)?.[1])
    keep('CSRF value of the form', csrfOf(page))
    const departure = await beginSignIn(world, page, world.browser, `${world.issuer}/oauth/callback`)
    keep('handle', departure.url.searchParams.get('state'))
    const signedIn = await world.browser.visit(departure.url)
    t.ok(isSignedIn(signedIn))
    keep('CSRF value of the session', csrfOf(signedIn))
  }
  for (const [name, value] of Object.entries(world.browser.cookies(world.issuer))) keep(name, value)
  await change(world, 'add-user', { email: 'ann@example.com' })
  await change(world, 'add-user', { email: 'ann@example.com' })
  await post(world, 'account', '/end', { all: 'yes' })
  t.equal(secrets.size, 13, 'five cookies, and four values of each page')
  const [stored, logged] = [await everything(database), log.text()]
  t.match(stored, 'ann@example.com', 'it was looked at')
  for (const [value, what] of secrets) {
    t.notOk(stored.includes(value), `${what} in the database`)
    t.notOk(logged.includes(value), `${what} in the log`)
  }
  t.notMatch(log.of('sign-in refused').map(line => JSON.stringify(line)).join(), 'ann@example.com', 'nor what an administrator typed')
  t.match(log.of('sign-in refused'), [{ err: { page: 'emailTaken' } }])
})

t.test('P11: of two administrators who take each other’s power away at once, one stays; and nobody takes their own', async t => {
  const { database, provider, world } = await start(t)
  const { users } = world.app.mcpOAuth
  const [you] = await users.list('you@example.com')
  const yours = you?.id ?? ''
  await signIn(world, 'admin')
  for (const [name, undo] of [['demote', 'promote'], ['suspend', 'activate']] as const) {
    const alone = await change(world, name, { user: yours })
    t.match(alone, { status: 400, body: /Somebody has to administer/ }, name)
    t.match(await change(world, undo, { user: yours }), { status: 200 })
  }
  t.match(await change(world, 'remove-user', { user: yours }), { status: 400, body: /Somebody has to administer/ })

  const bob = createBrowser()
  const bobs = await users.add({ email: 'bob@example.com', role: 'admin' }) ?? ''
  provider.signInAs('bob@example.com')
  await signIn(world, 'admin', bob)
  for (const name of ['demote', 'suspend', 'demote', 'suspend', 'remove-user']) {
    const csrf = { you: csrfOf(await world.browser.visit(pageUrl(world, 'admin'))), bob: csrfOf(await bob.visit(pageUrl(world, 'admin'))) }
    const send = async (browser: typeof bob, form: Record<string, string>) =>
      await browser.fetch(pageUrl(world, 'admin', '/changes'), { method: 'POST', body: new URLSearchParams(form) })
    const answers = await Promise.all([
      send(world.browser, { change: name, user: bobs, csrf: csrf.you }), send(bob, { change: name, user: yours, csrf: csrf.bob })
    ])
    const left = await database.run("SELECT user_id FROM user_profiles WHERE role = 'admin' AND status = 'active'")
    t.equal(left.length, 1, `${name}: ${answers.map(({ status }) => status).join()}`)
    await database.run("UPDATE user_profiles SET role = 'admin', status = 'active'")
  }
})

t.test('P7: whose address stands on the list in two spellings is out', async t => {
  const { database, world } = await start(t)
  for (const kind of ['account', 'admin'] as const) t.ok(isSignedIn(await signIn(world, kind)))
  await database.run("INSERT INTO user_profiles (user_id, email, role, status) VALUES ('twin', 'YOU@example.com', 'user', 'active')")
  for (const kind of ['account', 'admin'] as const) t.notOk(isSignedIn(await world.browser.visit(pageUrl(world, kind))), kind)
  await database.run("DELETE FROM user_profiles WHERE user_id = 'twin'")
  for (const kind of ['account', 'admin'] as const) t.ok(isSignedIn(await world.browser.visit(pageUrl(world, kind))), kind)
})

t.test('P8, I8: whoever has another’s row now sees nothing of theirs, and in the browser of before nothing is told of them', async t => {
  const { database, provider, world } = await start(t)
  const { users } = world.app.mcpOAuth
  const client = await register(world, { client_name: 'Of the first' })
  const first = createBrowser()
  const id = await users.add({ email: 'first@example.com' }) ?? ''
  provider.signInAs('first@example.com')
  const url = authorizeUrl(world, client, pkce())
  await first.submit(await first.visit(url), { decision: 'allow' }, { until: redirectUri })
  t.match(await first.visit(url), { body: /You allowed this on/ })

  await database.run(`UPDATE user_profiles SET email = 'second@example.com', provider = NULL, provider_issuer = NULL, provider_user_id = NULL WHERE user_id = '${id}'`)
  provider.signInAs('second@example.com')
  const second = createBrowser()
  const page = await signIn(world, 'account', second)
  t.ok(isSignedIn(page))
  t.notMatch(page.body, 'Of the first')
  provider.signInAs('you@example.com', { subject: 'subject-1' })
  await signIn(world, 'admin')
  const administered = await world.browser.visit(pageUrl(world, 'admin', `/user?id=${id}`))
  t.match(administered.body, 'second@example.com')
  t.notMatch(administered.body, 'Of the first')

  provider.signInAs('second@example.com')
  const own = await register(world, { client_name: 'Of the second' })
  const ownUrl = authorizeUrl(world, own, pkce())
  await second.submit(await second.visit(ownUrl), { decision: 'allow' }, { until: redirectUri })
  t.match(await second.visit(ownUrl), { body: /You allowed this on/ })
  t.notMatch((await first.visit(ownUrl)).body, 'You allowed')
  await database.run(`UPDATE user_profiles SET email = 'first@example.com' WHERE user_id = '${id}'`)
  t.notOk(isSignedIn(await second.visit(pageUrl(world, 'account'))), 'a session is of the address that signed in')
})

t.test('P3, C9: with a real exchange, an answer is of no use to another sign-in of the same browser', async t => {
  const database = await startDatabase(t)
  const world = await startWorld(t, { storage: database.storage, pages: { account: true, admin: true } })
  const client = await register(world)
  const consent = await world.browser.visit(authorizeUrl(world, client, pkce()))
  const forClient = (await world.browser.submit(consent, { decision: 'allow' }, { until: `${world.issuer}/oauth/callback` })).url
  const forAdmin = await answerTo(world, 'admin')
  const forAccount = await answerTo(world, 'account')
  const mixed = (state: URL, answer: URL) => {
    const url = new URL(answer)
    url.searchParams.set('state', state.searchParams.get('state') ?? '')
    return url
  }
  for (const [state, answer] of [[forClient, forAccount], [forAdmin, forClient], [forAccount, forAdmin]] as const) {
    t.equal((await world.browser.visit(mixed(state, answer))).status, 503, 'the provider does not take it')
    t.equal((await world.browser.visit(state)).status, 403, 'and it is used up')
  }
  t.same(await database.run('SELECT FROM oauth_sessions'), [])
  t.same(await database.run('SELECT FROM oauth_grants'), [])
  t.ok(isSignedIn(await signIn(world, 'admin')), 'as it should be, it works')
  t.match(await database.run('SELECT kind, is_proven FROM oauth_sessions'), [{ kind: 'admin', is_proven: true }])
})
