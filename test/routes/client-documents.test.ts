import t from 'tap'
import type { Test } from 'tap'
import { mock } from 'node:test'
import { serverBehind } from '../../lib/server.ts'
import { buttonsOf, linksOf, type Page } from '../fixtures/browser-jar.ts'
import { connectToInternet, documentRedirectUri, startDocumentHost, status, type DocumentHost } from '../fixtures/document-host.ts'
import { allow, authorize, authorizeUrl, callMcp, pkce, redeem, refresh, refusalOf, type Registered, type Tokens } from '../fixtures/flow.ts'
import { captureLog } from '../fixtures/log.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'
import type { WorldOptions } from '../fixtures/world.ts'

const day = 86_400_000
const claude = { host: 'claude.ai', path: '/oauth/mcp-oauth-client-metadata' }

async function start (t: Test, { at, ...options }: WorldOptions & { at?: { host: string, path: string } } = {}) {
  const log = captureLog('info')
  const host = await startDocumentHost(t, at)
  const played = await startPlayedWorld(t, { fastify: { logger: log.logger }, ...options })
  const { world } = played
  connectToInternet(world.app, host.internet)
  const client: Registered = { client_id: host.clientId, redirect_uris: [documentRedirectUri] }
  const ask = (parameters: Record<string, string | undefined> = {}) => world.browser.visit(authorizeUrl(world, client, pkce(), { redirect_uri: documentRedirectUri, ...parameters }))
  const signIn = async () => {
    const challenge = pkce()
    const { searchParams } = await authorize(world, client, challenge, { redirect_uri: documentRedirectUri })
    const response = await redeem(world, client, searchParams.get('code') ?? '', challenge, { redirect_uri: documentRedirectUri })
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
    return await response.json() as Tokens
  }
  /** What may be answered with no one asked to fetch again. */
  const restart = () => { connectToInternet(world.app, host.internet) }
  return { ...played, log, host, client, ask, signIn, restart }
}

function isRefused (t: Test, page: Page, words: string | RegExp, what = 'refused'): void {
  t.match(page, { status: 400, body: words }, what)
  t.same(linksOf(page), [], 'nobody is led anywhere')
  t.same(buttonsOf(page), [], 'and nothing is asked')
}

function freezeTime (t: Test): void {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
}

const unknown = 'This server does not know the application'
const unreadable = 'can not be read, or is not valid'

t.test('REG-02, AZ-04: a document that is not there or not valid stops the request, as a page or as JSON', async t => {
  const { world, host, client, ask, log, provider } = await start(t)
  const wrong: Array<[what: string, change: (host: DocumentHost) => void, reason: RegExp]> = [
    ['404', host => { host.answer = status(404) }, /answered 404/],
    ['403, and no copy', host => { host.answer = status(403) }, /answered 403/],
    ['another client’s', host => { host.document = { ...host.document, client_id: 'https://client.example/other' } }, /not a document that counts/],
    ['no name', host => { host.document = { ...host.document, client_name: undefined } }, /not a document that counts/],
    ['a secret', host => { host.document = { ...host.document, client_secret: 'x' } }, /not a document that counts/]
  ]
  const { document } = host
  for (const [what, change, reason] of wrong) {
    Object.assign(host, { answer: undefined, document })
    change(host)
    isRefused(t, await ask(), unreadable, what)
    const refused = world.browser.fetch(authorizeUrl(world, client, pkce()), { headers: { accept: 'application/json' } })
    t.same(await refusalOf(refused), { status: 400, error: 'invalid_client' })
    t.match(JSON.stringify(log.of('sign-in refused').at(-1)), reason, 'the log knows why')
  }
  t.equal(provider.asked.length, 0)
})

t.test('REG-02: the redirect URI is one of the document’s', async t => {
  const { ask } = await start(t)
  for (const uri of ['https://client.example/other', 'https://evil.example/cb', 'http://localhost/callback', 'https://client.example/cb/']) {
    isRefused(t, await ask({ redirect_uri: uri }), /an address that is not its own/, uri)
  }
  isRefused(t, await ask({ redirect_uri: undefined }), /redirect_uri is missing/, 'it has two')
  t.equal((await ask({ redirect_uri: 'http://127.0.0.1:54321/callback' })).status, 200, 'on loopback with any port')
})

t.test('REG-01, PX-02: the page shows the host of the client id, and that the name is the client’s own', async t => {
  const { host, ask, watch } = await start(t)
  host.document = { ...host.document, client_name: '<b>Bank</b>\u202e' }
  const { status, body } = await ask()
  t.equal(status, 200)
  t.match(body, /has been checked<\/dt><dd><strong><bdi dir="ltr">client\.example<\/bdi>/)
  t.match(body, 'Nobody has checked it')
  t.match(body, '“&#60;b&#62;Bank&#60;/b&#62;” wants access')
  t.notMatch(body, 'has changed')
  t.same(watch.calls.filter(call => /^(?:create|save)/.test(call)), [], 'the page stores nothing')
  host.answer = () => { throw new Error('not asked again') }
  t.equal((await ask()).status, 200)
  t.equal(host.requests.length, 1)
})

