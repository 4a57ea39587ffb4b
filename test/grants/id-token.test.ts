import t from 'tap'
import { createHash } from 'node:crypto'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { authorize, bearer, callMcp, connect, introspect, pkce, redeem, redirectUri, refresh, refusalOf, register, userinfo, type Registered, type Tokens } from '../fixtures/flow.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'
import type { World } from '../fixtures/world.ts'

async function signIn (world: World, client: Registered, parameters: Record<string, string> = {}): Promise<Tokens> {
  const challenge = pkce()
  const code = (await authorize(world, client, challenge, parameters)).searchParams.get('code') ?? ''
  return await (await redeem(world, client, code, challenge)).json() as Tokens
}

t.test('T10: an id_token is neither a bearer, nor a refresh token, nor active', async t => {
  const { world } = await startPlayedWorld(t)
  const client = await register(world)
  const { id_token: idToken = '', access_token: accessToken } = await signIn(world, client)
  t.same(await refusalOf(callMcp(world, idToken)), { status: 401, error: 'invalid_token' })
  t.same(await refusalOf(userinfo(world, idToken)), { status: 401, error: 'invalid_token' })
  t.same(await refusalOf(refresh(world, client, idToken)), { status: 400, error: 'invalid_grant' })
  t.strictSame(await (await introspect(world, { token: idToken }, bearer(accessToken))).json(), { active: false })
  t.same(await refusalOf(introspect(world, { token: accessToken }, bearer(idToken))), { status: 401, error: 'invalid_token' })
})

t.test('TK-13: without the scope openid, and at a refresh, there is no id_token', async t => {
  const { world } = await startPlayedWorld(t)
  const client = await register(world)
  t.notOk('id_token' in await signIn(world, client, { scope: 'email profile', nonce: 'n' }))
  const first = await signIn(world, client, { scope: 'openid' })
  t.ok('id_token' in first)
  const renewed = await (await refresh(world, client, first.refresh_token)).json() as Tokens
  t.notOk('id_token' in renewed, 'OIDC Core §12.2')
})

t.test('TK-13: it is signed with RS256 and a published key, whatever signs access tokens', async t => {
  for (const signingAlgorithm of ['HS256', 'RS256', 'ES256', 'EdDSA'] as const) {
    const { world } = await startPlayedWorld(t, { signingAlgorithm })
    const client = await register(world)
    const { id_token: idToken = '' } = await signIn(world, client)
    t.match(decodeProtectedHeader(idToken), { alg: 'RS256', typ: 'JWT' })
    const keys = createRemoteJWKSet(new URL(`${world.issuer}/.well-known/jwks.json`))
    await t.resolves(jwtVerify(idToken, keys, { issuer: world.issuer, audience: client.client_id, algorithms: ['RS256'] }), signingAlgorithm)
  }
})

t.test('OIDC Core §2, §3.1.3.6: it says who, for whom, when, and for which request and token', async t => {
  const { world, provider } = await startPlayedWorld(t)
  const client = await register(world)
  const before = Math.floor(Date.now() / 1000)
  const { id_token: idToken = '', access_token: accessToken } = await signIn(world, client, { scope: 'openid', nonce: 'n-0S6_WzA2Mj' })
  const { iat = 0, ...claims } = decodeJwt(idToken)
  const { sub } = decodeJwt(accessToken)
  const atHash = createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url')
  t.ok(iat >= before && iat <= before + 60)
  t.ok(Number(claims['auth_time']) >= before && Number(claims['auth_time']) <= iat, 'the time of the sign-in')
  t.strictSame({ ...claims, auth_time: 0 }, { iss: world.issuer, sub, aud: client.client_id, exp: iat + 3600, nonce: 'n-0S6_WzA2Mj', at_hash: atHash, auth_time: 0 })
  provider.identity = { ...provider.identity, authenticatedAt: new Date((before - 100) * 1000) }
  const again = decodeJwt((await signIn(world, client, { scope: 'openid' })).id_token ?? '')
  t.equal(again['auth_time'], before - 100, 'the provider’s, where it says')
  t.notOk('nonce' in again)
  for (const impossible of [new Date((before + 9000) * 1000), new Date(NaN)]) {
    provider.identity = { ...provider.identity, authenticatedAt: impossible }
    const { auth_time: authTime, iat: now } = decodeJwt((await signIn(world, client)).id_token ?? '')
    t.ok(Number(authTime) >= before && Number(authTime) <= Number(now), 'what can not be is not said')
  }
})

t.test('OIDC Core §5.4: each scope shows its claims', async t => {
  const { world, provider } = await startPlayedWorld(t)
  provider.identity = { ...provider.identity, name: 'You', picture: 'https://example.com/you.png' }
  const client = await register(world)
  const email = { email: 'you@example.com', email_verified: true }
  const profile = { name: 'You', picture: 'https://example.com/you.png' }
  for (const [scope, shown, hidden] of [['openid email', email, profile], ['openid profile', profile, email], ['openid email profile', { ...email, ...profile }, {}]] as const) {
    const claims = decodeJwt((await signIn(world, client, { scope })).id_token ?? '')
    t.match(claims, shown)
    for (const name of Object.keys(hidden)) t.notOk(name in claims, `${name} for ${scope}`)
  }
})

t.test('OIDC Core §3.1.3.7: oauth4webapi discovers, validates the id_token with its nonce and max_age, and asks for the userinfo', async t => {
  const { world } = await startPlayedWorld(t)
  const http = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(world.issuer)
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...http }))
  const registered = await register(world)
  const client: oauth.Client = { client_id: registered.client_id, require_auth_time: true }
  const nonce = oauth.generateRandomNonce()
  const challenge = pkce()
  const answer = await authorize(world, registered, challenge, { nonce, max_age: '300', scope: 'openid email' })
  const parameters = oauth.validateAuthResponse(server, client, answer, 'client-state')
  const exchange = () => oauth.authorizationCodeGrantRequest(server, client, oauth.None(), parameters, redirectUri, challenge.codeVerifier, http)
  const response = await exchange()
  const other = response.clone()
  const result = await oauth.processAuthorizationCodeResponse(server, client, response, { expectedNonce: nonce, maxAge: 300, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(server, response, http)
  const { sub } = oauth.getValidatedIdTokenClaims(result) ?? { sub: '' }
  await t.rejects(oauth.processAuthorizationCodeResponse(server, client, other, { expectedNonce: 'another' }), { name: 'OperationProcessingError' })
  const info = await oauth.processUserInfoResponse(server, client, sub, await oauth.userInfoRequest(server, client, result.access_token, http))
  t.match(info, { sub, email: 'you@example.com', email_verified: true })
})

t.test('TK-13: with a real provider, auth_time is what its id_token says', async t => {
  const { startWorld } = await import('../fixtures/world.ts')
  const world = await startWorld(t)
  const { tokens } = await connect(world, { max_age: '0', prompt: 'login' })
  const { auth_time: authTime, iat } = decodeJwt(tokens.id_token ?? '')
  t.ok(Math.abs(Number(authTime) - Number(iat)) < 60)
})
