import { mock } from 'node:test'
import t from 'tap'
import { noOrigin } from '../../../lib/audit/event.ts'
import { purge } from '../../../lib/housekeeping.ts'
import { serverBehind } from '../../../lib/server.ts'
import { signInAs } from '../../../lib/testing/index.ts'
import { linksOf } from '../../fixtures/browser-jar.ts'
import { startDatabase } from '../../fixtures/database.ts'
import { authorize, authorizeUrl, connect, pkce, redeem, refresh, refusalOf, register, token } from '../../fixtures/flow.ts'
import { guardedApp, issuer, type GuardedAppOptions } from '../../fixtures/guarded-app.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { watchStorage } from '../../fixtures/watched-storage.ts'
import { startWorld, whoami } from '../../fixtures/world.ts'

const initialAccessToken = 'q7Lk2VdXw9RtZs4Nb6Yc8Mf1Gh3Jp5Ka'
const open = { redirect_uris: ['https://client.example/cb'], token_endpoint_auth_method: 'none' }
const day = 86_400_000

type Scope = Parameters<typeof guardedApp>[0]

/** An app with nothing stored yet, and how it answers registrations. */
async function setUp (t: Scope, options: GuardedAppOptions = {}) {
  const watch = watchStorage(options.storage)
  const app = await guardedApp(t, { after: whoami, ...options, storage: watch.storage })
  const post = async (metadata: object, headers: Record<string, string> = {}) => {
    const { statusCode, headers: answered, body } = await app.inject({ method: 'POST', url: '/oauth/register', headers, payload: metadata })
    return { status: statusCode, headers: answered, body: JSON.parse(body) }
  }
  return { app, watch, post }
}

t.test('R6: closed registration registers nobody, whoever asks, and the metadata does not offer it', async t => {
  const { app, watch, post } = await setUp(t, { registration: 'closed' })
  for (const headers of [{}, { authorization: `Bearer ${initialAccessToken}` }, await signInAs(app, { email: 'ann@example.com', role: 'admin' })]) {
    watch.calls.length = 0
    t.match(await post(open, headers), { status: 403, body: { error: 'access_denied', error_description: /ask the operator/ } })
    t.strictSame(watch.calls, [])
  }
  t.notOk('registration_endpoint' in (await app.inject('/.well-known/oauth-authorization-server')).json())
})

t.test('R6, RFC 7591 §3: with an initial access token only who has it registers', async t => {
  const { app, watch, post } = await setUp(t, { registration: { mode: 'token', initialAccessToken } })
  const asAdmin = await signInAs(app, { email: 'ann@example.com', role: 'admin' })
  watch.calls.length = 0
  t.match(await post(open), { status: 401, headers: { 'www-authenticate': 'Bearer realm="registration"' }, body: { error: 'invalid_token' } })
  const wrong = [
    asAdmin.authorization, `Bearer ${initialAccessToken.slice(1)}`, `Bearer ${initialAccessToken}x`, `Bearer ${initialAccessToken.toLowerCase()}`, 'Bearer', 'Bearer "x"'
  ]
  for (const authorization of wrong) {
    t.match(await post(open, { authorization }), { status: 401, headers: { 'www-authenticate': /^Bearer error="invalid_token"/ }, body: { error: 'invalid_token' } }, authorization)
  }
  t.equal((await post(open, { authorization: `Basic ${Buffer.from(`x:${initialAccessToken}`).toString('base64')}` })).status, 401)
  t.strictSame(watch.calls, [], 'nobody got as far as the storage')
  t.match(await post(open, { authorization: `Bearer ${initialAccessToken}` }), { status: 201, body: { client_id: /^mcp-/ } })
  t.equal((await app.inject('/.well-known/oauth-authorization-server')).json().registration_endpoint, `${issuer}/oauth/register`)
})

t.test('R6: while an initial access token is replaced, both count', async t => {
  const other = [...initialAccessToken].reverse().join('')
  const { post } = await setUp(t, { registration: { mode: 'token', initialAccessToken: [initialAccessToken, other] } })
  for (const each of [initialAccessToken, other]) t.equal((await post(open, { authorization: `Bearer ${each}` })).status, 201)
})

