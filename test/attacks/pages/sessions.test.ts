import { mock } from 'node:test'
import t from 'tap'
import { createBrowser, type Browser } from '../../fixtures/browser-jar.ts'
import { authorizeUrl, connect, pkce, redirectUri, register } from '../../fixtures/flow.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import { answerTo, beginSignIn, csrfOf, isSignedIn, pageUrl, post, signIn, type PageKind } from '../../fixtures/signed-in.ts'
import type { World, WorldOptions } from '../../fixtures/world.ts'

type Scope = Parameters<typeof startPlayedWorld>[0]

const kinds: PageKind[] = ['account', 'admin']

async function start (t: Scope, options: WorldOptions = {}) {
  return await startPlayedWorld(t, { pages: { account: true, admin: true }, ...options })
}

/** A page asked for with one cookie and no other. */
async function withCookie (world: World, kind: PageKind, cookie: string, rest = ''): Promise<{ status: number, body: string }> {
  const answer = await fetch(pageUrl(world, kind, rest), { headers: { cookie }, redirect: 'manual' })
  return { status: answer.status, body: await answer.text() }
}

const nameOf = (kind: string) => `mcp-oauth-${kind}`
const cookieOf = (world: World, kind: string, browser = world.browser) => browser.cookies(world.issuer)[nameOf(kind)] ?? ''

/** A second person on the whitelist, signed in with a browser of their own. */
async function other (world: World, provider: { signInAs (email: string): void }, email: string, kind: PageKind, role: 'user' | 'admin' = 'user'): Promise<{ browser: Browser, id: string }> {
  const id = await world.app.mcpOAuth.users.add({ email, role }) ?? ''
  const browser = createBrowser()
  provider.signInAs(email)
  await signIn(world, kind, browser)
  return { browser, id }
}

t.test('P1: a session is new at each sign-in, and the one that was planted or there before is good for nothing', async t => {
  const { world } = await start(t)
  for (const kind of kinds) {
    const planted = 'A'.repeat(43)
    const answer = await answerTo(world, kind)
    const cookies = { ...world.browser.cookies(world.issuer), [nameOf(kind)]: planted }
    const cookie = Object.entries(cookies).map(pair => pair.join('=')).join('; ')
    const signedIn = await fetch(answer, { headers: { cookie }, redirect: 'manual' })
    t.equal(signedIn.status, 303, kind)
    const [set = '', ...more] = signedIn.headers.getSetCookie().filter(header => header.startsWith(nameOf(kind)))
    t.match(set, /=[\w-]{43}; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/)
    t.strictSame(more, [], 'the cookie is set once')
    const first = set.split(';')[0] ?? ''
    t.not(first, `${nameOf(kind)}=${planted}`)
    t.notOk(isSignedIn(await withCookie(world, kind, `${nameOf(kind)}=${planted}`)), 'the planted one')
    t.ok(isSignedIn(await withCookie(world, kind, first)))
    // Two tabs that were opened before anybody was signed in.
    const [one, two] = [await world.browser.visit(pageUrl(world, kind)), await world.browser.visit(pageUrl(world, kind))]
    await beginSignIn(world, one)
    const old = `${nameOf(kind)}=${cookieOf(world, kind)}`
    await beginSignIn(world, two)
    t.not(old, `${nameOf(kind)}=${cookieOf(world, kind)}`)
    t.notOk(isSignedIn(await withCookie(world, kind, old)), 'the one of before')
  }
})

t.test('P2: a session at one page is none at the other, also for an administrator', async t => {
  const { world } = await start(t)
  await signIn(world, 'account')
  const account = cookieOf(world, 'account')
  t.notOk(isSignedIn(await withCookie(world, 'admin', `${nameOf('admin')}=${account}`)), 'nobody has signed in anew for it')
  const headers = { cookie: `${nameOf('admin')}=${account}`, 'content-type': 'application/x-www-form-urlencoded' }
  const csrf = csrfOf(await world.browser.visit(pageUrl(world, 'account')))
  const changed = await world.app.inject({ method: 'POST', url: '/oauth/admin/changes', headers, payload: `change=add-user&email=eve%40example.com&csrf=${csrf}` })
  t.match(changed, { statusCode: 303, headers: { location: '/oauth/admin' } })
  t.same(await world.app.mcpOAuth.users.list('eve@example.com'), [])
  await signIn(world, 'admin')
  t.notOk(isSignedIn(await withCookie(world, 'account', `${nameOf('account')}=${cookieOf(world, 'admin')}`)))
  for (const kind of kinds) {
    for (const name of ['consent', 'sign-in', 'known']) {
      t.notOk(isSignedIn(await withCookie(world, kind, `${nameOf(kind)}=${cookieOf(world, name)}`)), `${name} at ${kind}`)
    }
  }
})

