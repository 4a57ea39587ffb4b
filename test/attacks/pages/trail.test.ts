import t from 'tap'
import { auditEventTypes, noOrigin, type AuditEntry } from '../../../lib/audit/event.ts'
import { StorageUnavailableError } from '../../../lib/index.ts'
import { serverBehind } from '../../../lib/server.ts'
import { createBrowser, type Page } from '../../fixtures/browser-jar.ts'
import { callMcp, connect, redirectUri } from '../../fixtures/flow.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import { isSignedIn, pageUrl, post, signIn } from '../../fixtures/signed-in.ts'
import type { World, WorldOptions } from '../../fixtures/world.ts'

const pages = { account: true, admin: true }

/** An administrator, Ann who is none, and what happened to both. */
async function start (t: Parameters<typeof startPlayedWorld>[0], options: WorldOptions = {}) {
  const played = await startPlayedWorld(t, { pages, ...options })
  const { provider, world } = played
  const { users } = world.app.mcpOAuth
  await users.add({ email: 'ann@example.com' })
  const [you, ann] = await Promise.all(['you@example.com', 'ann@example.com'].map(async email => (await users.list(email))[0]))
  const annsBrowser = createBrowser()
  provider.signInAs('ann@example.com', { subject: 'subject-ann' })
  await signIn(world, 'account', annsBrowser)
  provider.signInAs('you@example.com', { subject: 'subject-1' })
  for (const kind of ['account', 'admin'] as const) await signIn(world, kind)
  return { ...played, annsBrowser, you: you?.id ?? '', ann: ann?.id ?? '' }
}

function record ({ app }: World, ...entries: AuditEntry[]): void {
  for (const entry of entries) serverBehind(app.mcpOAuth)?.audit.record(entry)
}

const look = async (world: World, kind: 'account' | 'admin', query: Record<string, string> | string = '', browser = world.browser) =>
  await browser.visit(pageUrl(world, kind, `/trail?${typeof query === 'string' ? query : new URLSearchParams(query).toString()}`))

const eventsIn = ({ body }: Page) => [...body.matchAll(/<strong>([^<]+)<\/strong>/g)].map(([, label]) => label)
const nextOf = ({ body }: Page) => /rel="next" href="[^"]*after&#61;([\w%-]+)"/.exec(body)?.[1] ?? ''

t.test('P22: whoever asks for somebody else’s events, by whatever parameter, gets their own', async t => {
  const { world, annsBrowser, you, ann } = await start(t)
  for (let turn = 0; turn < 60; turn++) record(world, { type: 'access', actor: { type: 'user', id: you, email: 'you@example.com' }, userId: you, details: { tools: [`tool-of-you-${turn}`] } })
  record(world, { type: 'access', actor: { type: 'user', id: ann, email: 'ann@example.com' }, userId: ann, details: { tools: ['tool-of-ann'] } })
  const hers = await look(world, 'account', '', annsBrowser)
  t.equal(hers.status, 200)
  t.match(hers.body, 'tool-of-ann')
  t.strictSame(eventsIn(hers).toSorted(), ['Person added to the list', 'Request', 'Signed in here'])
  const foreign = nextOf(await look(world, 'admin', { user: you }))
  t.not(foreign, '')
  const tries = [
    `user=${you}`, `userId=${you}`, 'user=you%40example.com', `user[]=${you}`, `user=${ann}&user=${you}`, 'user=', 'user=*', 'user=%25', `client=&type=access&user=${you}`, 'all=yes', 'limit=100000', `after=${foreign}`,
    `after=${foreign}&user=${you}`
  ]
  for (const query of tries) {
    const page = await look(world, 'account', query, annsBrowser)
    t.equal(page.status, 200, query)
    t.notMatch(page.body, 'tool-of-you', query)
    t.match(page.body, 'ann@example.com')
    t.notMatch(page.body, 'you@example.com', query)
  }
})

