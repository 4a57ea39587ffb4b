import t from 'tap'
import { ProviderError, StorageUnavailableError } from '../../../lib/index.ts'
import { createBrowser, linksOf, readForm, type Page } from '../../fixtures/browser-jar.ts'
import { allow, authorizeUrl, connect, pkce, redirectUri, register } from '../../fixtures/flow.ts'
import { captureLog } from '../../fixtures/log.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { answerTo, beginSignIn, change, csrfOf, isSignedIn, pageUrl, post, signIn } from '../../fixtures/signed-in.ts'
import { startWorld, type World, type WorldOptions } from '../../fixtures/world.ts'

type Scope = Parameters<typeof startPlayedWorld>[0]

const pages = { account: true, admin: true }
const form = { 'content-type': 'application/x-www-form-urlencoded' }

async function start (t: Scope, options: WorldOptions = {}) {
  const played = await startPlayedWorld(t, { pages, ...options })
  await signIn(played.world, 'account')
  await signIn(played.world, 'admin')
  return played
}

/** All pages that show what others have written. */
async function everyPage (world: World): Promise<Record<string, Page>> {
  const { browser, app } = world
  const users = await app.mcpOAuth.users.list()
  const clients = await world.storage.searchClients({ limit: 10 })
  const found: Record<string, Page> = {}
  const rests = ['', ...users.map(({ id }) => `/user?id=${encodeURIComponent(id)}`), '/clients', ...clients.map(({ id }) => `/client?id=${encodeURIComponent(id)}`)]
  for (const rest of rests) found[`admin${rest}`] = await browser.visit(pageUrl(world, 'admin', rest))
  found['admin/trail'] = await browser.visit(pageUrl(world, 'admin', '/trail'))
  for (const rest of ['', '/trail']) found[`account${rest}`] = await browser.visit(pageUrl(world, 'account', rest))
  return found
}

const hostile = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'><svg/onload=alert(1)>", '</title><script>x</script>', '{{7*7}}', '\u202Egnp.exe\u2066', 'a\u200Bb', '&lt;b&gt;', 'javascript:alert(1)']

