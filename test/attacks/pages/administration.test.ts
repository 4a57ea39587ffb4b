import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { createBrowser, readForm, type Page } from '../../fixtures/browser-jar.ts'
import { callMcp, connect } from '../../fixtures/flow.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import { beginSignIn, change, csrfOf, isSignedIn, pageUrl, post, signIn } from '../../fixtures/signed-in.ts'
import type { World, WorldOptions } from '../../fixtures/world.ts'

const minute = 60_000

/** An administrator who signed in so many minutes ago. */
async function startAdministration (t: Test, { minutes = 0, ...options }: WorldOptions & { minutes?: number } = {}) {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => { mock.timers.reset() })
  const played = await startPlayedWorld(t, { pages: { account: true, admin: true }, ...options })
  await signIn(played.world, 'admin')
  mock.timers.tick(minutes * minute)
  return { ...played, users: played.world.app.mcpOAuth.users }
}

/** The form of a change that waits for a confirmation, sent as it stands. */
async function confirm (world: World, page: Page, more: Record<string, string> = {}, browser = world.browser): Promise<Page> {
  const { fields } = readForm(page)
  return await browser.visit(pageUrl(world, 'admin', '/changes'), { method: 'POST', form: { ...fields, ...more } })
}

t.test('P12: five minutes after the sign-in a change asks for another one, and happens only when it was confirmed', async t => {
  const { provider, users, world } = await startAdministration(t, { minutes: 5 })
  const look = await world.browser.visit(pageUrl(world, 'admin'))
  t.ok(isSignedIn(look), 'to look is allowed')
  t.match(look.body, 'Before a change you will be asked to sign in again')
  const asked = await change(world, 'add-user', { email: 'ann@example.com', name: '<b>Ann</b>', role: 'admin' })
  t.match(asked, { status: 200, body: /Sign in again to go on/ })
  t.match(asked.body, 'Add: ann@example.com, &#60;b&#62;Ann&#60;/b&#62;, as an administrator')
  t.same(await users.list('ann@example.com'), [], 'nothing has happened')
  provider.asked.length = 0
  const confirming = await beginSignIn(world, asked)
  t.match(provider.asked, [{ prompts: ['login'], maxAge: 0 }])
  t.match(confirming, { status: 200, url: { href: pageUrl(world, 'admin', '/confirm') } })
  t.match(confirming.body, 'ann@example.com')
  t.match(confirming.body, 'as an administrator', 'all of it is shown')
  t.same(await users.list('ann@example.com'), [], 'nor by the sign-in')
  t.match(await confirm(world, confirming), { status: 200, body: /Done\./ })
  t.match(await users.list('ann@example.com'), [{ role: 'admin', name: '<b>Ann</b>' }])
  t.match(await confirm(world, confirming), { status: 400, body: /on the list already/ }, 'once')
})

t.test('P12: within the five minutes it happens at once, to the last second of the fourth', async t => {
  const { users, world } = await startAdministration(t)
  t.match(await change(world, 'add-user', { email: 'one@example.com' }), { status: 200, body: /Done\./ })
  mock.timers.tick(5 * minute - 1)
  t.match(await change(world, 'add-user', { email: 'two@example.com' }), { body: /Done\./ })
  mock.timers.tick(1)
  t.match(await change(world, 'add-user', { email: 'three@example.com' }), { body: /Sign in again/ })
  t.same((await users.list()).map(({ email }) => email), ['one@example.com', 'two@example.com', 'you@example.com'])
})

t.test('P12: whoever waits five minutes to confirm signs in once more', async t => {
  const { users, world } = await startAdministration(t, { minutes: 6 })
  const confirming = await beginSignIn(world, await change(world, 'add-user', { email: 'ann@example.com' }))
  mock.timers.tick(5 * minute)
  t.match(await confirm(world, confirming), { body: /Sign in again to go on/ })
  t.same(await users.list('ann@example.com'), [])
})

t.test('P12, PX-11: the provider says when: a sign-in of before is refused, whatever else was asked', async t => {
  const { provider, users, world } = await startAdministration(t, { minutes: 6 })
  const at = (seconds: number) => { provider.signInAs('you@example.com', { subject: 'subject-1', authenticatedAt: new Date(Date.now() + seconds * 1000) }) }
  at(-61)
  const refused = await beginSignIn(world, await change(world, 'add-user', { email: 'ann@example.com' }))
  t.match(refused, { status: 400, body: /Please sign in again/ })
  t.ok(refused.body.includes('href="/oauth/admin"'))
  t.match(await change(world, 'add-user', { email: 'ann@example.com' }), { body: /Sign in again to go on/ }, 'the session of before is as old as it was')
  at(-59)
  const proven = await beginSignIn(world, await change(world, 'add-user', { email: 'ann@example.com' }))
  t.match(proven.body, 'You have signed in again')
  mock.timers.tick(4 * minute + 2000)
  t.match(await confirm(world, proven), { body: /Sign in again to go on/ }, 'the five minutes are from when the provider says')
  t.same(await users.list('ann@example.com'), [])
})

