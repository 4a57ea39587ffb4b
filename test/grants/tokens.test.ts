import t from 'tap'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { mock } from 'node:test'
import { MemoryStorage } from '../../lib/index.ts'
import { startDatabase } from '../fixtures/database.ts'
import { authorize, callMcp, connect, pkce, redeem, redirectUri, refresh, refusalOf, register, token, type Tokens } from '../fixtures/flow.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { secret, startWorld } from '../fixtures/world.ts'

const storage = new MemoryStorage()
const world = await startWorld(t, { providers: [scriptedProvider()], storage })
const invalidGrant = { status: 400, error: 'invalid_grant' }
const invalidRequest = { status: 400, error: 'invalid_request' }
const day = 86_400_000

t.test('TK-01: repeated parameters are refused, unknown ones ignored, empty ones absent, and the answer is not cached', async t => {
  const { client, tokens } = await connect(world)
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: client.client_id })
  const post = (body: string) => fetch(`${world.issuer}/oauth/token`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body })
  for (const name of ['grant_type', 'refresh_token', 'client_id', 'scope', 'client_secret']) {
    t.same(await refusalOf(post(`${form}&${name}=a&${name}=b`)), invalidRequest, `${name} twice`)
  }
  t.same(await refusalOf(post(`${form}&resource=${encodeURIComponent(world.mcpUrl)}&resource=https%3A%2F%2Fx.example`)), { status: 400, error: 'invalid_target' })
  for (const missing of ['grant_type', 'refresh_token', 'client_id']) {
    const others = new URLSearchParams([...form].filter(([name]) => name !== missing))
    t.same(await refusalOf(post(others.toString())), invalidRequest, `no ${missing}`)
    t.same(await refusalOf(post(`${others}&${missing}=`)), invalidRequest, `an empty ${missing}`)
  }
  t.same(await refusalOf(token(world, { grant_type: 'password', client_id: client.client_id })), { status: 400, error: 'unsupported_grant_type' })
  const answer = await post(`${form}&unknown=a&unknown=b&x=%00&scope=`)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.match(answer.headers.get('content-type'), 'application/json')
  t.match(await answer.json(), { scope: 'openid email profile', token_type: 'Bearer', expires_in: 604_800 })
})

t.test('TK-02: a code is for one client, one verifier and, where it is sent, one redirect URI', async t => {
  const client = await register(world)
  const stranger = await register(world, { client_name: 'Stranger' })
  const challenge = pkce()
  const code = (await authorize(world, client, challenge)).searchParams.get('code') ?? ''
  t.same(await refusalOf(redeem(world, stranger, code, challenge)), invalidGrant, 'another client')
  t.same(await refusalOf(redeem(world, client, code, challenge, { redirect_uri: `${redirectUri}/` })), invalidGrant, 'another redirect URI')
  t.same(await refusalOf(redeem(world, client, code, challenge, { code: 'x' })), invalidGrant, 'another code')
  const answer = await redeem(world, client, code, challenge, { redirect_uri: '' })
  t.equal(answer.status, 200, 'OAuth 2.1 §10.2: the redirect URI may be left out')
})

t.test('TK-05: a refresh may narrow the access token, never widen it, and the refresh token keeps its scope', async t => {
  const { client, tokens } = await connect(world, { scope: 'openid email' })
  for (const scope of ['openid email profile', 'profile', 'offline_access', 'nonsense', '"']) {
    t.same(await refusalOf(refresh(world, client, tokens.refresh_token, { scope })), { status: 400, error: 'invalid_scope' }, scope)
  }
  const narrow = await (await refresh(world, client, tokens.refresh_token, { scope: 'email' })).json() as Tokens
  t.equal(narrow.scope, 'email')
  t.match(await (await callMcp(world, narrow.access_token)).json(), { scopes: ['email'] })
  const whole = await (await refresh(world, client, narrow.refresh_token)).json() as Tokens
  t.equal(whole.scope, 'openid email')
  t.equal((await refresh(world, client, whole.refresh_token, { resource: world.mcpUrl })).status, 200)
})