t.test('P16, C4: nothing that anybody else wrote becomes markup, changes direction or hides', async t => {
  const { provider, world } = await start(t)
  const { users } = world.app.mcpOAuth
  for (const [index, text] of hostile.entries()) {
    const id = await users.add({ email: `${index}"><script>&'${index}@example.com`.replace(/ /g, ''), name: text })
    t.type(id, 'string')
    await connect(world, { metadata: { client_name: text, redirect_uris: [redirectUri, `https://client.example/cb?x=${encodeURIComponent(text).replaceAll('*', '%2A')}`] } })
  }
  provider.signInAs('1"><script>&\'1@example.com', { name: '<i>\u202E', subject: '<b>\u202Ex' })
  await signIn(world, 'account', createBrowser())
  const found = await everyPage(world)
  t.ok(Object.keys(found).length > 20)
  for (const [what, { status, body }] of Object.entries(found)) {
    t.equal(status, 200, what)
    t.notMatch(body, /<script|<img|<svg|<i>|<b>|\son\w+=|href="javascript:/i, what)
    t.notMatch(body, /[\u200B-\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/, what)
    t.notMatch(body, '</title><script')
  }
  for (const text of hostile) {
    for (const [what, path] of Object.entries({ search: '/?search=', clients: '/clients?search=', added: '?added=', offset: '?offset=', done: '?done=' })) {
      const { status, body } = await world.browser.visit(pageUrl(world, 'admin', path.replace('/?', '?') + encodeURIComponent(text)))
      t.equal(status, 200, `${what} ${text}`)
      t.notMatch(body, /<script|<img|<svg|\son\w+=alert/i)
    }
    const refused = await change(world, 'add-user', { email: text })
    t.equal(refused.status, 400)
    t.notMatch(refused.body, /<script|<img|<svg/i)
    t.notMatch((await change(world, 'import-users', { emails: text })).body, /<script|<img|<svg|\u202E/i)
  }
})

t.test('P16: no page leads anywhere but to pages of ours', async t => {
  const { world } = await start(t)
  await connect(world)
  const found = await everyPage(world)
  for (const [what, page] of Object.entries(found)) {
    for (const link of linksOf(page)) t.equal(link.origin, world.origin, `${what}: ${link.href}`)
    for (const [, target = ''] of page.body.matchAll(/(?:form)?action="([^"]*)"/g)) t.match(target, /^\/oauth\/[a-z/?=-]+$/, what)
    t.notMatch(page.body, 'http-equiv="refresh"')
  }
  for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
    for (const name of ['next', 'redirect', 'redirect_uri', 'return_to', 'state']) {
      const browser = createBrowser()
      const page = await browser.visit(`${pageUrl(world, 'admin')}?${new URLSearchParams({ [name]: next })}`)
      t.notMatch(page.body, 'evil.example')
      t.equal((await beginSignIn(world, page, browser)).url.href, pageUrl(world, 'admin'), `${name}=${next}`)
    }
  }
})

t.test('P17: what a request’s headers say gets into no header of the answer', async t => {
  const { world } = await start(t)
  const odd = ['en\tx', 'x'.repeat(8000), 'en;q=1, <script>', "he'; DROP TABLE", '*', 'constructor', '__proto__', 'en-\u00e9', '%0d%0aSet-Cookie: a=b']
  for (const value of odd) {
    for (const [name, path] of [['accept-language', 'account'], ['x-request-id', 'admin'], ['user-agent', 'admin/user?id=x'], ['referer', 'account?ended=1']] as const) {
      const { statusCode, headers, body } = await world.app.inject({ url: `/oauth/${path}`, headers: { [name]: value, host: new URL(world.issuer).host } })
      t.ok([200, 400].includes(statusCode), `${name}: ${value.slice(0, 30)}`)
      t.notOk(JSON.stringify(headers).includes(value.slice(0, 40)) && value.length > 11, 'in no header')
      t.notMatch(body, /<script|DROP TABLE/)
    }
  }
  const planted = await world.app.inject({ url: '/oauth/account', headers: { host: new URL(world.issuer).host, cookie: `mcp-oauth-account=${encodeURIComponent('x\r\nset-cookie: a=b')}; mcp-oauth-consent=${encodeURIComponent('\r\n')}` } })
  t.equal(planted.statusCode, 200)
  t.match(planted.headers['set-cookie'], /^mcp-oauth-consent=[\w-]{43};/)
})

t.test('P18: pages of people and administrators are unframed, unscripted, uncached, and no other origin reads them', async t => {
  const { world } = await start(t)
  const signedOut = createBrowser()
  const answers = await Promise.all(['account', 'account/trail', 'admin', 'admin/clients', 'admin/trail', 'admin/confirm', 'admin/user?id=x', 'admin/client?id=x'].flatMap(path =>
    [world.browser, signedOut].map(async browser => [path, await browser.fetch(`${world.issuer}/oauth/${path}`, { headers: { origin: 'https://evil.example' } })] as const)))
  for (const [path, { headers }] of answers) {
    t.match(headers.get('content-security-policy'), /^default-src 'none'; style-src 'sha256-[^']+'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/, path)
    t.equal(headers.get('x-frame-options'), 'DENY')
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal(headers.get('referrer-policy'), 'no-referrer')
    t.equal(headers.get('access-control-allow-origin'), null)
  }
  const preflight = await fetch(pageUrl(world, 'admin', '/changes'), { method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' } })
  t.equal(preflight.headers.get('access-control-allow-origin'), null)
})

const endpoints: Array<[method: 'GET' | 'POST', path: string]> = [
  ['GET', 'account'], ['GET', 'account/trail'], ['POST', 'account/sign-in'], ['POST', 'account/end'], ['POST', 'account/sign-out'], ['GET', 'admin'], ['GET', 'admin/user'], ['GET', 'admin/clients'],
  ['GET', 'admin/client'], ['GET', 'admin/confirm'], ['GET', 'admin/trail'], ['POST', 'admin/changes'], ['POST', 'admin/sign-in'], ['POST', 'admin/sign-out'], ['GET', 'authorize'], ['POST', 'consent'],
  ['GET', 'consent'], ['GET', 'callback']
]

async function ask (world: World, method: 'GET' | 'POST', path: string, headers: Record<string, string> = {}, body = 'x=y'): Promise<Response> {
  return await world.browser.fetch(`${world.issuer}/oauth/${path}`, { method, headers: { ...method === 'POST' ? form : {}, ...headers }, ...method === 'POST' ? { body } : {} })
}

t.test('P19: programs get JSON where people get a page that refuses', async t => {
  const { world } = await start(t)
  const refusing = endpoints.filter(([, path]) => !['account', 'account/trail', 'admin', 'admin/clients', 'admin/trail'].includes(path))
  for (const [method, path] of refusing) {
    const program = await ask(world, method, path, { accept: 'application/json' })
    t.match(program.headers.get('content-type'), 'application/json', `${method} ${path}`)
    t.match(await program.json(), { error: /^\w+$/, error_description: /^[A-Z]/ })
    t.ok(program.status >= 400 && program.status < 500)
    const person = await ask(world, method, path, { accept: 'text/html,application/json;q=0.9' })
    t.equal(person.status, program.status)
    t.match(person.headers.get('content-type'), 'text/html')
  }
})

t.test('P19: while the storage is down each of these is 503 with Retry-After, for people and programs', async t => {
  const { watch, world } = await start(t)
  const client = await register(world)
  const bodies: Record<string, string> = {}
  for (const kind of ['account', 'admin'] as const) {
    const signedOut = await (await fetch(pageUrl(world, kind), { headers: { cookie: `mcp-oauth-consent=${world.browser.cookies(world.issuer)['mcp-oauth-consent']}` } })).text()
    bodies[`${kind}/sign-in`] = new URLSearchParams({ request: /name="request" value="([^"]+)"/.exec(signedOut)?.[1] ?? '', csrf: csrfOf({ body: signedOut }) }).toString()
  }
  const consent = await world.browser.visit(authorizeUrl(world, client, pkce()))
  bodies['consent'] = new URLSearchParams({ ...readForm(consent).fields, decision: 'allow' }).toString()
  const queries: Record<string, string> = { authorize: new URL(authorizeUrl(world, client, pkce())).search, callback: '?state=x&code=y', 'GET consent': '?state=x' }
  watch.failure = new StorageUnavailableError({ reason: 'a test' })
  for (const [method, path] of endpoints) {
    const target = path + (queries[`${method} ${path}`] ?? queries[path] ?? '')
    for (const accept of ['application/json', 'text/html']) {
      const answer = await ask(world, method, target, { accept }, bodies[path])
      t.equal(answer.status, 503, `${method} ${path} ${accept}`)
      t.match(answer.headers.get('retry-after'), /^\d+$/)
      t.notMatch(await answer.text(), 'a test')
    }
  }
  watch.failure = undefined
  t.ok(isSignedIn(await world.browser.visit(pageUrl(world, 'admin'))), 'and afterwards as it was')
})

t.test('P19: each of these has a limit by address, pages and forms alike', async t => {
  const { world } = await startPlayedWorld(t, { pages, rateLimit: { max: 2 } })
  for (const [method, path] of endpoints) {
    const statuses = []
    for (let turn = 0; turn < 3; turn++) statuses.push((await ask(world, method, path)).status)
    t.equal(statuses[2], 429, `${method} ${path} ${statuses.join()}`)
    if (path === 'consent') continue
    const page = await ask(world, method, path, { accept: 'text/html' })
    t.match(page.headers.get('retry-after'), /^\d+$/)
    t.match(await page.text(), /Too many requests/)
  }
})

t.test('P19: pages that are not wanted are not there', async t => {
  const { world } = await startPlayedWorld(t)
  for (const [method, path] of endpoints.filter(([, path]) => /^(?:account|admin)/.test(path))) t.equal((await ask(world, method, path)).status, 404, path)
  const only = (await startPlayedWorld(t, { pages: { account: true } })).world
  t.equal((await ask(only, 'GET', 'account')).status, 200)
  t.equal((await ask(only, 'GET', 'admin')).status, 404)
})

t.test('P20: after a refusal another account can be used: once, in this browser, for what was asked', async t => {
  const { provider, watch, world } = await startPlayedWorld(t)
  const client = await register(world)
  provider.signInAs('stranger@example.com')
  const refused = await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce(), { prompt: 'consent', login_hint: 'stranger@example.com' })))
  t.match(refused, { status: 403, body: /Use another account/ })
  t.match(refused.body, 'stranger@example.com')
  const { action, fields } = readForm(refused)
  const send = async (browser = world.browser, more: Record<string, string> = {}) => await browser.visit(action, { method: 'POST', form: { ...fields, decision: 'allow', ...more }, until: redirectUri })
  const other = createBrowser()
  await other.visit(authorizeUrl(world, client, pkce()))
  t.match(await send(other), { status: 403, body: /not opened in this browser/ }, 'in another browser')
  const [payload = '', tag = ''] = (fields['request'] ?? '').split('.')
  const sealed = JSON.parse(Buffer.from(payload, 'base64url').toString())
  const forged = Buffer.from(JSON.stringify({ ...sealed, content: { ...sealed.content, redirectUri: 'https://evil.example/cb' } })).toString('base64url')
  t.match(await send(world.browser, { request: `${forged}.${tag}` }), { status: 403 }, 'for another address')
  const begun = provider.asked.length
  provider.signInAs('you@example.com', { subject: 'subject-1' })
  const end = await send()
  t.ok(end.url.searchParams.has('code'))
  t.match(provider.asked[begun], { prompts: ['consent', 'select_account'], loginHint: null })
  t.match(await send(), { status: 403, body: /sent before/ }, 'twice')
  t.equal(watch.calls.filter(name => name === 'createGrant').length, 1)
})

