import t from 'tap'
import type { Test } from 'tap'
import { mock } from 'node:test'
import { linksOf, readForm, type Page } from '../fixtures/browser-jar.ts'
import { allow, authorize, authorizeUrl, callMcp, connect, pkce, redeem, redirectUri, refusalOf, register } from '../fixtures/flow.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'
import type { World, WorldOptions } from '../fixtures/world.ts'
import { mac } from '../../lib/keys/secrets.ts'

const json = { accept: 'application/json' }

async function start (t: Test, options: WorldOptions = {}) {
  const played = await startPlayedWorld(t, options)
  const { world } = played
  const client = await register(world)
  const ask = (parameters: Record<string, string | undefined> = {}) => world.browser.visit(authorizeUrl(world, client, pkce(), parameters))
  return { ...played, client, ask }
}

function isRefused (t: Test, page: Page, error: string, what: string): void {
  t.equal(page.status, 400, what)
  const [back] = linksOf(page)
  t.equal(back?.searchParams.get('error'), error)
  t.notMatch(page.body, '<form')
}

t.test('AZ-01: a repeated parameter is refused, an unknown one ignored, an empty one absent', async t => {
  const { world, client, ask } = await start(t)
  const url = authorizeUrl(world, client, pkce(), { scope: 'email' })
  for (const name of ['response_type', 'code_challenge', 'code_challenge_method', 'scope', 'state', 'nonce', 'prompt']) {
    isRefused(t, await world.browser.visit(`${url}&${name}=a&${name}=b`), 'invalid_request', `${name} twice`)
  }
  for (const name of ['client_id', 'redirect_uri']) {
    const page = await world.browser.visit(`${url}&${name}=a`)
    t.equal(page.status, 400, `${name} twice`)
    t.same(linksOf(page), [], 'without a way back: nobody knows whose')
  }
  isRefused(t, await world.browser.visit(`${url}&resource=https%3A%2F%2Felsewhere.example`), 'invalid_target', 'two resources')
  t.equal((await world.browser.visit(`${url}&resource=${encodeURIComponent(world.mcpUrl)}`)).status, 200, 'the same one twice')
  t.equal((await world.browser.visit(`${url}&unknown=a&unknown=b&x=%00%0d%0a`)).status, 200)
  t.equal((await ask({ scope: '', resource: '', nonce: '' })).status, 200)
  isRefused(t, await ask({ code_challenge: '' }), 'invalid_request', 'an empty challenge')
})

t.test('AZ-03: without a redirect_uri the only one is meant; with several one has to be named', async t => {
  const { world, client, ask } = await start(t)
  const page = await ask({ redirect_uri: undefined })
  t.equal((await allow(world, page)).url.href.split('?')[0], redirectUri)
  const several = await register(world, { redirect_uris: [redirectUri, 'https://client.example/cb'] })
  const open = await world.browser.visit(authorizeUrl(world, several, pkce(), { redirect_uri: undefined }))
  t.equal(open.status, 400)
  t.same(linksOf(open), [])
  t.equal((await world.browser.visit(authorizeUrl(world, client, pkce(), { redirect_uri: 'http://127.0.0.1:9999/callback' }))).status, 200)
})

t.test('AZ-04: a client that is unknown or deactivated gets a page, or JSON where it asks for it', async t => {
  const { world, client } = await start(t)
  const unknown = { ...client, client_id: 'nobody' }
  await world.app.mcpOAuth.clients.setActive(client.client_id, false)
  for (const refused of [unknown, client]) {
    const url = authorizeUrl(world, refused, pkce())
    const page = await world.browser.visit(url)
    t.equal(page.status, 400)
    t.match(page.body, 'This server does not know the application')
    t.same(linksOf(page), [])
    t.same(await refusalOf(world.browser.fetch(url, { headers: json })), { status: 400, error: 'invalid_client' })
    const both = await world.browser.fetch(url, { headers: { accept: 'text/html,application/json' } })
    t.match(both.headers.get('content-type'), 'text/html', 'a browser gets the page')
  }
  const bare = await world.app.inject({ url: '/oauth/authorize', headers: { host: new URL(world.origin).host } })
  t.match(bare, { statusCode: 400, body: /client_id is missing/ }, 'without an Accept header too')
})