t.test('REG-01, REG-03: from the URL of a document to a working token; the token endpoint never fetches', async t => {
  const { world, host, client, signIn } = await start(t)
  const tokens = await signIn()
  t.match(await (await callMcp(world, tokens.access_token)).json(), { client: { id: host.clientId, name: 'Described client' }, user: { email: 'you@example.com' } })
  host.answer = status(500)
  world.browser.clear()
  const refreshed = await refresh(world, client, tokens.refresh_token)
  t.equal(refreshed.status, 200)
  t.equal(host.requests.length, 1)
  t.same(await refusalOf(refresh(world, { ...client, client_secret: 'x' }, tokens.refresh_token)), { status: 401, error: 'invalid_client' }, 'it is a public client')
  t.match(await world.app.mcpOAuth.clients.find(host.clientId), { secretHash: null, tokenEndpointAuthMethod: 'none', redirectUris: host.document['redirect_uris'], active: true })
})

t.test('REG-03: only who may sign in makes a row of it, and what was shown is what is kept', async t => {
  const { world, host, ask, watch, provider } = await start(t)
  provider.signInAs('stranger@example.com')
  const refused = await allow(world, await ask(), { until: documentRedirectUri })
  t.match(refused.body, 'You are not on the list')
  t.notOk(watch.calls.includes('saveClientDocument'))
  t.equal(await world.app.mcpOAuth.clients.find(host.clientId), undefined)
  provider.signInAs('you@example.com')
  const page = await ask()
  host.document = { ...host.document, client_name: 'Not shown' }
  connectToInternet(world.app, host.internet)
  t.ok((await allow(world, page, { until: documentRedirectUri })).url.searchParams.has('code'))
  t.match(await world.app.mcpOAuth.clients.find(host.clientId), { name: 'Described client' })
  t.equal(host.requests.length, 1, 'neither the form nor the callback fetches')
})

t.test('a document that has changed since somebody signed in with it is pointed out, until somebody does so again', async t => {
  freezeTime(t)
  const { host, ask, signIn } = await start(t)
  const since = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date())
  await signIn()
  mock.timers.tick(day)
  t.notMatch((await ask()).body, 'has changed', 'the same as it was')
  host.document = { ...host.document, client_name: 'Renamed', logo_uri: 'https://client.example/logo.png' }
  mock.timers.tick(day)
  const renamed = await ask()
  t.match(renamed.body, `has changed since ${since}, when somebody last signed in with it. It called itself “Described client” then.</p>`)
  host.document = { ...host.document, redirect_uris: [documentRedirectUri, 'https://elsewhere.example/cb'] }
  mock.timers.tick(day)
  t.match((await ask()).body, 'It called itself “Described client” then. It named other addresses for its answers then.</p>')
  host.document = { ...host.document, client_name: 'Described client' }
  mock.timers.tick(day)
  t.match((await ask()).body, 'when somebody last signed in with it. It named other addresses for its answers then.</p>')
  await signIn()
  t.notMatch((await ask()).body, 'has changed')
})

t.test('a client that was deactivated stays refused, and its host is not even asked', async t => {
  const { world, host, client, ask, signIn, restart, provider } = await start(t)
  const { access_token: accessToken } = await signIn()
  const open = await ask()
  await world.app.mcpOAuth.clients.setActive(host.clientId, false)
  isRefused(t, await ask(), unknown)
  isRefused(t, await world.browser.submit(open, { decision: 'allow' }), unknown, 'a page that was open')
  t.equal(provider.asked.length, 1, 'nobody was sent to sign in')
  restart()
  isRefused(t, await ask(), unknown)
  t.equal(host.requests.length, 1)
  t.equal((await callMcp(world, accessToken)).status, 401)
  t.same(await refusalOf(refresh(world, client, 'x')), { status: 401, error: 'invalid_client' })
})

t.test('a client that is deactivated while the person is away gets no code', async t => {
  const { world, host, ask, signIn } = await start(t)
  await signIn()
  const begun = await world.browser.submit(await ask(), { decision: 'allow' }, { until: `${world.issuer}/oauth/callback` })
  await world.app.mcpOAuth.clients.setActive(host.clientId, false)
  isRefused(t, await world.browser.visit(begun.url), unknown)
})

t.test('AS-07: switched off, the metadata does not name it, and a URL is just an unknown client', async t => {
  const { world, host, ask } = await start(t, { clientMetadataDocuments: false })
  const metadata = await (await fetch(`${world.issuer}/.well-known/oauth-authorization-server`)).json() as object
  t.notOk('client_id_metadata_document_supported' in metadata)
  await world.storage.saveClientDocument(host.clientId, { clientName: 'Of before', redirectUris: [documentRedirectUri], grantTypes: ['authorization_code'], clientUri: null, logoUri: null, fetchedAt: 0 }, new Date())
  isRefused(t, await ask(), unknown, 'one that came before it was switched off too')
  t.equal(host.requests.length, 0)
  t.equal(host.names.asked.length, 0)
})