t.test('P3: one kind of sign-in never completes another, and a form for one begins no other', async t => {
  const { provider, watch, world } = await start(t)
  const client = await register(world)
  const consent = await world.browser.visit(authorizeUrl(world, client, pkce()))
  const account = await world.browser.visit(pageUrl(world, 'account'))
  const admin = await world.browser.visit(pageUrl(world, 'admin'))
  const fieldsOf = (body: string) => ({ request: /name="request" value="([^"]+)"/.exec(body)?.[1] ?? '', csrf: csrfOf({ body }) })
  const forms = { '/consent': consent, '/account/sign-in': account, '/admin/sign-in': admin }
  for (const [path] of Object.entries(forms)) {
    for (const [from, { body }] of Object.entries(forms)) {
      if (from === path) continue
      const answer = await world.browser.visit(`${world.issuer}/oauth${path}?provider=local`, { method: 'POST', form: { ...fieldsOf(body), decision: 'allow' } })
      t.match(answer, { status: 403, body: /not opened in this browser/ }, `${from} at ${path}`)
    }
  }
  t.notOk(watch.calls.includes('createTransaction'))

  // What an answer completes is what its transaction is for, whatever else the browser has under way.
  await world.browser.submit(consent, { decision: 'allow' }, { until: `${world.issuer}/oauth/callback` })
  const answer = await answerTo(world, 'account')
  const end = await world.browser.visit(answer, { until: redirectUri })
  t.match(end.url.href, /\/oauth\/account$/)
  t.notOk(watch.calls.includes('createGrant'), 'no client got anything')
  t.equal(cookieOf(world, 'admin'), '', 'nor did anybody become an administrator')
  const verifiers = provider.exchanged.map(({ codeVerifier }) => codeVerifier)
  t.equal(new Set(verifiers).size, verifiers.length)
})

t.test('P3: administrators are asked to sign in anew, people are not', async t => {
  const { provider, world } = await start(t)
  await signIn(world, 'account')
  await signIn(world, 'admin')
  t.match(provider.asked, [{ prompts: [], maxAge: null, loginHint: null }, { prompts: ['login'], maxAge: 0, loginHint: null }])
})

t.test('P4: nobody is signed in by an answer that another browser got: login CSRF', async t => {
  const { provider, world } = await start(t)
  for (const kind of kinds) {
    const attacker = createBrowser()
    await world.app.mcpOAuth.users.add({ email: `mallory-${kind}@example.com`, role: 'admin' })
    provider.signInAs(`mallory-${kind}@example.com`)
    const answer = await answerTo(world, kind, attacker)
    provider.signInAs('you@example.com', { subject: 'subject-1' })
    await signIn(world, kind)
    const session = cookieOf(world, kind)
    for (const victim of [createBrowser(), world.browser]) {
      const page = await victim.visit(answer)
      t.match(page, { status: 403, body: /begun in another browser/ }, kind)
    }
    t.equal(cookieOf(world, kind), session, 'whoever was signed in still is, as who they were')
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, method: 'POST' } as const
    const page = await attacker.visit(pageUrl(world, kind))
    for (const url of ['/sign-in', '/sign-in?provider=local']) {
      const payload = new URLSearchParams({ request: /name="request" value="([^"]+)"/.exec(page.body)?.[1] ?? 'x', csrf: csrfOf(page) }).toString()
      t.equal((await world.app.inject({ ...form, url: `/oauth/${kind}${url}`, payload })).statusCode, 403, 'a form of the attacker’s browser begins nothing elsewhere')
    }
  }
})