t.test('P22: only an administrator sees what happened, as the row has it at that request', async t => {
  const { provider, world, annsBrowser, you, ann } = await start(t)
  const { users } = world.app.mcpOAuth
  record(world, { type: 'access', actor: { type: 'server' }, details: { tools: ['secret_tool'] } })
  const sees = async (browser = world.browser) => {
    const page = await look(world, 'admin', '', browser)
    t.equal(page.status, 200)
    t.equal(isSignedIn(page), page.body.includes('secret_tool'))
    return isSignedIn(page)
  }
  t.equal(await sees(), true)
  t.equal(await sees(createBrowser()), false, 'nobody')
  t.equal(await sees(annsBrowser), false, 'somebody who is no administrator')
  provider.signInAs('ann@example.com', { subject: 'subject-ann' })
  t.match(await signIn(world, 'admin', annsBrowser), { status: 403 })
  t.equal(await sees(annsBrowser), false)
  const changes = [[{ status: 'suspended' }, { status: 'active' }], [{ role: 'user' }, { role: 'admin' }], [{ email: 'other@example.com' }, { email: 'you@example.com' }]] as const
  for (const [change, back] of changes) {
    await users.update(you, change)
    t.equal(await sees(), false, Object.keys(change).join())
    await users.update(you, back)
    t.equal(await sees(), true)
  }
  await users.update(ann, { status: 'suspended' })
  t.notOk(isSignedIn(await look(world, 'account', '', annsBrowser)))
  t.notMatch((await look(world, 'account', '', annsBrowser)).body, 'Person added')
  await post(world, 'admin', '/sign-out', {})
  t.equal(await sees(), false, 'who has signed out')
})

