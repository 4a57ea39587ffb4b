import t from 'tap'
import { authorizeUrl, connect, callMcp, pkce, register, refusalOf } from '../fixtures/flow.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'
import { startWorld, type World } from '../fixtures/world.ts'

const redirectUris = ['https://client.example/cb']
const watch = watchStorage()
const world: World = await startWorld(t, { providers: [scriptedProvider()], storage: watch.storage })

function post (body: string, type = 'application/json'): Promise<Response> {
  return fetch(`${world.issuer}/oauth/register`, { method: 'POST', headers: { 'content-type': type }, body })
}

t.test('REG-08: what is wrong is told by RFC 7591’s names, and a form by the content type that it should have', async t => {
  const wrong: Array<[string, object]> = [
    ['invalid_redirect_uri', { redirect_uris: ['http://client.example/cb'] }],
    ['invalid_redirect_uri', { redirect_uris: ['https://client.example/cb#x'] }],
    ['invalid_redirect_uri', { redirect_uris: ['not a uri'] }],
    ['invalid_redirect_uri', { redirect_uris: [...redirectUris, 'javascript:alert(1)'] }],
    ['invalid_client_metadata', { redirect_uris: 'https://client.example/cb' }],
    ['invalid_client_metadata', { redirect_uris: redirectUris, token_endpoint_auth_method: 'private_key_jwt' }],
    ['invalid_client_metadata', { redirect_uris: redirectUris, grant_types: ['client_credentials'] }],
    ['invalid_client_metadata', { redirect_uris: redirectUris, grant_types: ['refresh_token'] }],
    ['invalid_client_metadata', { redirect_uris: redirectUris, response_types: ['token'] }],
    ['invalid_client_metadata', { redirect_uris: redirectUris, client_name: 'a\u0000b' }],
    ['invalid_client_metadata', { redirect_uris: redirectUris, logo_uri: 'http://client.example/logo.png' }]
  ]
  for (const [error, metadata] of wrong) t.same(await refusalOf(post(JSON.stringify(metadata))), { status: 400, error }, JSON.stringify(metadata))
  const form = await post('client_name=Test', 'application/x-www-form-urlencoded')
  t.equal(form.status, 400)
  t.match(await form.json(), { error: 'invalid_client_metadata', error_description: /application\/json/ })
  t.notOk(watch.calls.includes('createClient'))
})

t.test('REG-07: the answer echoes what was registered, without nulls, and with a secret only where one is meant', async t => {
  const none = await post(JSON.stringify({ redirect_uris: redirectUris, token_endpoint_auth_method: 'none', client_name: null, logo_uri: null, scope: null }))
  t.equal(none.status, 201)
  t.equal(none.headers.get('cache-control'), 'no-store')
  const answer = await none.json() as Record<string, unknown>
  t.same(Object.keys(answer).sort(), ['client_id', 'client_id_issued_at', 'grant_types', 'redirect_uris', 'response_types', 'token_endpoint_auth_method'])
  t.match(answer, { client_id: /^mcp-[\w-]{22}$/, redirect_uris: redirectUris, token_endpoint_auth_method: 'none', response_types: ['code'] })
  t.ok(Math.abs(Number(answer['client_id_issued_at']) - Date.now() / 1000) < 60, 'in seconds')
  for (const method of ['client_secret_post', 'client_secret_basic', undefined]) {
    const client = await register(world, {
      redirect_uris: redirectUris, token_endpoint_auth_method: method, client_uri: 'https://client.example', logo_uri: 'https://client.example/logo.png', tos_uri: '', policy_uri: 'https://client.example/policy'
    })
    t.match(client, {
      client_secret: /^[\w-]{43}$/, client_secret_expires_at: 0, token_endpoint_auth_method: method ?? 'client_secret_basic', client_uri: 'https://client.example', logo_uri: 'https://client.example/logo.png'
    })
  }
})

t.test('REG-09: unknown metadata is ignored, unknown scopes and grant types are dropped, a name is not needed', async t => {
  const client = await register(world, {
    redirect_uris: [...redirectUris, 'com.example.app:/cb'], client_name: undefined, scope: 'email admin constructor', grant_types: ['authorization_code', 'implicit', 'urn:x'], software_id: 'x', jwks: { keys: [] }, 'x-unknown': [1]
  })
  t.match(client, { scope: 'email', grant_types: ['authorization_code'], redirect_uris: [...redirectUris, 'com.example.app:/cb'] })
  t.notOk('client_name' in client || 'x-unknown' in client || 'jwks' in client)
})

t.test('REG-12: a secret is 256 random bits, kept as a hash, and ids are never URLs', async t => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => register(world, { token_endpoint_auth_method: 'client_secret_post' })))
  t.equal(new Set(clients.flatMap(client => [client.client_id, client.client_secret])).size, 40)
  for (const { client_id: id, client_secret: secret = '' } of clients) {
    t.equal(Buffer.from(secret, 'base64url').length, 32)
    t.notMatch(JSON.stringify(await world.app.mcpOAuth.clients.find(id)), secret)
    t.notMatch(id, /^https?:/)
  }
})

t.test('REG-13: a registration without redirect URIs gets the guide’s three', async t => {
  const seeds = ['https://chatgpt.com/connector_platform_oauth_redirect', 'https://chatgpt.com/aip/c/o/redirect', 'http://localhost:3000/callback']
  for (const given of [undefined, []]) t.same((await register(world, { redirect_uris: given })).redirect_uris, seeds)
  const { tokens } = await connect(world, { metadata: { redirect_uris: undefined }, redirect_uri: seeds[0] })
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
})

t.test('REG-07: a client without the refresh_token grant type gets no refresh token', async t => {
  const { client, tokens } = await connect(world, { metadata: { grant_types: ['authorization_code'] } })
  t.same(client['grant_types'], ['authorization_code'])
  t.notOk('refresh_token' in tokens)
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  t.equal((await world.browser.visit(authorizeUrl(world, client, pkce()))).status, 200)
})