t.test('AZ-06, AS-06: state comes back unchanged and iss with it; without one there is none', async t => {
  const { world, client } = await start(t)
  for (const state of ['simple', 'a b+c&d=e#f%20', '{"x":"é✓"}', 'x'.repeat(2000)]) {
    const end = await authorize(world, client, pkce(), { state })
    t.equal(end.searchParams.get('state'), state)
    t.equal(end.searchParams.get('iss'), world.issuer)
  }
  t.notOk((await authorize(world, client, pkce(), { state: undefined })).searchParams.has('state'))
  const withQuery = await register(world, { redirect_uris: ['https://client.example/cb?tenant=1'] })
  const end = await authorize(world, withQuery, pkce(), { redirect_uri: 'https://client.example/cb?tenant=1' })
  t.match(end.href, /^https:\/\/client\.example\/cb\?tenant=1&code=/)
})

t.test('AZ-07: a code is good for one minute', async t => {
  const { world, client } = await start(t)
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const challenge = pkce()
  const code = async () => (await authorize(world, client, challenge)).searchParams.get('code') ?? ''
  const late = await code()
  mock.timers.tick(60_000)
  t.same(await refusalOf(redeem(world, client, late, challenge)), { status: 400, error: 'invalid_grant' })
  const inTime = await code()
  mock.timers.tick(59_999)
  t.equal((await redeem(world, client, inTime, challenge)).status, 200)
})

t.test('AZ-11: a resource that is not served here is refused; none, the bare origin and other spellings of the host mean the default', async t => {
  const { world, ask } = await start(t)
  for (const resource of ['https://elsewhere.example/mcp', `${world.mcpUrl}/x`, `${world.mcpUrl}#x`, 'mcp', `${world.origin}/mcp/`]) {
    isRefused(t, await ask({ resource }), 'invalid_target', resource)
  }
  for (const resource of [undefined, world.origin, `${world.origin}/`, world.mcpUrl, world.mcpUrl.replace('http', 'HTTP')]) {
    const { tokens } = await connect(world, { resource })
    t.match(await (await callMcp(world, tokens.access_token)).json(), { resource: world.mcpUrl }, String(resource))
  }
})

t.test('AZ-13: no response type but code', async t => {
  const { ask } = await start(t)
  for (const type of ['token', 'id_token', 'code token', 'none', 'CODE']) isRefused(t, await ask({ response_type: type }), 'unsupported_response_type', type)
  isRefused(t, await ask({ response_type: undefined }), 'invalid_request', 'none at all')
  const stateless = await ask({ response_type: 'token', state: undefined })
  t.notOk(linksOf(stateless)[0]?.searchParams.has('state'), 'no state, where none came')
})

t.test('AZ-14: an unknown scope is invalid_scope; none named means all but offline_access', async t => {
  const { world, ask } = await start(t, { scopes: { 'notes:read': 'Read your notes' } })
  for (const scope of ['admin', 'email admin', 'Email', 'notes', '"', 'notes:read\\']) isRefused(t, await ask({ scope }), 'invalid_scope', scope)
  const page = await ask({ scope: 'notes:read' })
  t.match(page.body, 'Read your notes')
  t.notMatch(page.body, 'See your e-mail address')
  const { tokens } = await connect(world)
  t.equal(tokens.scope, 'openid email profile notes:read')
})