t.test('P5: each form of a session needs the CSRF value of that session: absent, forged, repeated, of another user or of the other page are refused', async t => {
  const { provider, watch, world } = await start(t)
  const { client } = await connect(world)
  const [you] = await world.app.mcpOAuth.users.list('you@example.com')
  for (const kind of kinds) await signIn(world, kind)
  const csrf = Object.fromEntries(await Promise.all(kinds.map(async kind => [kind, csrfOf(await world.browser.visit(pageUrl(world, kind)))])))
  const { browser: mallory } = await other(world, provider, 'mallory@example.com', 'account')
  const foreign = csrfOf(await mallory.visit(pageUrl(world, 'account')))
  const attempts: Array<[string, string]> = [
    ['none', ''], ['empty', '&csrf='], ['forged', `&csrf=${'A'.repeat(43)}`], ['of another user', `&csrf=${foreign}`], ['not a value', '&csrf[]=x'],
    ['the cookie itself', `&csrf=${cookieOf(world, 'account')}`], ['a hash of nothing', '&csrf=undefined']
  ]
  const forms: Array<[PageKind, string, string]> = [
    ['account', '/end', `client=${client.client_id}`], ['account', '/end', 'all=yes'], ['account', '/sign-out', 'x=y'],
    ['admin', '/changes', `change=remove-user&user=${you?.id}`], ['admin', '/changes', 'change=add-user&email=eve%40example.com&role=admin'], ['admin', '/sign-out', 'x=y']
  ]
  watch.calls.length = 0
  const cookie = Object.entries(world.browser.cookies(world.issuer)).map(pair => pair.join('=')).join('; ')
  const send = async (url: string, body: string) => await fetch(url, { method: 'POST', headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' }, body, redirect: 'manual' })
  for (const [kind, action, body] of forms) {
    const own = csrf[kind] ?? ''
    const others: Array<[string, string]> = [...attempts, ['of the other page', `&csrf=${csrf[kind === 'admin' ? 'account' : 'admin']}`], ['one character more', `&csrf=${own}A`], ['another case', `&csrf=${own.toUpperCase()}`]]
    for (const [what, value] of others) t.equal((await send(pageUrl(world, kind, action), body + value)).status, 403, `${kind}${action} ${what}`)
    t.equal((await send(pageUrl(world, kind, action), `${body}&csrf=${own}&csrf=${own}`)).status, 400, 'twice')
    t.equal((await send(pageUrl(world, kind, `${action}?csrf=${own}`), body)).status, 403, 'in the query')
  }
  t.same(watch.calls.filter(name => name !== 'findSession'), [], 'nothing was changed')
})

t.test('P6: a GET changes nothing, and neither does another method', async t => {
  const { watch, world } = await start(t)
  const { client } = await connect(world)
  const [you] = await world.app.mcpOAuth.users.list('you@example.com')
  for (const kind of kinds) await signIn(world, kind)
  const csrf = csrfOf(await world.browser.visit(pageUrl(world, 'admin')))
  const ofAccount = csrfOf(await world.browser.visit(pageUrl(world, 'account')))
  watch.calls.length = 0
  const paths = [
    `account/end?client=${client.client_id}&csrf=${ofAccount}`, `account/end?all=yes&csrf=${ofAccount}`, `account/sign-out?csrf=${ofAccount}`, 'account/sign-in',
    `admin/changes?change=remove-user&user=${you?.id}&csrf=${csrf}`, `admin/sign-out?csrf=${csrf}`, 'admin/sign-in'
  ]
  for (const path of paths) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH']) t.equal((await world.browser.fetch(`${world.issuer}/oauth/${path}`, { method })).status, 404, `${method} ${path}`)
  }
  const looks = [
    'account?ended=yes&all=yes', 'admin?change=remove-user', `admin/user?id=${you?.id}&change=suspend&csrf=${csrf}`, 'admin/clients', `admin/client?id=${client.client_id}&change=deactivate-client`
  ]
  for (const path of looks) t.equal((await world.browser.fetch(`${world.issuer}/oauth/${path}`)).status, 200, path)
  t.equal((await world.browser.fetch(`${world.issuer}/oauth/admin/confirm?change=remove-user&user=${you?.id}`)).status, 400, 'what is confirmed comes from the session alone')
  t.same([...new Set(watch.calls)].sort(), ['findClient', 'findSession', 'findUser', 'listConnections', 'searchClients', 'searchUsers'])
})

t.test('P7: who was suspended, removed, given another e-mail or demoted is out at the next request, whatever session is open', async t => {
  const { provider, world } = await start(t)
  const { users } = world.app.mcpOAuth
  const { client } = await connect(world)
  const ways: Record<string, (id: string) => Promise<unknown>> = {
    suspended: async id => await users.update(id, { status: 'suspended' }),
    removed: async id => await users.remove(id),
    renamed: async id => await users.update(id, { email: `new-${id.toLowerCase()}@example.com` }),
    unpinned: async id => await users.unpin(id),
    demoted: async id => await users.update(id, { role: 'user' })
  }
  for (const [what, way] of Object.entries(ways)) {
    for (const kind of kinds) {
      const { browser, id } = await other(world, provider, `${what}-${kind}@example.com`, kind, 'admin')
      const before = await browser.visit(pageUrl(world, kind))
      t.ok(isSignedIn(before), `${what}: signed in at ${kind}`)
      const csrf = csrfOf(before)
      await way(id)
      if (what === 'demoted' && kind === 'account') {
        t.ok(isSignedIn(await browser.visit(pageUrl(world, kind))), 'an ordinary user has an account')
        continue
      }
      t.notOk(isSignedIn(await browser.visit(pageUrl(world, kind))), `${what}: out of ${kind}`)
      const form: Record<string, string> = kind === 'account' ? { all: 'yes' } : { change: 'deactivate-client', client: client.client_id }
      const changed = await browser.visit(pageUrl(world, kind, kind === 'account' ? '/end' : '/changes'), { method: 'POST', form: { ...form, csrf } })
      t.notOk(isSignedIn(changed), 'a form that was open counts for nothing')
      t.equal((await browser.fetch(pageUrl(world, kind, '/sign-out'), { method: 'POST', body: new URLSearchParams({ csrf }) })).status, 303)
    }
  }
  t.equal((await world.app.mcpOAuth.clients.find(client.client_id))?.active, true)
})

t.test('P7: a session ends after an hour, and by signing out, in every browser that has its cookie', async t => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => { mock.timers.reset() })
  const { world } = await start(t)
  for (const kind of kinds) {
    await signIn(world, kind)
    const cookie = `${nameOf(kind)}=${cookieOf(world, kind)}`
    mock.timers.tick(3_599_000)
    t.ok(isSignedIn(await withCookie(world, kind, cookie)), kind)
    mock.timers.tick(1_000)
    t.notOk(isSignedIn(await withCookie(world, kind, cookie)), 'after an hour')
    await signIn(world, kind)
    const stolen = `${nameOf(kind)}=${cookieOf(world, kind)}`
    await connect(world)
    t.not(cookieOf(world, 'known'), '')
    const out = await post(world, kind, '/sign-out', {})
    t.notOk(isSignedIn(out))
    t.equal(out.url.href, pageUrl(world, kind))
    t.notOk(isSignedIn(await withCookie(world, kind, stolen)), 'a copy of the cookie')
    t.equal(cookieOf(world, kind), '', 'it is taken away')
    t.equal(cookieOf(world, 'known'), '', 'and with it who was here')
  }
})