const hostile = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'><svg/onload=alert(1)>", '</bdi></dl><b>', '\u202Egnp.exe\u2066', 'a\u200Bb', '\u001b[2J\u009b31m\u0000\n', '&lt;b&gt;', 'javascript:alert(1)']

t.test('P22: nothing that a stranger wrote into an event becomes markup, changes direction or hides', async t => {
  const { world, annsBrowser, ann } = await start(t)
  // A name with control characters is refused.
  for (const text of hostile) await connect(world, { metadata: { client_name: text, redirect_uris: [redirectUri] } }).catch(() => {})
  for (const text of hostile) {
    const member = { type: 'administrator', id: text, email: text } as const
    record(world,
      { type: 'client.refused', actor: { type: 'anonymous', id: text }, clientId: text, ...noOrigin, userAgent: text, address: text, requestId: text, outcome: 'refused', reason: text, details: { [text]: text, tools: [text] } },
      { type: 'access', actor: member, userId: ann, clientId: text, ...noOrigin, userAgent: text, address: text, details: { route: text, method: text } },
      { type: 'sign-in.refused', actor: member, userId: ann, details: { scopes: [text] } })
  }
  const seen = [await look(world, 'admin'), await look(world, 'account', '', annsBrowser)]
  for (const { status, body } of seen) {
    t.equal(status, 200)
    t.match(body, '&#60;script&#62;alert(1)')
    // eslint-disable-next-line no-control-regex
    t.notMatch(body, /<script|<img|<svg|<b>|\son\w+=|href="javascript:|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200B-\u200F\u2028-\u202E\u2066-\u2069]/)
    for (const [, target = ''] of body.matchAll(/(?:href|action)="([^"]*)"/g)) t.match(target, /^\/oauth\/(?:admin|account)(?:[/?]|$)/)
  }
})

t.test('P22: no token, code, secret or cookie is on these pages, though all of them were used', async t => {
  const { world } = await start(t)
  const { client, tokens } = await connect(world)
  await callMcp(world, tokens.access_token)
  await callMcp(world, `${tokens.access_token}x`)
  const bodies = [(await look(world, 'admin')).body, (await look(world, 'account')).body]
  const secrets = [tokens.access_token, tokens.refresh_token, tokens.id_token, client.client_secret, ...Object.values(world.browser.cookies(`${world.issuer}/oauth/`))].filter(value => typeof value === 'string')
  t.ok(secrets.length >= 4)
  for (const body of bodies) {
    t.match(body, 'Application connected')
    for (const secret of secrets) t.notOk(body.includes(secret) || body.includes(secret.slice(-30)), `${secret.slice(0, 10)}…`)
  }
})

t.test('P22: filters that are none get a page that says so, and nothing is read', async t => {
  const { watch, world } = await start(t)
  const forged = (text: string) => `after=${Buffer.from(text).toString('base64url')}`
  const long = 'x'.repeat(513)
  const wrong = [
    'type=login', 'type=constructor', 'type=__proto__', 'type=ACCESS', 'type=access%2Ctoken.issued', 'type=access&type=access', 'type=%00', 'from=yesterday', 'from=2026-02-30', 'from=2026-11-25T09%3A30', 'from=25.11.2026',
    'until=2026-13-01', 'until=99999-01-01', 'until=-1', 'until=NaN', 'from=2026-11-25&from=2026-11-26', `user=${long}`, `client=${long}`, 'user=%00', 'user=a%0Ab', 'client=%1B%5B2J', 'client=a&client=b', 'user=%ED%A0%80%00',
    'after=x', 'after=W10', `after=${'x'.repeat(5000)}`, forged('[1,"w"]'), forged('[1,"w",2]; DROP TABLE oauth_audit_events'), forged('[1,"w\' OR 1=1--",2]'), forged('[1e3,"w",2]'), forged('[-1,"w",2]'), forged('[9999999999999999,"w",2]'), 'after=a&after=b'
  ]
  watch.trail.length = 0
  for (const kind of ['admin', 'account'] as const) {
    for (const query of wrong.filter(query => kind === 'admin' || query.startsWith('after'))) {
      const page = await look(world, kind, query)
      t.equal(page.status, 400, `${kind} ${query.slice(0, 60)}`)
      t.match(page.body, /This can not be looked for|holds characters that are not allowed|was sent more than once/)
      t.match(page.body, `href="/oauth/${kind}"`)
      t.notMatch(page.body, /xxxxx|DROP TABLE/)
    }
  }
  t.notOk(watch.trail.includes('queryAudit'))
})

t.test('P22: whatever else is asked for is answered, and never with more than a page', async t => {
  const { watch, world, you } = await start(t)
  for (let turn = 0; turn < 120; turn++) record(world, { type: 'access', at: new Date(Date.now() - turn * 1000), actor: { type: 'user', id: you, email: 'you@example.com' }, userId: you, details: { tools: [`tool-${turn}`] } })
  const forged = (time: number | string, writer = 'w', sequence: number | string = 1) => `after=${Buffer.from(`[${time},"${writer}",${sequence}]`).toString('base64url')}`
  const odd = [
    'limit=100000', 'limit=-1', 'limit=1e9', 'pageSize=9999', 'offset=10', 'user=nobody', 'user=%25', `user=${you}%27--`, 'client=nobody', `client=${'x'.repeat(512)}`, 'user=nobody%40example.com', 'from=0000-01-01', 'from=0001-01-01&until=9999-12-31',
    'until=9999-12-31', 'from=2999-01-01', 'from=2026-11-25&until=2026-11-24', '__proto__=x', 'type[]=access', 'type=', 'user=&client=&type=&from=&until=', forged(0), forged('999999999999999', 'w', '999999999999999'), forged('000000000000001', '-_-')
  ]
  for (const query of odd) {
    const page = await look(world, 'admin', query)
    t.equal(page.status, 200, query)
    t.ok(eventsIn(page).length <= 50, query)
  }
  t.match((await look(world, 'admin', 'user=nobody%40example.com')).body, 'This address is not on the list')
  for (const query of ['limit=100000', 'offset=10']) t.equal(eventsIn(await look(world, 'account', query)).length, 50)
  t.ok(watch.trail.includes('queryAudit'))
})

t.test('a person, a client, a kind and days are looked for, page by page', async t => {
  const { world, ann, you } = await start(t)
  const day = (text: string, index = 0) => new Date(Date.parse(`${text}T00:00:00.000Z`) + index)
  const access = (at: Date, tool: string) => record(world, { type: 'access', at, actor: { type: 'user', id: ann, email: 'ann@example.com' }, userId: ann, clientId: 'mcp-1', details: { tools: [tool] } })
  access(day('2026-03-09', 86_399_999), 'tool-before')
  for (let index = 0; index < 120; index++) access(day('2026-03-10', index * 600_000), `tool-${index}`)
  access(day('2026-03-11'), 'tool-after')
  record(world, { type: 'user.changed', at: day('2026-03-10', 5), actor: { type: 'administrator', id: you, email: 'you@example.com' }, userId: ann, details: { status: 'active' } })
  const found: string[] = []
  let query: Record<string, string> = { user: 'ANN@example.com', client: 'mcp-1', type: 'access', from: '2026-03-10', until: '2026-03-10' }
  for (let pages = 1; ; pages++) {
    const page = await look(world, 'admin', query)
    found.push(...[...page.body.matchAll(/tool-\w+/g)].map(([tool]) => tool))
    const after = nextOf(page)
    t.equal(page.body.includes('>Latest</a>'), pages > 1)
    if (after === '') {
      t.equal(pages, 3)
      break
    }
    query = { ...query, after }
  }
  t.strictSame(found, Array.from({ length: 120 }, (_, index) => `tool-${119 - index}`))
  t.match((await look(world, 'admin', { client: 'mcp-1' })).body, 'tool-after')
  t.strictSame(eventsIn(await look(world, 'admin', { user: ann, type: 'user.changed' })), ['Person changed'])
  t.strictSame(eventsIn(await look(world, 'admin', { until: '2026-03-09' })), ['Request'])
})

t.test('somebody who stands on the list twice is looked for by the id, and somebody who was removed too', async t => {
  const { watch, world, ann } = await start(t)
  await world.app.mcpOAuth.users.remove(ann)
  t.match((await look(world, 'admin', { user: 'ann@example.com' })).body, 'This address is not on the list, or more than once')
  t.strictSame(eventsIn(await look(world, 'admin', { user: ann })), ['Person removed from the list', 'Signed in here', 'Person added to the list'])
  const listUsers = watch.storage.listUsers.bind(watch.storage)
  watch.storage.listUsers = async email => (await listUsers(email)).flatMap(user => [user, { ...user, id: 'twin' }])
  t.match((await look(world, 'admin', { user: 'you@example.com' })).body, 'This address is not on the list, or more than once')
})

t.test('every kind of event has its words, and each can be looked for', async t => {
  const { world } = await start(t)
  for (const type of auditEventTypes) {
    record(world, { type, actor: { type: 'server' } })
    const page = await look(world, 'admin', { type })
    t.equal(page.status, 200, type)
    t.ok(eventsIn(page).length >= 1)
    t.notMatch(page.body, `<strong>${type}</strong>`)
  }
})

t.test('where nothing is written down, there is no such page, and none leads there', async t => {
  const { world } = await start(t, { audit: false })
  for (const kind of ['admin', 'account'] as const) {
    t.equal((await look(world, kind)).status, 404)
    const page = await world.browser.visit(pageUrl(world, kind))
    t.ok(isSignedIn(page))
    t.notMatch(page.body, /trail|What happened/)
  }
})

t.test('while the storage is down, the page says so', async t => {
  const { watch, world } = await start(t)
  const { storage } = watch
  const queryAudit = storage.queryAudit.bind(storage)
  storage.queryAudit = async () => { throw new StorageUnavailableError({ reason: 'a test' }) }
  for (const kind of ['admin', 'account'] as const) t.match(await look(world, kind), { status: 503, body: /Please try again in a moment/ })
  storage.queryAudit = queryAudit
  t.match(await look(world, 'admin'), { status: 200 })
})

t.test('P22: whoever gets a row that was somebody else’s does not see what that one did', async t => {
  const request = (id: string, email: string) => ({ type: 'access', actor: { type: 'user', id, email }, userId: id, details: { tools: ['tool-of-the-former-one'] } }) as const
  const handOver = {
    'by a new address': async ({ world, ann }: Awaited<ReturnType<typeof start>>) => {
      await world.app.mcpOAuth.users.update(ann, { email: 'eve@example.com' })
      await world.storage.unpinUser(ann, new Date())
    },
    'by an unpinned row': async ({ world, ann }: Awaited<ReturnType<typeof start>>) => { await world.app.mcpOAuth.users.unpin(ann) },
    // Nothing tells the trail of that.
    'by a new address in the database': async ({ world, ann }: Awaited<ReturnType<typeof start>>) => {
      await world.storage.updateUser(ann, { email: 'eve@example.com' }, new Date())
      await world.storage.unpinUser(ann, new Date())
    }
  }
  for (const [how, give] of Object.entries(handOver)) {
    const started = await start(t)
    const { provider, world, ann, annsBrowser } = started
    record(world, request(ann, 'ann@example.com'))
    t.match((await look(world, 'account', '', annsBrowser)).body, 'tool-of-the-former-one')
    const { after } = await world.app.mcpOAuth.audit.query({ userId: ann, limit: 1 })
    await give(started)
    await new Promise(resolve => setTimeout(resolve, 5))
    const [row] = (await world.app.mcpOAuth.users.list()).filter(({ id }) => id === ann)
    const browser = createBrowser()
    provider.signInAs(row?.email, { subject: 'subject-of-the-next' })
    await signIn(world, 'account', browser)
    for (const query of ['', `after=${after}`]) {
      const own = await look(world, 'account', query, browser)
      t.equal(own.status, 200, how)
      t.notMatch(own.body, 'tool-of-the-former-one', how)
    }
    t.match((await look(world, 'account', '', browser)).body, 'Signed in here', how)
  }
})

t.test('P22: nor where a client of that one came from, until its next request is refused', async t => {
  const { provider, world, ann } = await start(t)
  await world.storage.updateUser(ann, { email: 'eve@example.com' }, new Date())
  await world.storage.unpinUser(ann, new Date())
  await new Promise(resolve => setTimeout(resolve, 5))
  const ofClient = { type: 'token.refreshed', actor: { type: 'client', id: 'c' }, userId: ann, address: '198.51.100.7', userAgent: 'agent-of-the-former-one' } as const
  record(world, ofClient, { type: 'user.changed', actor: { type: 'operator' }, userId: ann, details: { role: 'user' } }, ofClient)
  t.match((await look(world, 'admin', { user: ann })).body, 'agent-of-the-former-one')
  await new Promise(resolve => setTimeout(resolve, 5))
  const browser = createBrowser()
  provider.signInAs('eve@example.com', { subject: 'subject-of-the-next' })
  await signIn(world, 'account', browser)
  const own = await look(world, 'account', '', browser)
  t.match(own.body, 'Signed in here')
  t.notMatch(own.body, /agent-of-the-former-one|198\.51\.100\.7/)
  record(world, { type: 'user.changed', actor: { type: 'operator' }, userId: ann, details: { email: 'eve@example.com' } })
  await new Promise(resolve => setTimeout(resolve, 5))
  t.strictSame(eventsIn(await look(world, 'account', '', browser)), [], 'until another sign-in, nothing is known to be theirs')
})

t.test('P22: of more sign-ins than can be looked through, what is older than these is not shown', async t => {
  const { world, ann, annsBrowser } = await start(t)
  const actor = { type: 'user', id: ann, email: 'ann@example.com' } as const
  record(world, { type: 'user.changed', actor: { type: 'operator' }, userId: ann, details: { role: 'user' } })
  record(world, { type: 'access', at: new Date(Date.now() - 60_000), actor, userId: ann, details: { tools: ['tool-of-long-ago'] } })
  t.match((await look(world, 'account', '', annsBrowser)).body, 'tool-of-long-ago', 'a change of the role hides nothing')
  for (let turn = 0; turn < 1001; turn++) record(world, { type: 'session.started', actor, userId: ann })
  const { after } = await world.app.mcpOAuth.audit.query({ userId: ann, limit: 1000 })
  t.type(after, 'string')
  const page = await look(world, 'account', { after: after ?? '' }, annsBrowser)
  t.equal(page.status, 200)
  t.notMatch(page.body, 'tool-of-long-ago')
})