t.test('AS-07: by default the metadata names it', async t => {
  const { world } = await start(t)
  t.match(await (await fetch(`${world.issuer}/.well-known/oauth-authorization-server`)).json(), { client_id_metadata_document_supported: true })
})

t.test('switched off while a page is open, its form is refused', async t => {
  const { world, ask } = await start(t)
  const page = await ask()
  const server = serverBehind(world.app.mcpOAuth)
  if (server === undefined) throw new Error('no server')
  Object.assign(server, { options: { ...server.options, clientMetadataDocuments: undefined } })
  isRefused(t, await world.browser.submit(page, { decision: 'allow' }), unknown)
})

t.test('allowedHosts: documents of other hosts are not fetched', async t => {
  const { host, ask } = await start(t, { clientMetadataDocuments: { allowedHosts: ['other.example', 'sub.client.example'] } })
  isRefused(t, await ask(), unknown)
  t.equal(host.names.asked.length, 0)
  const allowed = await start(t, { clientMetadataDocuments: { allowedHosts: ['client.example'] } })
  t.equal((await allowed.ask()).status, 200)
})

t.test('REG-10: the hosts that a registration may redirect to bind documents, and copies of them', async t => {
  const { host, ask } = await start(t, { at: claude, registration: { mode: 'open', allowedRedirectHosts: ['claude.ai'] } })
  isRefused(t, await ask(), unreadable)
  host.answer = status(403)
  isRefused(t, await ask({ redirect_uri: 'https://claude.ai/api/mcp/auth_callback' }), unreadable, 'the copy names claude.com too')
})

t.test('a client that was put into the table by hand is one that registered, whatever its id', async t => {
  const { world, host, ask } = await start(t)
  await world.storage.createClient({
    id: host.clientId, secretHash: null, name: 'By hand', redirectUris: [documentRedirectUri], grantTypes: ['authorization_code'], tokenEndpointAuthMethod: 'none', clientUri: null, logoUri: null, documentFetchedAt: null, createdAt: new Date(), active: true
  })
  const { body } = await ask()
  t.match(body, '“By hand” wants access')
  t.notMatch(body, 'has been checked</dt>')
  t.equal(host.requests.length, 0)
})

t.test('REG-06: where a well-known client’s host does not say anything about the document, its copy serves', async t => {
  freezeTime(t)
  const { host, world, ask, signIn, log, client } = await start(t, { at: claude })
  const callback = { redirect_uri: 'https://claude.ai/api/mcp/auth_callback' }
  const challenge = pkce()
  const trouble: Array<[what: string, change: () => void]> = [
    ...[403, 429, 500, 503].map((code): [string, () => void] => [String(code), () => { host.answer = status(code) }]),
    ['no address', () => { host.names.hosts = {} }]
  ]
  for (const [what, change] of trouble) {
    change()
    t.match(await ask(callback), { status: 200, body: /“Claude” wants access.*<bdi dir="ltr">claude\.ai<\/bdi>/s }, what)
    t.match(log.of('the metadata document of a client can not be fetched; a copy serves').at(-1), { clientId: host.clientId, err: { type: 'ClientDocumentError' } })
    mock.timers.tick(60_000)
  }
  const { searchParams } = await authorize(world, client, challenge, callback)
  t.equal((await redeem(world, client, searchParams.get('code') ?? '', challenge, callback)).status, 200)
  Object.assign(host, { answer: undefined })
  host.names.hosts = { [host.host]: ['127.0.0.1'] }
  mock.timers.tick(60_000)
  const own = await ask()
  t.match(own, { status: 200, body: /“Described client” wants access/ }, 'a valid document that differs is what counts')
  t.notMatch(own.body, 'has changed', 'the copy was no word of the client')
  isRefused(t, await ask(callback), /an address that is not its own/)
  await signIn()
  host.answer = status(403)
  mock.timers.tick(2 * day)
  t.match(await ask(), { status: 200, body: /“Described client” wants access/ }, 'and where somebody has signed in with it, what it said then')
  isRefused(t, await ask(callback), /an address that is not its own/)
})

t.test('REG-06: where the host says that there is none, or a bad one, the copy does not serve', async t => {
  const { host, ask } = await start(t, { at: claude })
  const callback = { redirect_uri: 'https://claude.ai/api/mcp/auth_callback' }
  for (const code of [404, 410, 400, 401, 301, 204]) {
    host.answer = status(code, { location: 'https://elsewhere.example/' })
    isRefused(t, await ask(callback), unreadable, String(code))
  }
  host.answer = undefined
  host.document = { ...host.document, client_id: 'https://claude.ai/other' }
  isRefused(t, await ask(callback), unreadable, 'another client’s document')
  host.names.hosts[host.host] = ['169.254.169.254']
  isRefused(t, await ask(callback), unreadable, 'an address that is not public')
})