t.test('P20: a form that waits after a refusal asks about its client anew', async t => {
  const { provider, world } = await startPlayedWorld(t)
  const client = await register(world)
  provider.failure = new ProviderError('unavailable', 'down')
  const refused = await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce(), { login_hint: 'you@example.com' })))
  t.match(refused, { status: 503, body: /Try again/ })
  await world.app.mcpOAuth.clients.setActive(client.client_id, false)
  const { action, fields } = readForm(refused)
  const again = async () => await world.browser.visit(action, { method: 'POST', form: { ...fields, decision: 'allow' }, until: redirectUri })
  t.match(await again(), { status: 400, body: /does not know the application/ })
  await world.app.mcpOAuth.clients.setActive(client.client_id, true)
  provider.failure = undefined
  const asked = provider.asked.length
  t.ok((await again()).url.searchParams.has('code'))
  t.match(provider.asked[asked], { prompts: [], loginHint: 'you@example.com' }, 'the same account as before')
})

t.test('P20: what goes wrong at a page of ours leads back to it, and not to a client', async t => {
  const { provider, world } = await startPlayedWorld(t, { pages })
  const wrong: Array<[() => void, number]> = [
    [() => { provider.answer = { error: 'access_denied', error_description: 'call +1 555' } }, 403],
    [() => { provider.answer = { code: 'x' }; provider.failure = new ProviderError('untrusted', 'secret words') }, 503],
    [() => { provider.failure = undefined; provider.absence = new ProviderError('unavailable', 'secret words') }, 503]
  ]
  for (const [go, status] of wrong) {
    go()
    for (const kind of ['account', 'admin'] as const) {
      const page = await signIn(world, kind, createBrowser())
      t.equal(page.status, status, kind)
      t.notMatch(page.body, /1[ +]555|secret words/)
      t.same(linksOf(page).map(link => link.pathname), [`/oauth/${kind}`])
    }
  }
})

