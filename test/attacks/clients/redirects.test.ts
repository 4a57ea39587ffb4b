import t from 'tap'
import type { Test } from 'tap'
import { linksOf } from '../../fixtures/browser-jar.ts'
import { authorize, authorizeUrl, pkce, redeem, refresh, register, type Registered, type Tokens } from '../../fixtures/flow.ts'
import { answering, guardedApp } from '../../fixtures/guarded-app.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import type { World } from '../../fixtures/world.ts'

async function post (world: World, metadata: object): Promise<{ status: number, error: unknown }> {
  const response = await fetch(`${world.issuer}/oauth/register`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ token_endpoint_auth_method: 'none', ...metadata })
  })
  const { error } = await response.json() as { error: unknown }
  return { status: response.status, error }
}

/** Asks for a code at a redirect URI; nobody may be led there. */
async function refuseRedirect (t: Test, world: World, client: Registered, redirectUri: string): Promise<void> {
  const page = await world.browser.visit(authorizeUrl(world, client, pkce(), { redirect_uri: redirectUri }))
  t.equal(page.status, 400, redirectUri)
  t.equal(page.hops.length, 1, 'a page, not a redirect')
  t.same(linksOf(page), [], 'and no link')
}

t.test('R1: a redirect URI that is not registered gives a page, and no redirect', async t => {
  const { provider, world } = await startPlayedWorld(t)
  const client = await register(world, { redirect_uris: ['https://client.example/cb'] })
  await refuseRedirect(t, world, client, 'https://evil.example/cb')
  await refuseRedirect(t, world, client, 'http://127.0.0.1:4321/callback')
  const json = await world.browser.fetch(authorizeUrl(world, client, pkce(), { redirect_uri: 'https://evil.example/cb' }), { headers: { accept: 'application/json' } })
  t.equal(json.status, 400)
  t.match(await json.json(), { error: 'invalid_request' })
  t.equal(provider.asked.length, 0)
})

const dangerous = [
  'javascript:alert(1)', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', 'java\tscript:alert(1)', 'java\nscript:alert(1)', '\u0001javascript:alert(1)',
  'javascript://client.example/%0aalert(1)', 'data:text/html,<script>alert(1)</script>', 'vbscript:msgbox(1)', 'file:///etc/passwd',
  'blob:https://client.example/1', 'DATA:,x', 'about:blank', 'filesystem:https://client.example/x', 'view-source:https://client.example'
]

t.test('R2: no scheme that runs or reads something is registered, in whatever disguise and whichever member', async t => {
  const { watch, world } = await startPlayedWorld(t)
  for (const uri of dangerous) {
    t.same(await post(world, { redirect_uris: [uri] }), { status: 400, error: 'invalid_redirect_uri' }, `redirect_uris ${JSON.stringify(uri)}`)
    t.same(await post(world, { redirect_uris: ['https://client.example/cb', uri] }), { status: 400, error: 'invalid_redirect_uri' }, 'beside a good one')
    for (const member of ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri']) {
      const answer = await post(world, { redirect_uris: ['https://client.example/cb'], [member]: uri })
      t.same(answer, { status: 400, error: 'invalid_client_metadata' }, `${member} ${JSON.stringify(uri)}`)
    }
  }
  t.notOk(watch.calls.includes('createClient'), 'nothing was stored')
})