t.test('P7: somebody who may not come in gets no session, and an ordinary user none of an administrator', async t => {
  const { provider, watch, world } = await start(t)
  await world.app.mcpOAuth.users.add({ email: 'ann@example.com' })
  provider.signInAs('ann@example.com')
  const refused = await signIn(world, 'admin')
  t.match(refused, { status: 403, body: /You are not an administrator/ })
  t.match(refused.body, 'ann@example.com')
  t.ok(refused.body.includes('href="/oauth/admin"'), 'and a way to use another account')
  provider.signInAs('stranger@example.com')
  t.match(await signIn(world, 'account'), { status: 403, body: /You are not on the list/ })
  provider.signInAs('you@example.com', { subject: 'somebody-else' })
  await world.app.mcpOAuth.users.add({ email: 'bob@example.com', role: 'admin' })
  provider.signInAs('bob@example.com', { emailVerified: false })
  t.match(await signIn(world, 'admin'), { status: 403, body: /not verified/ })
  t.notOk(watch.calls.includes('createSession'))
})

t.test('P8: nobody sees or ends what is another’s', async t => {
  const { provider, world } = await start(t)
  const { client } = await connect(world, { metadata: { client_name: 'Secret of you' } })
  const { browser: mallory } = await other(world, provider, 'mallory@example.com', 'account')
  const page = await mallory.visit(pageUrl(world, 'account'))
  t.ok(isSignedIn(page))
  t.notMatch(page.body, /Secret of you|you@example\.com/)
  const [you] = await world.app.mcpOAuth.users.list('you@example.com')
  const attempts: Array<Record<string, string>> = [
    { client: client.client_id }, { all: 'yes' }, { client: client.client_id, user: you?.id ?? '' }, { all: 'yes', user: you?.id ?? '', userId: you?.id ?? '' }
  ]
  for (const fields of attempts) t.match(await post(world, 'account', '/end', fields, mallory), { status: 200 })
  t.equal((await world.storage.listConnections(you?.id ?? '', new Date())).length, 1)
  for (const path of ['', '/user?id=' + you?.id, '/clients', `/client?id=${client.client_id}`, '/confirm']) {
    const answer = await mallory.visit(pageUrl(world, 'admin', path))
    t.notOk(isSignedIn(answer), path)
    t.notMatch(answer.body, /Secret of you|you@example\.com/)
  }
  t.match(await post(world, 'account', '/end', { client: 'x', all: 'no' }, mallory), { status: 200 }, 'what there is not, is ended')
  t.equal((await post(world, 'account', '/end', { all: 'no' }, mallory)).status, 400)
  t.equal((await post(world, 'account', '/end', {}, mallory)).status, 400)
})

