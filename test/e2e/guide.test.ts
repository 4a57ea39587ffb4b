import t from 'tap'
import { mcp } from '../../examples/restaurant/mcp.ts'
import { createTables } from '../../examples/restaurant/schema.ts'
import { startDatabase } from '../fixtures/database.ts'
import { pkce } from '../fixtures/flow.ts'
import { startWorld } from '../fixtures/world.ts'

// The guide's manual tests, one after the other, as its curl commands have them. What differs: PKCE, and the secret that test 3 says to save.
const { storage, run, db } = await startDatabase(t)
await createTables(db)
await run(`INSERT INTO user_profiles (user_id, email, name, status, role)
  VALUES (gen_random_uuid()::text, 'your-email@example.com', 'Your Name', 'active', 'admin')`)
const { issuer, upstream, browser } = await startWorld(t, {
  storage, firstAdmin: { email: 'you@example.com' }, after: async app => { await app.register(mcp, { db }) }
})
upstream.signInAs('your-email@example.com')

const redirectUri = 'http://localhost:3000/callback'
const scope = 'openid email profile'
const challenge = pkce()
const client = { id: '', secret: '' }
let code = ''
let accessToken = ''

function post (path: string, headers: Record<string, string>, body: string): Promise<Response> {
  return fetch(issuer + path, { method: 'POST', headers, body })
}

const json = { 'content-type': 'application/json' }
const toolsList = '{"jsonrpc":"2.0","method":"tools/list","id":1}'

t.test('Test 1: the metadata endpoint works without authentication', async t => {
  const response = await fetch(`${issuer}/.well-known/oauth-authorization-server`)
  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^application\/json/)
  t.match(await response.json(), {
    issuer,
    authorization_endpoint: `${issuer}/oauth/authorize`,
    token_endpoint: `${issuer}/oauth/token`,
    registration_endpoint: `${issuer}/oauth/register`
  })
})

t.test('Test 2: the MCP endpoint without authentication fails', async t => {
  const response = await post('/mcp', json, toolsList)
  t.equal(response.status, 401)
  t.match(await response.json(), { error: 'invalid_token' })
})

t.test('Test 3: a client registers, and gets an id and a secret', async t => {
  const body = { client_name: 'Test Client', redirect_uris: [redirectUri] }
  const form = await post('/oauth/register', { 'content-type': 'application/x-www-form-urlencoded' }, JSON.stringify(body))
  t.equal(form.status, 400, 'the guide’s other example, which sends a form’s content type')
  t.match(await form.json(), { error: 'invalid_client_metadata', error_description: /application\/json/ })

  const response = await post('/oauth/register', json, JSON.stringify(body))
  t.equal(response.status, 201)
  const answer = await response.json() as Record<string, unknown>
  t.match(answer, { client_id: /^[\w-]+$/, client_secret: /^[\w-]{43}$/, client_secret_expires_at: 0, ...body })
  client.id = String(answer['client_id'])
  client.secret = String(answer['client_secret'])
})

t.test('Tests 4 and 5: the authorization URL leads to the sign-in, and that back with a code', async t => {
  const url = `${issuer}/oauth/authorize?client_id=${client.id}&redirect_uri=${redirectUri}&response_type=code&state=test123&scope=${encodeURIComponent(scope)}`
  const bare = await browser.visit(url)
  t.equal(bare.status, 400, 'without PKCE it goes no further')
  t.match(bare.body, 'code_challenge')
  const consent = await browser.visit(`${url}&code_challenge=${challenge.codeChallenge}&code_challenge_method=S256`)
  t.match(consent.body, /Test Client.*localhost:3000/s)
  const end = await browser.submit(consent, { decision: 'allow' }, { until: redirectUri })
  t.ok(end.hops.some(hop => hop.startsWith(upstream.issuer)), 'by way of the provider')
  t.match(Object.fromEntries(end.url.searchParams), { code: String, state: 'test123', iss: issuer })
  code = end.url.searchParams.get('code') ?? ''
})

t.test('Test 5: the code is exchanged for tokens', async t => {
  const form = { grant_type: 'authorization_code', code, client_id: client.id, redirect_uri: redirectUri, code_verifier: challenge.codeVerifier }
  const formType = { 'content-type': 'application/x-www-form-urlencoded' }
  const bare = await post('/oauth/token', formType, new URLSearchParams(form).toString())
  t.equal(bare.status, 401, 'the secret is not there for nothing')
  const response = await post('/oauth/token', formType, new URLSearchParams({ ...form, client_secret: client.secret }).toString())
  t.equal(response.status, 200)
  const tokens = await response.json() as Record<string, unknown>
  t.match(tokens, { access_token: String, refresh_token: String, token_type: 'Bearer', expires_in: 604_800, scope })
  accessToken = String(tokens['access_token'])
})

t.test('Test 6: the MCP endpoint with authentication lists the tools', async t => {
  const response = await post('/mcp', { ...json, authorization: `Bearer ${accessToken}`, accept: 'application/json, text/event-stream' }, toolsList)
  t.equal(response.status, 200)
  t.match(await response.text(), 'list_restaurants')
  const [user] = await run("SELECT provider, provider_user_id, role, last_login_at FROM user_profiles WHERE email = 'your-email@example.com'")
  t.match(user, { provider: 'local', provider_user_id: 'subject-of-your-email@example.com', role: 'admin', last_login_at: Date })
})