const refused: Record<string, { error: string, metadata: object }> = {
  'a redirect to another host': { error: 'invalid_redirect_uri', metadata: { redirect_uris: ['https://client.example/cb', 'https://evil.example/cb'] } },
  'a host that only starts alike': { error: 'invalid_redirect_uri', metadata: { redirect_uris: ['https://client.example.evil.example/cb'] } },
  'a loopback redirect, where none is allowed': { error: 'invalid_redirect_uri', metadata: { redirect_uris: ['http://127.0.0.1/cb'] } },
  'the defaults, where they are not allowed': { error: 'invalid_redirect_uri', metadata: {} },
  'a script': { error: 'invalid_redirect_uri', metadata: { redirect_uris: ['javascript:alert(1)'] } },
  'a scheme that is not allowed': { error: 'invalid_redirect_uri', metadata: { redirect_uris: ['app:/cb'] } },
  'a logo over http': { error: 'invalid_client_metadata', metadata: { ...open, logo_uri: 'http://client.example/logo.png' } },
  'a name that is none': { error: 'invalid_client_metadata', metadata: { ...open, client_name: 7 } },
  'what is no metadata': { error: 'invalid_client_metadata', metadata: [] }
}

t.test('R6, REG-10: administrators’ clients and those that register go through one gate', async t => {
  const { app, post } = await setUp(t, { registration: { allowedRedirectHosts: ['client.example', 'localhost'] } })
  for (const [what, { error, metadata }] of Object.entries(refused)) {
    t.match(await post(metadata), { status: 400, body: { error } }, what)
    await t.rejects(app.mcpOAuth.clients.create(metadata), { name: 'OAuthError', code: error }, what)
  }
  const accepted = { ...open, redirect_uris: ['https://client.example:8443/cb', 'http://localhost:3000/cb', 'cursor://anysphere.cursor-mcp/oauth/callback', 'app:/cb'] }
  t.match(await post(accepted), { status: 201, body: { redirect_uris: accepted.redirect_uris } })
  t.match(await app.mcpOAuth.clients.create(accepted), { redirect_uris: accepted.redirect_uris })
})

t.test('R6: where registration is closed, an administrator’s client goes the whole way', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()], registration: 'closed' })
  const { clients } = world.app.mcpOAuth
  const created = await clients.create({ redirect_uris: ['http://127.0.0.1:4321/callback'], token_endpoint_auth_method: 'client_secret_post', client_name: 'Made by hand' })
  t.match(created, { client_id: /^mcp-/, client_secret: /^[\w-]{43}$/, client_secret_expires_at: 0, client_name: 'Made by hand' })
  const client = { ...created, redirect_uris: [...created.redirect_uris] }
  const challenge = pkce()
  const code = (await authorize(world, client, challenge)).searchParams.get('code') ?? ''
  t.equal((await redeem(world, client, code, challenge)).status, 200)
  const twice = await Promise.all([1, 2].map(() => clients.create(open)))
  t.not(twice[0]?.client_id, twice[1]?.client_id, 'and is a new one each time')
})

t.test('R7, REG-11: 100 identical registrations at once are one row in PostgreSQL', async t => {
  const { storage, run } = await startDatabase(t)
  const world = await startWorld(t, { providers: [scriptedProvider()], storage })
  const clients = await Promise.all(Array.from({ length: 100 }, () => register(world)))
  t.equal(new Set(clients.map(({ client_id: id }) => id)).size, 1)
  t.equal(new Set(clients.map(client => client['client_id_issued_at'])).size, 1)
  t.equal((await run('SELECT FROM oauth_clients')).length, 1)
})

t.test('R7, REG-11: the same metadata gets the same public client, in whatever order it comes and whatever is ignored beside it', async t => {
  const { post } = await setUp(t)
  const metadata = { ...open, client_name: 'Test', scope: 'openid email', grant_types: ['authorization_code', 'refresh_token'] }
  const { body: first } = await post(metadata)
  const same = [
    Object.fromEntries(Object.entries(metadata).reverse()), { ...metadata, logo_uri: null }, { ...metadata, software_id: 'x' }, { ...metadata, tos_uri: 'https://client.example/tos' },
    { ...metadata, grant_types: ['refresh_token', 'authorization_code', 'implicit'] }, { ...metadata, scope: 'openid email openid unknown' }
  ]
  for (const each of same) t.strictSame(await post(each).then(({ status, body }) => ({ status, body })), { status: 201, body: first })
  const others = [
    { ...metadata, client_name: 'Test ' }, { ...metadata, redirect_uris: [...open.redirect_uris, 'https://client.example/other'] }, { ...metadata, scope: 'openid' }, { ...metadata, scope: undefined },
    { ...metadata, client_uri: 'https://client.example' }, { ...metadata, logo_uri: 'https://client.example' }, { ...metadata, grant_types: ['authorization_code'] }
  ]
  const ids = await Promise.all(others.map(async each => (await post(each)).body.client_id))
  t.equal(new Set([first.client_id, ...ids]).size, others.length + 1, 'and all else is another client')
})