t.test('P12: a provider that does not say when, or when it can not have been, is told as a second look', async t => {
  const { provider, world } = await startAdministration(t, { minutes: 6 })
  const times: Array<[string, (now: number) => Date | undefined, RegExp]> = [
    ['nothing', () => undefined, /does not say when you signed in/],
    ['a year from now', now => new Date(now + 31_536_000_000), /does not say when you signed in/],
    ['milliseconds', now => new Date(now * 1000), /does not say when you signed in/],
    ['no date', () => new Date(NaN), /does not say when you signed in/],
    ['a moment from now', now => new Date(now + 59_000), /You have signed in again/],
    ['now', now => new Date(now), /You have signed in again/]
  ]
  for (const [what, timeOf, words] of times) {
    provider.signInAs('you@example.com', { subject: 'subject-1', authenticatedAt: timeOf(Date.now()) })
    t.match(await beginSignIn(world, await change(world, 'add-user', { email: 'ann@example.com' })), { status: 200, body: words }, what)
    mock.timers.tick(6 * minute)
  }
})

t.test('P13: a change that waits counts in its own browser, once, and for an administrator', async t => {
  const { provider, users, world } = await startAdministration(t, { minutes: 6 })
  const asked = await change(world, 'add-user', { email: 'ann@example.com' })
  const { fields } = readForm(asked)
  const begin = async (form: Record<string, string>, browser = world.browser) =>
    await browser.visit(pageUrl(world, 'admin', '/sign-in?provider=local'), { method: 'POST', form })
  const other = createBrowser()
  t.match(await begin(fields, other), { status: 403, body: /not opened in this browser/ }, 'in another browser')
  await signIn(world, 'admin', other)
  t.match(await begin(fields, other), { status: 403 }, 'also in that of an administrator')
  t.equal((await other.visit(pageUrl(world, 'admin', '/confirm'))).status, 400, 'where nothing waits')

  await users.add({ email: 'bob@example.com' })
  provider.signInAs('bob@example.com')
  t.match(await begin(fields), { status: 403, body: /You are not an administrator/ }, 'by somebody else')
  t.match(await begin(fields), { status: 403, body: /sent before/ }, 'twice')
  t.same(await users.list('ann@example.com'), [])
})

t.test('P13: a change that waits can not be exchanged for another', async t => {
  const { watch, world } = await startAdministration(t, { minutes: 6 })
  const { fields } = readForm(await change(world, 'add-user', { email: 'ann@example.com' }))
  const [payload = '', tag = ''] = (fields['request'] ?? '').split('.')
  const sealed = JSON.parse(Buffer.from(payload, 'base64url').toString())
  t.match(sealed, { content: { pending: 'change=add-user&email=ann%40example.com' } })
  const forged = Buffer.from(JSON.stringify({ ...sealed, content: { pending: 'change=add-user&email=eve%40example.com&role=admin' } })).toString('base64url')
  watch.calls.length = 0
  for (const request of [`${forged}.${tag}`, `${forged}.`, forged, `${payload}.${tag}x`, `${payload}.${tag}.`, '']) {
    const answer = await world.browser.visit(pageUrl(world, 'admin', '/sign-in?provider=local'), { method: 'POST', form: { csrf: fields['csrf'] ?? '', request } })
    t.ok([400, 403].includes(answer.status), request.slice(-20))
  }
  t.same(watch.calls, [], 'nothing was begun')
})

t.test('P13: a form of an hour ago begins no sign-in', async t => {
  const { world } = await startAdministration(t, { minutes: 6 })
  const asked = await change(world, 'add-user', { email: 'ann@example.com' })
  const account = await world.browser.visit(pageUrl(world, 'account'))
  mock.timers.tick(60 * minute - 1)
  // The cookie that the page came with is there for as long.
  await world.browser.visit(pageUrl(world, 'account'))
  mock.timers.tick(1)
  t.match(await beginSignIn(world, asked), { status: 403, body: /open for too long/ })
  t.match(await beginSignIn(world, account), { status: 403, body: /open for too long/ })
})

