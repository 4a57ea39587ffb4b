import t from 'tap'
import { createBrowser, linksOf, readForm, type Page } from '../../fixtures/browser-jar.ts'
import { allow, authorize, authorizeUrl, pkce, redeem, redirectUri, register, type Registered } from '../../fixtures/flow.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import { startOidcDouble } from '../../fixtures/providers/oidc.ts'
import { watchStorage } from '../../fixtures/watched-storage.ts'
import { startWorld, type World } from '../../fixtures/world.ts'
import { oidc } from '../../../lib/index.ts'

async function consentPage (world: World, client: Registered, browser = world.browser): Promise<Page> {
  return await browser.visit(authorizeUrl(world, client, pkce()))
}

/** The way to the provider's answer, which is not asked for. */
async function answerOf (world: World, client: Registered): Promise<URL> {
  const page = await consentPage(world, client)
  const end = await world.browser.submit(page, { decision: 'allow' }, { until: `${world.issuer}/oauth/callback` })
  return end.url
}

t.test('C1: whoever has a session at the provider is not sent there before the consent form was posted', async t => {
  const double = await startOidcDouble(t)
  const { origin, clientId, clientSecret = '' } = double
  const world = await startWorld(t, { providers: [oidc({ id: 'double', issuer: origin, clientId, clientSecret })] })
  const evil = await register(world, { client_name: 'Evil', redirect_uris: ['https://evil.example/cb'] })
  const client = await register(world)
  // A person who has allowed another client before, and is signed in at the provider.
  const challenge = pkce()
  await authorize(world, client, challenge)
  const exchanged = double.count('/token')
  double.seen.length = 0
  const page = await world.browser.visit(authorizeUrl(world, evil, pkce(), { redirect_uri: 'https://evil.example/cb' }))
  t.equal(page.status, 200)
  t.match(page.body, 'Evil')
  t.equal(page.hops.length, 1, 'the page is where the way ends')
  const nothing = await world.browser.visit(`${world.issuer}/oauth/consent?state=made-up`)
  t.equal(nothing.status, 403, 'the page that leads to the provider is there for an approved request only')
  t.equal(double.seen.length, 0, 'the provider was asked for nothing')
  t.equal(exchanged, 1, 'where it was approved, one code was exchanged')
})

t.test('C2: the provider’s answer counts in the browser that approved, and in no other', async t => {
  const { provider, watch, world } = await startPlayedWorld(t)
  const client = await register(world)
  const callback = await answerOf(world, client)

  const none = await createBrowser().visit(callback)
  t.equal(none.status, 403, 'without a cookie')
  const other = createBrowser()
  await allow(world, await consentPage(world, client, other), { browser: other })
  const exchanged = provider.exchanged.length
  const foreign = await other.visit(callback)
  t.equal(foreign.status, 403, 'with the cookie of another browser')
  t.notMatch(foreign.body, 'href', 'nobody is led anywhere')
  const broken = await fetch(callback, { headers: { cookie: 'mcp-oauth-sign-in=short' }, redirect: 'manual' })
  t.equal(broken.status, 403, 'with a cookie that is none of ours')
  t.equal(provider.exchanged.length, exchanged, 'the upstream code was not exchanged')
  t.equal(watch.calls.filter(name => name === 'createGrant').length, 1, 'one grant: that of the other browser’s own sign-in')

  const right = await world.browser.visit(callback, { until: redirectUri })
  t.ok(right.url.searchParams.has('code'), 'the right browser still gets through')
  t.equal((await world.browser.visit(callback)).status, 403, 'once')
  t.equal(provider.exchanged.length, exchanged + 1)
})

t.test('C3: a consent form with a forged, missing, reused or foreign CSRF value is refused', async t => {
  const { provider, watch, world } = await startPlayedWorld(t)
  const client = await register(world)
  const other = await register(world, { client_name: 'Other' })
  const page = await consentPage(world, client)
  const { action, fields: { request = '', csrf = '' } } = readForm(page)
  const foreign = readForm(await consentPage(world, other)).fields['csrf'] ?? ''
  const stranger = createBrowser()
  const strangers = readForm(await consentPage(world, client, stranger)).fields
  const post = (form: Record<string, string>, browser = world.browser) => browser.visit(action, { method: 'POST', form })

  const refused = {
    forged: await post({ request, csrf: 'A'.repeat(43), decision: 'allow' }),
    missing: await post({ request, decision: 'allow' }),
    empty: await post({ request, csrf: '', decision: 'allow' }),
    'of another client': await post({ request, csrf: foreign, decision: 'allow' }),
    'of another browser': await post({ ...strangers, decision: 'allow' }),
    'without a cookie': await post({ request, csrf, decision: 'allow' }, createBrowser()),
    'with the request changed': await post({ request: `${request}A`, csrf, decision: 'allow' })
  }
  for (const [what, answer] of Object.entries(refused)) t.equal(answer.status, 403, what)
  t.equal((await post({ csrf, decision: 'allow' })).status, 400, 'no request at all')
  t.notOk(watch.calls.includes('createTransaction'), 'nothing was begun')

  t.ok((await allow(world, page)).url.searchParams.has('code'))
  const again = await allow(world, page)
  t.match(again, { status: 403, hops: [action.href], body: /sent before/ }, 'reused')
  t.equal(provider.asked.length, 1)
  t.equal(provider.exchanged.length, 1)
})