t.test('R7, REG-11: a confidential client is always new: nobody else’s secret is handed out', async t => {
  const { post } = await setUp(t)
  const answers = await Promise.all(Array.from({ length: 5 }, () => post({ redirect_uris: open.redirect_uris })))
  t.equal(new Set(answers.flatMap(({ body }) => [body.client_id, body.client_secret])).size, 10)
})

t.test('REG-11: grants of one shared client live side by side', async t => {
  const { world } = await startPlayedWorld(t)
  const [one, other] = [await connect(world), await connect(world)]
  t.equal(one.client.client_id, other.client.client_id)
  t.equal((await refresh(world, one.client, one.tokens.refresh_token)).status, 200)
  t.equal((await refresh(world, other.client, other.tokens.refresh_token)).status, 200)
})

t.test('REG-11: deactivated metadata registers as 403', async t => {
  const { app, post } = await setUp(t)
  const { body: { client_id: id } } = await post(open)
  await app.mcpOAuth.clients.setActive(id, false)
  t.match(await post(open), { status: 403, body: { error: 'access_denied', error_description: /deactivated/ } })
  t.equal((await post({ ...open, client_name: 'Another' })).status, 201)
  await app.mcpOAuth.clients.setActive(id, true)
  t.match(await post(open), { status: 201, body: { client_id: id } })
})

t.test('R7, REG-11: a client that nobody used goes after seven days; one that came back, was used, was made or was deactivated stays', async t => {
  const { app, post } = await setUp(t)
  const start = Date.now()
  mock.timers.enable({ apis: ['Date'], now: start })
  t.teardown(() => { mock.timers.reset() })
  const { clients } = app.mcpOAuth
  const stands = async (id: string) => await clients.find(id) !== undefined
  const register = async (name: string) => (await post({ ...open, client_name: name })).body.client_id as string
  const server = serverBehind(app.mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  const tidyAfter = async (days: number) => {
    const by = { actor: { type: 'server' }, ...noOrigin } as const
    return (await purge(server, { by, now: new Date(start + days * day) }))?.clients
  }
  const [unused, back, deactivated] = [await register('unused'), await register('back'), await register('deactivated')]
  const made = (await clients.create(open)).client_id
  const confidential = (await post({ redirect_uris: open.redirect_uris })).body.client_id
  await clients.setActive(deactivated, false)
  await signInAs(app, { email: 'ann@example.com' })
  mock.timers.setTime(start + 6 * day)
  t.equal(await register('back'), back)
  t.equal(await tidyAfter(7), 0, 'not before they are over')
  t.equal(await tidyAfter(7.001), 2)
  t.notOk(await stands(unused))
  t.notOk(await stands(confidential), 'nor does a secret keep it')
  for (const id of [back, deactivated, made]) t.ok(await stands(id))
  t.not(await register('unused'), unused, 'it comes back as a new one')
})

t.test('R8: a lost registration is a page that says what to do, JSON where a program asks, and invalid_client at the token endpoint', async t => {
  const { world } = await startPlayedWorld(t)
  const { client, tokens } = await connect(world)
  const gone = { ...client, client_id: 'mcp-gone' }
  const page = await world.browser.visit(authorizeUrl(world, gone, pkce()))
  t.equal(page.status, 400)
  t.match(page.body, 'This server does not know the application')
  t.match(page.body, /Remove the connector or server .* and add it again/)
  t.notMatch(page.body, 'invalid_client')
  t.same(linksOf(page), [], 'and nobody is led anywhere')
  const asked = await world.browser.fetch(authorizeUrl(world, gone, pkce()), { headers: { accept: 'application/json' } })
  t.match(asked.headers.get('content-type'), 'application/json')
  t.same(await refusalOf(asked), { status: 400, error: 'invalid_client' })
  const invalidClient = { status: 401, error: 'invalid_client' }
  t.same(await refusalOf(refresh(world, gone, tokens.refresh_token)), invalidClient)
  t.same(await refusalOf(token(world, { grant_type: 'authorization_code', code: 'x', client_id: 'mcp-gone' })), invalidClient)
})