t.test('P20: a provider that is not there any more, and one that never was', async t => {
  const one = scriptedProvider({ id: 'one', name: 'One' })
  const two = scriptedProvider({ id: 'two', name: 'Two' })
  const world = await startWorld(t, { providers: [one, two], pages })
  for (const kind of ['account', 'admin'] as const) {
    const page = await world.browser.visit(pageUrl(world, kind))
    const { action, fields } = readForm(page)
    for (const query of ['', '?provider=', '?provider=three', '?provider=constructor', '?provider=one&provider=two', '?provider[]=one']) {
      t.equal((await world.browser.visit(action.href + query, { method: 'POST', form: fields })).status, 400, `${kind} ${query}`)
    }
    const until = `${world.issuer}/oauth/callback`
    const answer = (await world.browser.visit(`${action.href}?provider=two`, { method: 'POST', form: fields, until })).url
    t.equal(answer.pathname, '/oauth/callback')
    // Another server on the same storage, which has one of the two only.
    const left = await startWorld(t, { providers: [one], storage: world.storage, pages })
    const cookie = Object.entries(world.browser.cookies(world.issuer)).map(pair => pair.join('=')).join('; ')
    const gone = await fetch(`${left.issuer}/oauth/callback${answer.search}`, { headers: { cookie } })
    t.equal(gone.status, 403)
    t.match(await gone.text(), /This sign-in took too long/)
    const before = await fetch(`${left.issuer}/oauth/consent?state=${answer.searchParams.get('state')}`, { headers: { cookie } })
    t.equal(before.status, 403)
  }
  t.equal(one.exchanged.length + two.exchanged.length, 0)
})