t.test('P14: changes that there are not, and what is wrong with those that there are', async t => {
  const { users, watch, world } = await startAdministration(t)
  const { client } = await connect(world)
  const [you] = await users.list('you@example.com')
  const id = you?.id ?? ''
  const csrf = csrfOf(await world.browser.visit(pageUrl(world, 'admin')))
  const send = async (body: string) => await world.browser.fetch(pageUrl(world, 'admin', '/changes'), {
    method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `csrf=${csrf}&${body}`
  })
  const long = 'x'.repeat(60_000)
  const wrong = [
    '', 'change=', 'change=constructor', 'change=__proto__', 'change=toString', 'change=hasOwnProperty', 'change[]=suspend', 'change=suspend&change=demote', 'change=SUSPEND', `change=${long}`, 'change=add-user%00',
    'change=suspend', 'change=suspend&user=', 'change=suspend&user=nobody', `change=suspend&user=${id}&user=${id}`, `change=suspend&user[]=${id}`, `change=suspend&user=${long}`, 'change=suspend&user=%00',
    'change=add-user', 'change=add-user&email=', 'change=add-user&email=a', 'change=add-user&email=a%40b%40example.com', `change=add-user&email=${long}%40example.com`, 'change=add-user&email=%EF%BD%81dmin%40example.com',
    'change=add-user&email=a%40example.com&email=b%40example.com', 'change=add-user&email=a%40example.com%0D%0Ab%40example.com', `change=add-user&email=a%40example.com&name=${'n'.repeat(201)}`,
    'change=add-user&email=a%40example.com&name=%00', 'change=add-user&email=a%40example.com&name=a&name=b', 'change=add-user&email=a%40example.com&role=user&role=admin', 'change=add-user&email=you%40example.com', 'change=add-user&email=%20YOU%40EXAMPLE.COM%20',
    'change=import-users', 'change=import-users&emails=', 'change=import-users&emails=a%40example.com%0Anobody', 'change=import-users&emails=a%40example.com&emails=b%40example.com', `change=import-users&emails=${long}`,
    `change=import-users&emails=${Array.from({ length: 1001 }, (_, index) => `${index}%40example.com`).join('+')}`,
    'change=end-connection', 'change=unpin&user=nobody', 'change=remove-user&user=nobody', 'change=deactivate-client&client=nobody', 'change=activate-client', `change=end-connection&user=${id}&client=`
  ]
  for (const body of wrong) t.equal((await send(body)).status, 400, body.slice(0, 80))
  t.same((await users.list()).map(({ email }) => email), ['you@example.com'])
  t.equal((await world.app.mcpOAuth.clients.find(client.client_id))?.active, true)

  // The same before anybody signs in for it.
  mock.timers.tick(6 * minute)
  watch.calls.length = 0
  for (const body of wrong) {
    // The address is looked up when it is added.
    if (/email=(?:you|%20YOU)/.test(body)) continue
    t.equal((await send(body)).status, 400, `${body.slice(0, 80)}, later`)
  }
  t.same([...new Set(watch.calls)].filter(name => name !== 'listSigningKeys').sort(), ['findClient', 'findSession', 'findUser'], 'nothing was begun')
})

t.test('P14: a list of a thousand addresses, a line each, waits for the sign-in and is added whole', async t => {
  const { users, world } = await startAdministration(t, { minutes: 6 })
  const emails = Array.from({ length: 1000 }, (_, index) => `${String(index).padStart(36, 'x')}@example.com`)
  const asked = await change(world, 'import-users', { emails: emails.join('\r\n') })
  t.match(asked, { status: 200, body: /Sign in again to go on/ })
  const confirming = await beginSignIn(world, asked)
  t.match(confirming, { status: 200, url: { pathname: '/oauth/admin/confirm' } })
  t.match(confirming.body, emails[999])
  t.match(await confirm(world, confirming), { status: 200, body: /Added: 1000\/1000/ })
  t.equal((await users.list()).length, 1001)
  t.match(await change(world, 'import-users', { emails: `${emails[0]}; new@example.com, NEW@example.com\n` }), { body: /Added: 1\/2/ })
})

t.test('P15: what an administrator does takes effect at once: tokens of who was removed, suspended or disconnected, and of a deactivated client', async t => {
  const { users, world } = await startAdministration(t, { revalidateAfter: 3600 })
  const [you] = await users.list('you@example.com')
  const about = { user: you?.id ?? '' }
  await users.add({ email: 'bob@example.com', role: 'admin' })
  const ways: Array<[string, string | undefined, (clientId: string) => Record<string, string>]> = [
    ['end-connection', undefined, client => ({ ...about, client })],
    ['end-connections', undefined, () => about],
    ['deactivate-client', 'activate-client', client => ({ client })]
  ]
  for (const [name, undo, fieldsOf] of ways) {
    const { client, tokens } = await connect(world)
    t.equal((await callMcp(world, tokens.access_token)).status, 200)
    const fields = fieldsOf(client.client_id)
    const done = await change(world, name, fields)
    t.match(done, { status: 200, body: /Done\./ }, name)
    t.equal((await callMcp(world, tokens.access_token)).status, 401, name)
    if (undo !== undefined) t.match(await change(world, undo, fields), { body: /Done\./ })
  }
  const { client, tokens } = await connect(world)
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  t.notOk(isSignedIn(await change(world, 'suspend', about)), 'whoever suspends themselves is out')
  t.equal((await callMcp(world, tokens.access_token)).status, 401)
  await users.update(about.user, { status: 'active' })
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  t.match(await post(world, 'admin', '/changes', { change: 'remove-user', ...about }), { status: 200 })
  t.equal((await callMcp(world, tokens.access_token)).status, 401)
  t.equal((await world.app.mcpOAuth.clients.find(client.client_id))?.active, true)
})

