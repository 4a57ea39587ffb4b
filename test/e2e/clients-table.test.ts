import t from 'tap'
import { unescapeHtml } from '../fixtures/browser-jar.ts'
import { realClients } from '../fixtures/clients.ts'
import { allow, authorizeUrl, callMcp, pkce, redeem, refresh, register, type Registered, type Tokens } from '../fixtures/flow.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { startWorld } from '../fixtures/world.ts'

const world = await startWorld(t, { providers: [scriptedProvider()] })

/** The registration as it is: unlike `register`, it adds nothing. */
async function registerAsIs (body: object): Promise<Response> {
  return await fetch(`${world.issuer}/oauth/register`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body)
  })
}

for (const [name, { registration, redirectUris, authorize, refresh: refreshing }] of Object.entries(realClients)) {
  t.test(`${name} registers, and every redirect URI of its own ends in a working token`, async t => {
    const answer = await registerAsIs(registration)
    t.equal(answer.status, 201)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    const client = await answer.json() as Registered
    const method = registration['token_endpoint_auth_method'] ?? 'client_secret_basic'
    t.match(client, {
      client_id: /^(?!https:\/\/)[\w-]+$/,
      client_id_issued_at: Number,
      redirect_uris: registration['redirect_uris'] ?? redirectUris,
      token_endpoint_auth_method: method,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code']
    })
    t.notOk(Object.values(client).includes(null), 'nothing is null')
    t.equal('client_secret' in client, method !== 'none')
    t.equal(client['client_secret_expires_at'], method === 'none' ? undefined : 0)

    for (const redirectUri of redirectUris) {
      await t.test(redirectUri, async t => {
        const challenge = pkce()
        const sent = { redirect_uri: redirectUri, state: 'its-state', ...authorize?.(world.mcpUrl) }
        const consent = await world.browser.visit(authorizeUrl(world, client, challenge, sent))
        const { url } = await allow(world, consent, { until: redirectUri })
        t.equal(url.href.split('?')[0], redirectUri)
        t.equal(url.searchParams.get('state'), sent.state ?? null)
        t.equal(url.searchParams.get('iss'), world.issuer)

        const redeemed = await redeem(world, client, url.searchParams.get('code') ?? '', challenge, { redirect_uri: redirectUri })
        t.equal(redeemed.status, 200)
        const tokens = await redeemed.json() as Tokens
        const called = await callMcp(world, tokens.access_token)
        t.match(await called.json(), { user: { email: 'you@example.com' }, resource: world.mcpUrl })

        const refreshed = await refresh(world, client, tokens.refresh_token, refreshing?.(world.mcpUrl))
        t.equal(refreshed.status, 200)
        const { access_token: accessToken } = await refreshed.json() as Tokens
        t.equal((await callMcp(world, accessToken)).status, 200)
      })
    }
  })
}

t.test('REG-09: an app that is not allowed may be registered beside others, and nothing is sent there', async t => {
  const redirectUris = ['http://127.0.0.1:4000/callback', 'grokbot://mcp/oauth/callback']
  const client = await register(world, { redirect_uris: redirectUris })
  t.strictSame(client.redirect_uris, redirectUris)
  const page = await world.browser.visit(authorizeUrl(world, client, pkce(), { redirect_uri: redirectUris[1] }))
  t.equal(page.status, 400)
  t.notMatch(page.body, 'grokbot')
})

t.test('AZ-03: only the port of a loopback redirect may differ', async t => {
  const client = await register(world, { redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/', 'https://vscode.dev/redirect'] })
  const asked = [
    'http://localhost:4000/callback/', 'http://localhost:4000/other', 'https://localhost:4000/callback', 'http://[::1]:4000/callback',
    'http://localhost.evil.example:4000/callback', 'http://127.0.0.1:4000', 'https://vscode.dev/redirect/', 'https://vscode.dev:444/redirect'
  ]
  for (const redirectUri of asked) {
    const response = await fetch(authorizeUrl(world, client, pkce(), { redirect_uri: redirectUri }), { redirect: 'manual' })
    t.equal(response.status, 400, redirectUri)
    t.equal(response.headers.get('location'), null)
  }
})

t.test('AZ-04: a client that was lost is told so, a person by a page and a program by JSON', async t => {
  const lost = { client_id: 'mcp-lost', redirect_uris: ['http://localhost:3335/oauth/callback'] }
  const url = authorizeUrl(world, lost, pkce(), { redirect_uri: lost.redirect_uris[0] })
  const program = await fetch(url, { redirect: 'manual', headers: { accept: 'application/json' } })
  t.equal(program.status, 400)
  t.match(await program.json(), { error: 'invalid_client' })
  const person = await fetch(url, { redirect: 'manual', headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } })
  t.equal(person.status, 400)
  t.match(person.headers.get('content-type'), 'text/html')
  t.notMatch(await person.text(), 'http-equiv', 'nobody is sent anywhere')

  const dead = await refresh(world, lost, 'whatever')
  t.equal(dead.status, 401)
  t.match(await dead.json(), { error: 'invalid_client' })
})

t.test('AZ-08: whoever denies stays on our page, which names the app that a click leads back to', async t => {
  const redirectUri = 'cursor://anysphere.cursor-mcp/oauth/callback'
  const client = await register(world, { redirect_uris: [redirectUri] })
  const consent = await world.browser.visit(authorizeUrl(world, client, pkce(), { redirect_uri: redirectUri }))
  const denied = await world.browser.submit(consent, { decision: 'deny' })
  t.equal(denied.status, 200)
  t.match(denied.body, `>Back to ${redirectUri}</a>`)
  t.match(unescapeHtml(denied.body), `href="${redirectUri}?error=access_denied&`)
})

t.test('AZ-11: a resource that is not served here is refused', async t => {
  const client = await register(world)
  const page = await world.browser.visit(authorizeUrl(world, client, pkce(), { resource: `${world.origin}/other` }))
  t.equal(page.status, 400)
  t.match(unescapeHtml(page.body), 'error=invalid_target')
})

t.test('REG-08: a registration that is no JSON, or leads nowhere, is refused in the words of RFC 7591', async t => {
  const form = await fetch(`${world.issuer}/oauth/register`, { method: 'POST', body: new URLSearchParams({ client_name: 'Form' }) })
  t.equal(form.status, 400)
  t.match(await form.json(), { error: 'invalid_client_metadata', error_description: /application\/json/ })
  for (const redirectUri of ['http://example.com/callback', 'https://example.com/*', 'https://a@example.com/', 'https://example.com/#here', 'grokbot://mcp']) {
    const refused = await registerAsIs({ redirect_uris: [redirectUri] })
    t.equal(refused.status, 400, redirectUri)
    t.match(await refused.json(), { error: 'invalid_redirect_uri' })
  }
})