t.test('P20: an answer signs somebody in once', async t => {
  const { provider, world } = await startPlayedWorld(t, { pages })
  const answer = await answerTo(world, 'account')
  t.ok(isSignedIn(await world.browser.visit(answer)))
  t.match(await world.browser.visit(answer), { status: 403, body: /used already/ })
  t.equal(provider.exchanged.length, 1)
})

t.test('P21: a page of the deployer’s own that can not be made tells nothing of why', async t => {
  const log = captureLog('error')
  const broken: Array<[string, () => string]> = [
    ['throws', () => { throw new Error('secret /home/you/app.ts') }],
    ['is a promise', () => Promise.resolve('<p>') as never],
    ['is nothing', () => undefined as never]
  ]
  for (const [what, render] of broken) {
    const { world } = await startPlayedWorld(t, { pages: { ...pages, render }, fastify: { logger: log.logger } })
    for (const path of ['account', 'admin', 'authorize', 'callback?state=x']) {
      const answer = await fetch(`${world.issuer}/oauth/${path}`)
      t.ok(answer.status >= 400, `${what}: ${path}`)
      t.match(answer.headers.get('content-type'), 'application/json')
      const body = await answer.text()
      t.match(JSON.parse(body), { error: /^\w+$/, error_description: String })
      t.notMatch(body, /secret|home|promise/i)
    }
  }
  t.equal(log.of('a page can not be made').length, 12)
  t.match(log.text(), 'pages.render must return a string')
})

t.test('P21: whoever is asked too much of: an end without a form, and a body that is none', async t => {
  const { world } = await start(t)
  for (const [method, path] of endpoints.filter(([method]) => method === 'POST')) {
    for (const headers of [{ 'content-type': 'application/json' }, { 'content-type': 'text/plain' }, { 'content-type': 'multipart/form-data; boundary=x' }]) {
      const answer = await world.browser.fetch(`${world.issuer}/oauth/${path}`, { method, headers, body: '{}' })
      t.equal(answer.status, 400, `${path} ${headers['content-type']}`)
    }
    t.equal((await world.browser.fetch(`${world.issuer}/oauth/${path}`, { method })).status, 400)
    const large = await ask(world, method, path, {}, `x=${'y'.repeat(200_000)}`)
    t.equal(large.status, 413, path)
  }
  t.ok(isSignedIn(await post(world, 'account', '/end', { client: 'x'.repeat(60_000) })))
})