t.test('P15: what a change is about is shown before it is made, and each can be made', async t => {
  const { provider, users, world } = await startAdministration(t)
  const { client } = await connect(world, { metadata: { client_name: 'Claude <b>' } })
  const id = await users.add({ email: 'ann@example.com' }) ?? ''
  provider.signInAs('ann@example.com')
  await connect(world, { browser: createBrowser() })
  provider.signInAs('you@example.com', { subject: 'subject-1' })
  const about = { user: id, client: client.client_id }
  const steps: Array<[string, RegExp, () => Promise<unknown>, unknown]> = [
    ['suspend', /Suspend: ann@example\.com</, async () => (await users.list('ann@example.com'))[0]?.status, 'suspended'],
    ['activate', /Give access again: ann@/, async () => (await users.list('ann@example.com'))[0]?.status, 'active'],
    ['promote', /Make an administrator: ann@/, async () => (await users.list('ann@example.com'))[0]?.role, 'admin'],
    ['demote', /Make an ordinary user: ann@/, async () => (await users.list('ann@example.com'))[0]?.role, 'user'],
    ['end-connection', /End the access of an application: ann@example\.com, Claude &#60;b&#62; \(/, async () => (await world.storage.listConnections(id, new Date())).length, 1],
    ['end-connections', /End all access of applications: ann@/, async () => (await world.storage.listConnections(id, new Date())).length, 0],
    ['unpin', /Let another account sign in: ann@/, async () => (await users.list('ann@example.com'))[0]?.providerUserId, null],
    ['deactivate-client', /Deactivate: Claude &#60;b&#62; \(mcp-/, async () => (await world.app.mcpOAuth.clients.find(client.client_id))?.active, false],
    ['activate-client', /Activate: Claude &#60;b&#62; \(mcp-/, async () => (await world.app.mcpOAuth.clients.find(client.client_id))?.active, true],
    ['remove-user', /Remove from the list: ann@/, async () => (await users.list('ann@example.com')).length, 0]
  ]
  for (const [name, words, look, wanted] of steps) {
    mock.timers.tick(6 * minute)
    const asked = await change(world, name, about)
    t.match(asked.body, words, name)
    t.match(await confirm(world, await beginSignIn(world, asked)), { status: 200, body: /Done\./ })
    t.equal(await look(), wanted, name)
    await world.browser.visit(pageUrl(world, 'admin'))
    await post(world, 'admin', '/sign-out', {})
    await signIn(world, 'admin')
  }
})

t.test('P15: the account page ends what its person has, of one client or all, at once', async t => {
  const { world } = await startAdministration(t, { revalidateAfter: 3600 })
  await signIn(world, 'account')
  const one = await connect(world)
  const two = await connect(world, { metadata: { client_name: 'Another' } })
  const three = await connect(world, { metadata: { client_name: 'Third' } })
  const statuses = async () => await Promise.all([one, two, three].map(async ({ tokens }) => (await callMcp(world, tokens.access_token)).status))
  t.same(await statuses(), [200, 200, 200])
  const ended = await post(world, 'account', '/end', { client: one.client.client_id })
  t.match(ended, { status: 200, body: /The access has ended/ })
  t.notMatch(ended.body, 'Test client')
  t.same(await statuses(), [401, 200, 200])
  await post(world, 'account', '/end', { all: 'yes' })
  t.same(await statuses(), [401, 401, 401])
  t.match(await world.browser.visit(pageUrl(world, 'account')), { body: /No application has access in your name/ })
})

t.test('P14: what is gone by now is told as such, before a sign-in and after it', async t => {
  const { world } = await startAdministration(t)
  const { client } = await connect(world)
  t.match(await change(world, 'unpin', { user: 'nobody' }), { status: 400, body: /This entry is gone/ })
  mock.timers.tick(6 * minute)
  t.match(await change(world, 'deactivate-client', { client: 'nobody' }), { status: 400, body: /This entry is gone/ })
  t.match(await change(world, 'deactivate-client', { client: client.client_id }), { status: 200, body: /Sign in again to go on/ })
})
