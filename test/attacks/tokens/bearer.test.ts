import t from 'tap'
import type { Test } from 'tap'
import { decodeJwt } from 'jose'
import { mock } from 'node:test'
import { ProviderError, StorageUnavailableError } from '../../../lib/index.ts'
import { linksOf } from '../../fixtures/browser-jar.ts'
import { allow, authorize, authorizeUrl, callMcp, connect, pkce, redeem, refresh, refusalOf, register } from '../../fixtures/flow.ts'
import { forge } from '../../fixtures/forge.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'

const invalidGrant = { status: 400, error: 'invalid_grant' }
const invalidToken = { status: 401, error: 'invalid_token' }
const unavailable = { status: 503, error: 'temporarily_unavailable' }

// Every request is looked up.
const start = (t: Test) => startPlayedWorld(t, { revalidateAfter: 0 })

t.test('T10: every kind of token is refused at every place but its own', async t => {
  const { watch, world } = await start(t)
  const { client, tokens } = await connect(world)
  const challenge = pkce()
  const code = (await authorize(world, client, challenge)).searchParams.get('code') ?? ''
  const clientSecret = (await register(world, { token_endpoint_auth_method: 'client_secret_post' })).client_secret ?? ''
  const { jti = '' } = decodeJwt(tokens.refresh_token)
  const cookies = world.browser.cookies(world.issuer)
  const bearers = {
    'a refresh token': tokens.refresh_token,
    'an authorization code': code,
    'a client secret': clientSecret,
    'a token id': jti,
    'a browser’s secret': cookies['mcp-oauth-sign-in'] ?? '',
    'a refresh token that says it is an access token': await forge(tokens.refresh_token, { token_type: 'access_token', aud: world.mcpUrl, client_id: client.client_id, scope: tokens.scope })
  }
  for (const [what, bearer] of Object.entries(bearers)) t.same(await refusalOf(callMcp(world, bearer)), invalidToken, what)
  for (const wrong of [tokens.access_token, code, clientSecret, jti, await forge(tokens.access_token, { token_type: 'refresh_token' })]) {
    t.same(await refusalOf(refresh(world, client, wrong)), invalidGrant, 'as a refresh token')
  }
  for (const wrong of [tokens.access_token, tokens.refresh_token, jti]) {
    t.same(await refusalOf(redeem(world, client, wrong, challenge)), invalidGrant, 'as a code')
  }
  t.notOk(watch.calls.includes('rotateRefreshToken'))
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'an access token at its own place')
})

t.test('T10: a token that has expired is refused', async t => {
  const { world } = await start(t)
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const { client, tokens } = await connect(world)
  mock.timers.tick((tokens.expires_in - 2) * 1000)
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'a moment before its end')
  mock.timers.tick(3000)
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken)
  mock.timers.tick(2_592_000_000)
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
})

t.test('T12: what can’t be checked because the storage is down is 503, for good tokens as for bad ones', async t => {
  const { watch, world } = await start(t)
  const { client, tokens } = await connect(world)
  watch.failure = new StorageUnavailableError()
  const down = await callMcp(world, tokens.access_token)
  t.match(down.headers.get('retry-after'), /^\d+$/)
  t.same(await refusalOf(down), unavailable)
  const unknown = await forge(tokens.access_token, { jti: 'nobody' })
  t.same(await refusalOf(callMcp(world, unknown)), unavailable, 'nobody is told that a token is bad')
  const refreshed = await refresh(world, client, tokens.refresh_token)
  t.match(refreshed.headers.get('retry-after'), /^\d+$/)
  t.same(await refusalOf(refreshed), unavailable)
  watch.failure = undefined
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  t.equal((await refresh(world, client, tokens.refresh_token)).status, 200, 'no token was thrown away')
})

t.test('T14: a failure upstream or in the storage is never invalid_grant, and tells no details', async t => {
  const { provider, watch, world } = await start(t)
  const client = await register(world)
  provider.failure = new ProviderError('unavailable', 'connect ECONNREFUSED 10.0.0.1:443 upstream-secret')
  const failed = await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce())))
  t.equal(failed.status, 503)
  t.notMatch(failed.body, /ECONNREFUSED|10\.0\.0\.1|upstream-secret|ProviderError/)
  t.equal(linksOf(failed)[0]?.searchParams.get('error'), 'temporarily_unavailable')
  t.notOk(watch.calls.includes('createGrant'))

  provider.failure = undefined
  const challenge = pkce()
  const code = (await authorize(world, client, challenge)).searchParams.get('code') ?? ''
  watch.failure = new StorageUnavailableError({ cause: new Error('SELECT * FROM oauth_tokens') })
  const down = await redeem(world, client, code, challenge)
  const text = await down.text()
  t.equal(down.status, 503)
  t.same(JSON.parse(text).error, 'temporarily_unavailable')
  t.notMatch(text, /SELECT|oauth_tokens/)
  watch.failure = undefined
  t.equal((await redeem(world, client, code, challenge)).status, 200, 'and the code is still good')
})

t.test('T20: a token that was forged under the root secret with a live jti does not fit its row', async t => {
  const { world } = await start(t)
  const { client, tokens } = await connect(world, { scope: 'email' })
  const other = await register(world, { client_name: 'Other' })
  const { exp = 0 } = decodeJwt(tokens.access_token)
  t.equal((await callMcp(world, await forge(tokens.access_token, { email: 'x@example.com' }))).status, 200, 'the forger knows the secret')
  const forgeries = {
    'another user': { sub: 'somebody-else' },
    'another client': { client_id: other.client_id },
    'more scopes': { scope: 'email profile openid' },
    'other order': { scope: '' },
    'a later end': { exp: exp + 1 },
    'another resource': { aud: `${world.origin}/other` },
    'another issuer': { iss: 'https://evil.example' },
    'a token that was never issued': { jti: 'AAAAAAAAAAAAAAAAAAAAAA' },
    'the id of a refresh token': { jti: decodeJwt(tokens.refresh_token).jti ?? '' },
    'no expiry': { exp: undefined }
  }
  for (const [what, claims] of Object.entries(forgeries)) {
    t.same(await refusalOf(callMcp(world, await forge(tokens.access_token, claims))), invalidToken, what)
  }
  const asAdmin = await callMcp(world, await forge(tokens.access_token, { email: 'admin@example.com', name: 'Admin', role: 'admin' }))
  t.match(await asAdmin.json(), { user: { email: 'you@example.com', name: 'You' } }, 'who it is comes from the rows')
  const expired = await forge(tokens.refresh_token, { exp: exp + 31_536_000, jti: 'AAAAAAAAAAAAAAAAAAAAAA' })
  t.same(await refusalOf(refresh(world, client, expired)), invalidGrant, 'a refresh token that was never issued')
})