t.test('C4: a client’s name is inert on the page, and cut', async t => {
  const { world } = await startPlayedWorld(t)
  const hostile = {
    markup: '<script>alert(1)</script><img src=x onerror=alert(1)>',
    quotes: '"><a href="https://evil.example">\'`',
    'right to left': 'Bank \u202Emoc.elpmaxe\u202C\u2066x\u2069',
    'zero width': 'Cla\u200Bude\uFEFF',
    'line separator': 'a\u2028b',
    long: 'x'.repeat(10_000)
  }
  for (const [what, name] of Object.entries(hostile)) {
    const { body } = await consentPage(world, await register(world, { client_name: name }))
    t.notMatch(body, /<script|<img|<a /, `${what}: no element of the client’s`)
    t.notMatch(body, /[\u200B-\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/, `${what}: nothing that changes direction or hides`)
    t.notMatch(body, 'x'.repeat(100), `${what}: cut`)
    t.match(body, 'wants access', what)
  }
  const nameless = await consentPage(world, await register(world, { client_name: '\u200B' }))
  t.match(nameless.body, 'An application without a name wants access')
  const client = await register(world)
  const inState = await world.browser.visit(authorizeUrl(world, client, pkce(), { state: '"><script>', scope: 'nonsense' }))
  t.notMatch(inState.body, '<script>', 'what the request brought is inert too')
})

t.test('C6: a hundred open attempts in one browser, and each still works', async t => {
  const { world } = await startPlayedWorld(t)
  const client = await register(world)
  const pages: Page[] = []
  for (let attempt = 0; attempt < 100; attempt++) pages.push(await consentPage(world, client))
  t.ok(Object.keys(world.browser.cookies(world.issuer)).length <= 2, 'the cookies do not pile up')
  for (const page of [pages[0], pages[50], pages[99]]) {
    t.ok(page !== undefined && (await allow(world, page)).url.searchParams.has('code'))
  }
  t.ok(JSON.stringify(world.browser.cookies(world.issuer)).length < 400)
})

t.test('C7: nothing is approved by a GET', async t => {
  const { provider, watch, world } = await startPlayedWorld(t)
  const client = await register(world)
  const { action, fields } = readForm(await consentPage(world, client))
  const url = `${action}?${new URLSearchParams({ ...fields, decision: 'allow' })}`
  t.equal((await world.browser.visit(url)).status, 400)
  const direct = await world.browser.visit(authorizeUrl(world, client, pkce(), { decision: 'allow', prompt: 'consent' }))
  t.equal(direct.status, 200, 'the page asks, whatever the link says')
  t.equal((await world.browser.visit(authorizeUrl(world, client, pkce(), { decision: 'allow', prompt: 'none' }))).status, 400)
  t.notOk(watch.calls.includes('createTransaction'))
  t.equal(provider.asked.length, 0)
})

t.test('C8: the upstream state is a random handle, and one that was changed is refused', async t => {
  const { provider, world } = await startPlayedWorld(t)
  const client = await register(world)
  const callback = await answerOf(world, client)
  const state = callback.searchParams.get('state') ?? ''
  t.match(state, /^[\w-]{43}$/)
  t.notMatch(Buffer.from(state, 'base64url').toString('latin1'), /redirect|http|client/, 'it holds nothing')
  for (const changed of ['', 'x', `${state}A`, state.slice(1), Buffer.from(JSON.stringify({ redirect_uri: 'https://evil.example' })).toString('base64')]) {
    callback.searchParams.set('state', changed)
    const answer = await world.browser.visit(callback)
    t.equal(answer.status, changed === '' ? 400 : 403, `state ${JSON.stringify(changed)}`)
    t.notMatch(answer.body, 'evil.example')
  }
  t.equal(provider.exchanged.length, 0)
})

t.test('C9: an answer of provider B counts for nothing in a sign-in at A', async t => {
  const a = await startOidcDouble(t)
  const b = await startOidcDouble(t)
  a.responseIssuer = a.origin
  b.responseIssuer = b.origin
  const providers = [a, b].map(({ origin, clientId, clientSecret = '' }, index) =>
    oidc({ id: index === 0 ? 'a' : 'b', issuer: origin, clientId, clientSecret }))
  const watch = watchStorage()
  const world = await startWorld(t, { providers, storage: watch.storage })
  const client = await register(world)
  const begin = async (id: string) => (await world.browser.submit(await consentPage(world, client), { decision: 'allow', provider: id }, {
    until: `${world.issuer}/oauth/callback`
  })).url
  const inA = await begin('a')
  const inB = await begin('b')
  t.not(inA.searchParams.get('iss'), inB.searchParams.get('iss'))

  const mixed = new URL(inA)
  for (const name of ['code', 'iss']) mixed.searchParams.set(name, inB.searchParams.get(name) ?? '')
  const answer = await world.browser.visit(mixed)
  t.equal(answer.status, 503, 'B’s answer on A’s transaction')
  t.equal(a.count('/token') + b.count('/token'), 0, 'no code went to anybody')
  t.equal((await world.browser.visit(inA)).status, 403, 'and the transaction is used up')

  const wrongIssuer = await begin('a')
  wrongIssuer.searchParams.set('iss', 'https://evil.example')
  t.equal((await world.browser.visit(wrongIssuer)).status, 503)
  t.equal(a.count('/token'), 0)
  t.notOk(watch.calls.includes('createGrant'))
  t.ok((await world.browser.visit(inB, { until: redirectUri })).url.searchParams.has('code'), 'B’s own still works')
})

t.test('C10: what the provider says about an error is not shown', async t => {
  const { provider, world } = await startPlayedWorld(t)
  const client = await register(world)
  provider.answer = { error: 'access_denied', error_description: 'Your account is locked: call +1 555\r\n<b>0100</b>', error_uri: 'https://evil.example' }
  const page = await allow(world, await consentPage(world, client))
  t.equal(page.status, 403)
  t.match(page.body, 'You did not sign in')
  t.notMatch(page.body, /locked|1[ +]555|evil\.example/)
  const [back] = linksOf(page)
  t.match(back?.search, 'error=access_denied&error_description=The+sign-in+was+not+completed', 'the way back says it in our words')
  t.equal(provider.exchanged.length, 0)
})

t.test('C11: deny and request errors lead back by a click, never by themselves', async t => {
  const { provider, world } = await startPlayedWorld(t)
  const client = await register(world, { redirect_uris: ['https://client.example/cb'] })
  const at = { redirect_uri: 'https://client.example/cb' }
  const ask = (parameters: Record<string, string | undefined>) => world.browser.visit(authorizeUrl(world, client, pkce(), { ...at, ...parameters }))
  const errors: Array<[string, Page]> = [
    ['access_denied', await world.browser.submit(await ask({}), { decision: 'deny' })],
    ['invalid_scope', await ask({ scope: 'nonsense' })],
    ['invalid_target', await ask({ resource: 'https://elsewhere.example/mcp' })],
    ['unsupported_response_type', await ask({ response_type: 'token' })],
    ['invalid_request', await ask({ code_challenge: undefined })]
  ]
  for (const [error, page] of errors) {
    t.equal(page.url.origin, world.origin, `${error}: the browser is still here`)
    t.notMatch(page.body, /http-equiv="refresh"/)
    const [back] = linksOf(page)
    t.match(back?.href, /^https:\/\/client\.example\/cb\?/)
    t.match(Object.fromEntries(back?.searchParams ?? []), { error, state: 'client-state', iss: world.issuer })
  }
  t.equal(provider.asked.length, 0)
})

t.test('C12, AZ-12: an earlier approval approves nothing', async t => {
  const { provider, world } = await startPlayedWorld(t)
  const client = await register(world)
  const challenge = pkce()
  const end = await authorize(world, client, challenge)
  t.equal((await redeem(world, client, end.searchParams.get('code') ?? '', challenge)).status, 200)
  const page = await consentPage(world, client)
  t.equal(page.status, 200)
  t.match(page.body, 'Allow and sign in with Local')
  t.equal(provider.asked.length, 1, 'nobody was sent to the provider again')
})