t.test('P9: who was here last is told by nobody but us: a forged, copied or old cookie changes no words', async t => {
  const { provider, world } = await start(t)
  const client = await register(world)
  await world.browser.submit(await world.browser.visit(authorizeUrl(world, client, pkce())), { decision: 'allow' }, { until: redirectUri })
  const known = cookieOf(world, 'known')
  const url = authorizeUrl(world, client, pkce())
  const isTold = async (value: string, at = url) => (await (await fetch(at, { headers: { cookie: `mcp-oauth-known=${value}` } })).text()).includes('You allowed this')
  t.ok(await isTold(known))
  const [payload = '', tag = ''] = known.split('.')
  const [you] = await world.app.mcpOAuth.users.list('you@example.com')
  const made = Buffer.from(JSON.stringify({ userId: you?.id, emailHash: '', expiresAt: 1e15 })).toString('base64url')
  const { body } = await world.browser.visit(pageUrl(world, 'account'))
  const form = /name="request" value="([^"]+)"/.exec(body)?.[1] ?? ''
  for (const value of ['', 'x', '.', `${payload}.`, `.${tag}`, `${made}.${tag}`, `${known}.x`, form, payload, 'constructor', '%']) t.notOk(await isTold(value), value)
  t.notOk(await isTold(cookieOf(world, 'consent')))

  await world.app.mcpOAuth.users.add({ email: 'ann@example.com' })
  provider.signInAs('ann@example.com')
  const ann = createBrowser()
  await ann.submit(await ann.visit(url), { decision: 'allow' }, { until: redirectUri })
  const elsewhere = await register(world, { client_name: 'Other' })
  t.notOk(await isTold(cookieOf(world, 'known', ann), authorizeUrl(world, elsewhere, pkce())), 'of another client')
  const answer = await fetch(url, { headers: { cookie: `mcp-oauth-known=${known}` } })
  t.notMatch(await answer.text(), /you@example\.com|ann@example/, 'and it names nobody')
  await world.app.mcpOAuth.users.update(you?.id ?? '', { role: 'user' })
  await world.app.mcpOAuth.users.remove(you?.id ?? '')
  t.notOk(await isTold(known), 'of a removed user')

  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => { mock.timers.reset() })
  const ofAnn = cookieOf(world, 'known', ann)
  t.ok(await isTold(ofAnn))
  mock.timers.tick(7_776_000_000)
  t.notOk(await isTold(ofAnn), 'after ninety days')
})