t.test('TK-06: a grant ends at grantLifetime however often it is refreshed, and tokens with it', async t => {
  const brief = await startWorld(t, { providers: [scriptedProvider()], grantLifetime: 10 * 86_400, revalidateAfter: 0 })
  const { client, tokens } = await connect(brief)
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  mock.timers.tick(6 * day)
  const late = await (await refresh(brief, client, tokens.refresh_token)).json() as Tokens
  t.ok(late.expires_in <= 4 * 86_400 && late.expires_in > 4 * 86_400 - 10, 'no token outlives its grant')
  mock.timers.tick(4 * day)
  t.same(await refusalOf(callMcp(brief, late.access_token)), { status: 401, error: 'invalid_token' })
  t.same(await refusalOf(refresh(brief, client, late.refresh_token)), invalidGrant)
})

t.test('a refresh token that lies unused for refreshTokenLifetime is dead; one that is used lives on', async t => {
  const brief = await startWorld(t, { providers: [scriptedProvider()], refreshTokenLifetime: 86_400 })
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const { client, tokens } = await connect(brief)
  const idle = await connect(brief)
  mock.timers.tick(day - 2000)
  const next = await (await refresh(brief, client, tokens.refresh_token)).json() as Tokens
  mock.timers.tick(3000)
  t.same(await refusalOf(refresh(brief, idle.client, idle.tokens.refresh_token)), invalidGrant)
  t.equal((await refresh(brief, client, next.refresh_token)).status, 200)
})

t.test('a client that may not refresh any more is unauthorized_client', async t => {
  const { client, tokens } = await connect(world, { metadata: { client_name: 'Not refreshing any more' } })
  const stored = await storage.findClient(client.client_id)
  if (stored !== undefined) await storage.createClient({ ...stored, grantTypes: ['authorization_code'] })
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), { status: 400, error: 'unauthorized_client' })
})

t.test('RFC 6749 §5.2: a client that is not registered for codes is unauthorized_client, and its code stays whole', async t => {
  const client = await register(world, { client_name: 'Not redeeming any more' })
  const known = await storage.findClient(client.client_id)
  const challenge = pkce()
  const code = (await authorize(world, client, challenge)).searchParams.get('code') ?? ''
  if (known !== undefined) await storage.createClient({ ...known, grantTypes: ['refresh_token'] })
  t.same(await refusalOf(redeem(world, client, code, challenge)), { status: 400, error: 'unauthorized_client' })
})

t.test('the access token is a JWT of the agreed shape, and says nothing of what the row may change', async t => {
  const { client, tokens } = await connect(world)
  t.match(decodeProtectedHeader(tokens.access_token), { alg: 'HS256', typ: 'at+jwt', kid: /^[\w-]{12}$/ })
  const claims = decodeJwt(tokens.access_token)
  t.match(claims, {
    iss: world.issuer, aud: world.mcpUrl, client_id: client.client_id, scope: tokens.scope, email: 'you@example.com', name: 'You', token_type: 'access_token', jti: /^[\w-]{22}$/
  })
  t.equal(Number(claims.exp) - Number(claims.iat), 604_800)
  t.notOk('role' in claims)
  t.match(decodeJwt(tokens.refresh_token), { sub: claims.sub, token_type: 'refresh_token', iss: world.issuer })
  const nameless = await startWorld(t, { providers: [Object.assign(scriptedProvider(), { identity: { issuer: 'https://x.example', subject: 's', email: 'ann@example.com', emailVerified: true, name: undefined, picture: undefined } })] })
  await nameless.app.mcpOAuth.users.add({ email: 'ann@example.com' })
  t.notOk('name' in decodeJwt((await connect(nameless)).tokens.access_token))
})

t.test('TK-09: nothing in the database lets its reader act as a user or a client', async t => {
  const { storage, run } = await startDatabase(t)
  const site = await startWorld(t, { providers: [scriptedProvider()], storage })
  const client = await register(site, { token_endpoint_auth_method: 'client_secret_post' })
  const challenge = pkce()
  const code = (await authorize(site, client, challenge)).searchParams.get('code') ?? ''
  const tokens = await (await redeem(site, client, code, challenge)).json() as Tokens
  const tables = await run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
  const rows = await Promise.all(tables.map(({ table_name: table }) => run(`SELECT * FROM ${table}`)))
  const dump = JSON.stringify(rows)
  t.match(dump, client.client_id, 'the dump is there')
  const secrets = { code, secret: client.client_secret ?? '', verifier: challenge.codeVerifier, access: tokens.access_token, refresh: tokens.refresh_token, root: secret, ...site.browser.cookies(site.issuer) }
  for (const [what, value] of Object.entries(secrets)) t.notOk(dump.includes(value), what)
})