t.test('PX-01, PX-02: the page names the client, where the answer goes, the resource, the scopes and the provider', async t => {
  const { provider, watch, world, client, ask } = await start(t)
  const { body } = await ask({ scope: 'email offline_access' })
  for (const words of ['“Test client” wants access', 'Nobody has checked it', '127.0.0.1:4321', world.mcpUrl, 'See your e-mail address', 'Stay connected', 'sign in with Local', 'Deny']) {
    t.match(body, words, words)
  }
  t.match(body, 'a program on this computer', 'a loopback redirect is warned of')
  const hosted = await register(world, { redirect_uris: ['https://client.example/cb', 'cursor://anysphere.cursor-mcp/oauth/callback'] })
  const at = (uri: string) => world.browser.visit(authorizeUrl(world, hosted, pkce(), { redirect_uri: uri }))
  t.match((await at('https://client.example/cb')).body, '<strong><bdi dir="ltr">client.example</bdi></strong>')
  t.notMatch((await at('https://client.example/cb')).body, 'class="notice"')
  t.match((await at('cursor://anysphere.cursor-mcp/oauth/callback')).body, /<bdi dir="ltr">cursor:\/\/anysphere.*an app on this device/s)
  const denied = await world.browser.submit(await ask(), { decision: 'deny' })
  t.match(denied.body, 'You denied the request')
  t.equal((await world.browser.submit(await ask(), { decision: 'maybe' })).status, 400)
  t.equal((await world.browser.submit(await ask(), {})).status, 400)
  t.notOk(watch.calls.includes('createTransaction'), 'only allow begins anything')
  t.equal(provider.asked.length, 0)
  t.ok(client.client_id)
})

t.test('PX-03: a form that is too old, not ours, or of a client that was changed since', async t => {
  const { provider, world, client, ask } = await start(t)
  const page = await ask()
  const { action } = readForm(page)
  const browser = world.browser.cookies(world.issuer)['mcp-oauth-consent'] ?? ''
  const post = (request: string) => world.browser.visit(action, { method: 'POST', form: { request, csrf: mac(browser, 'consent', request), decision: 'allow' } })
  for (const request of ['x', 'e30.AAAA', `${readForm(page).fields['request']}.x`]) {
    t.match(await post(request), { status: 403, body: /not opened in this browser/ }, 'a CSRF value that a browser made for itself')
  }
  await world.app.mcpOAuth.clients.setActive(client.client_id, false)
  t.equal((await world.browser.submit(page, { decision: 'allow' })).status, 400, 'deactivated meanwhile')
  await world.app.mcpOAuth.clients.setActive(client.client_id, true)
  const stored = await world.storage.findClient(client.client_id)
  if (stored !== undefined) await world.storage.createClient({ ...stored, redirectUris: ['https://other.example/cb'] })
  t.equal((await world.browser.submit(page, { decision: 'allow' })).status, 400, 'the redirect URI is not registered any more')
  if (stored !== undefined) await world.storage.createClient(stored)
  const late = await ask()
  // A browser of its own mind keeps the cookie that should be gone by then.
  const cookie = `mcp-oauth-consent=${world.browser.cookies(world.issuer)['mcp-oauth-consent']}`
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 })
  t.teardown(() => mock.timers.reset())
  const tooLate = await world.browser.submit(late, { decision: 'allow' }, { headers: { cookie } })
  t.match(tooLate, { status: 403, body: /open for too long/ })
  t.equal(provider.asked.length, 0)
})

t.test('PX-05: a sign-in that takes longer than ten minutes is void', async t => {
  const { provider, world, ask } = await start(t)
  const begun = async (world: World) => await world.browser.submit(await ask(), { decision: 'allow' }, { until: `${world.issuer}/oauth/callback` })
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const late = await begun(world)
  mock.timers.tick(600_000)
  t.equal((await world.browser.visit(late.url)).status, 403)
  t.equal(provider.exchanged.length, 0)
  const inTime = await begun(world)
  mock.timers.tick(599_999)
  t.ok((await world.browser.visit(inTime.url, { until: redirectUri })).url.searchParams.has('code'))
  const [asked] = provider.asked
  t.match(asked, { state: /^[\w-]{43}$/, nonce: /^[\w-]{43}$/, codeChallenge: /^[\w-]{43}$/, redirectUri: `${world.issuer}/oauth/callback` })
})