t.test('R3: redirect URIs are compared as whole strings', async t => {
  const { world } = await startPlayedWorld(t)
  const client = await register(world, { redirect_uris: ['https://ok.example/cb', 'http://127.0.0.1/callback'] })
  const tricks = [
    'https://ok.example.evil.com/cb', 'https://ok.example@evil.com/cb', 'https://ok.example/cb/../x', 'https://ok.example/cb/', 'https://ok.example/cb?x=1',
    'https://ok.example/cb#x', 'https://ok.example/CB', 'https://OK.example/cb', 'https://ok.example:443/cb', 'https://ok.example//cb', 'https://ok.example/%63b',
    'https://ok.example/', 'https://ok.example/*', 'http://ok.example/cb', ' https://ok.example/cb', 'https://ok.example/cb ', 'https://ok.example\\@evil.com/cb',
    'http://127.0.0.1.evil.com/callback', 'http://127.0.0.1:80@evil.com/callback', 'http://127.0.0.1:99999/callback', 'http://localhost/callback',
    'http://127.0.0.1:4321/other', 'https://127.0.0.1/callback', 'http://127.1/callback'
  ]
  for (const trick of tricks) await refuseRedirect(t, world, client, trick)
  for (const registered of ['https://ok.example/*', 'https://*.example/cb', 'https://user@ok.example/cb', 'https://ok.example/cb#x', 'http://ok.example/cb']) {
    t.same(await post(world, { redirect_uris: [registered] }), { status: 400, error: 'invalid_redirect_uri' }, `${registered} is not even registered`)
  }
  for (const port of ['', ':1', ':49152']) {
    const page = await world.browser.visit(authorizeUrl(world, client, pkce(), { redirect_uri: `http://127.0.0.1${port}/callback` }))
    t.equal(page.status, 200, 'RFC 8252 §7.3: the port of a loopback redirect is free')
  }
})

t.test('R4: no token ever stands in a URL', async t => {
  const { world } = await startPlayedWorld(t)
  const client = await register(world)
  const challenge = pkce()
  const end = await authorize(world, client, challenge)
  t.same([...end.searchParams.keys()].sort(), ['code', 'iss', 'state'], 'what comes back to the client')
  const tokens = await (await redeem(world, client, end.searchParams.get('code') ?? '', challenge)).json() as Tokens
  await refresh(world, client, tokens.refresh_token)
  const inQuery = await fetch(`${world.mcpUrl}?access_token=${tokens.access_token}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
  t.equal(inQuery.status, 401, 'nor is one taken from it')
  const query = await fetch(`${world.issuer}/oauth/token?grant_type=refresh_token&refresh_token=${tokens.refresh_token}&client_id=${client.client_id}`, {
    method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: ''
  })
  t.equal(query.status, 400)
})

t.test('R5: a private-use scheme is used only where the operator allows the exact URI', async t => {
  const { world } = await startPlayedWorld(t)
  const cursor = 'cursor://anysphere.cursor-mcp/oauth/callback'
  for (const uri of ['evil://callback', 'cursor://anysphere.cursor-mcp/oauth/callback2', 'CURSOR://anysphere.cursor-mcp/oauth/callback', 'com.example.app:/cb']) {
    t.same(await post(world, { redirect_uris: [uri] }), { status: 400, error: 'invalid_redirect_uri' }, uri)
    const beside = await register(world, { redirect_uris: [uri, 'https://client.example/cb'] })
    t.same(beside.redirect_uris, [uri, 'https://client.example/cb'], 'REG-09: beside a good one it does not sink the registration')
    await refuseRedirect(t, world, beside, uri)
  }
  const client = await register(world, { redirect_uris: [cursor] })
  const end = await authorize(world, client, pkce(), { redirect_uri: cursor })
  t.match(end.href, /^cursor:\/\/anysphere\.cursor-mcp\/oauth\/callback\?code=[\w-]{43}&/)
})

t.test('R10: every URL that the documents name is a clean absolute one, of this server', async t => {
  const { world } = await startPlayedWorld(t)
  const paths = ['/.well-known/oauth-authorization-server', '/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp']
  for (const path of paths) {
    const document = await (await fetch(world.origin + path)).json() as Record<string, unknown>
    const urls = Object.values(document).flat().map(String).filter(value => value.includes('/'))
    t.ok(urls.length > 0)
    for (const url of urls) {
      t.match(url, /^http:\/\/127\.0\.0\.1:\d+[\w./-]*$/, 'nothing that a shell or a browser would read as more than an address')
      t.equal(new URL(url).origin, world.origin)
    }
  }
})

t.test('R10: an operator can not put anything else there', async t => {
  const foul = ['javascript:alert(1)', 'file:///etc/passwd', 'https://a.example/$(id)', 'https://a.example/`id`', 'https://a.example/;id', 'https://u@a.example', 'http://a.example']
  for (const url of foul) {
    for (const [name, options] of Object.entries({ issuer: { issuer: url }, resource: { resource: url } })) {
      await t.rejects(guardedApp(t, { ...options, after: answering() }), { name: 'InvalidOptionError', message: new RegExp(`^${name}`) }, JSON.stringify(options))
    }
  }
})
