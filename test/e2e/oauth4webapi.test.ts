import * as oauth from 'oauth4webapi'
import t from 'tap'
import { approve } from '../fixtures/mcp-client.ts'
import { removeUser, revokeAccessTokens, startMcpWorld, textOf } from '../fixtures/mcp-server.ts'
import { redirectUri } from '../fixtures/flow.ts'

const world = await startMcpWorld(t)
const http = { [oauth.allowInsecureRequests]: true }
const jsonHeaders = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2025-11-25' }
const whoami = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } })

const methods: Record<string, (secret: string) => oauth.ClientAuth> = {
  none: () => oauth.None(),
  client_secret_post: oauth.ClientSecretPost,
  // Percent-encodes `-` and `_`, which every client_id and most secrets here have.
  client_secret_basic: oauth.ClientSecretBasic
}

async function failure (attempt: Promise<unknown>): Promise<unknown> {
  return await attempt.then(() => undefined, (error: unknown) => error)
}

async function resultOf (response: Response): Promise<unknown> {
  const text = await response.text()
  const [, data] = /^data: (\{.*\})$/m.exec(text) ?? []
  const message: unknown = JSON.parse(data ?? text)
  return typeof message === 'object' && message !== null && 'result' in message ? message.result : message
}

for (const [method, authenticate] of Object.entries(methods)) {
  t.test(`oauth4webapi with ${method}: from the first 401 to a tool call, a refresh, and the end`, async t => {
    await world.app.mcpOAuth.users.add({ email: 'you@example.com' })
    const mcpUrl = new URL(world.mcpUrl)
    const call = async (token: string) => await oauth.protectedResourceRequest(token, 'POST', mcpUrl, new Headers(jsonHeaders), whoami, http)

    const challenged: unknown = await failure(call('none'))
    if (!(challenged instanceof oauth.WWWAuthenticateChallengeError)) return t.fail('no challenge')
    t.equal(challenged.status, 401)
    const [challenge] = challenged.cause
    t.equal(challenge?.scheme, 'bearer')
    const metadataUrl = challenge?.parameters.resource_metadata ?? ''

    const resource = await oauth.processResourceDiscoveryResponse(mcpUrl, await fetch(metadataUrl))
    const issuer = new URL(resource.authorization_servers?.[0] ?? '')
    const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http }))
    const client = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(server, {
      client_name: 'oauth4webapi', redirect_uris: [redirectUri], token_endpoint_auth_method: method
    }, http))
    t.equal(client.token_endpoint_auth_method, method)
    const authentication = authenticate(String(client['client_secret']))

    const state = oauth.generateRandomState()
    const nonce = oauth.generateRandomNonce()
    const codeVerifier = oauth.generateRandomCodeVerifier()
    const authorizationUrl = new URL(server.authorization_endpoint ?? '')
    authorizationUrl.search = new URLSearchParams({
      response_type: 'code',
      client_id: client.client_id,
      redirect_uri: redirectUri,
      code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      resource: resource.resource
    }).toString()
    const { url: answer } = await approve(world, authorizationUrl)
    // Refuses a wrong state, and a wrong or missing `iss`, as the metadata promises one.
    const parameters = oauth.validateAuthResponse(server, client, answer, state)
    const answered = await oauth.authorizationCodeGrantRequest(
      server, client, authentication, parameters, redirectUri, codeVerifier, { ...http, additionalParameters: { resource: resource.resource } }
    )
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, answered, { expectedNonce: nonce, requireIdToken: true })
    await oauth.validateApplicationLevelSignature(server, answered, http)
    const { sub = '' } = oauth.getValidatedIdTokenClaims(tokens) ?? {}
    t.equal(textOf(await resultOf(await call(tokens.access_token))), 'you@example.com')

    const refreshing = async (refreshToken: string) => await oauth.processRefreshTokenResponse(server, client,
      await oauth.refreshTokenGrantRequest(server, client, authentication, refreshToken, http))
    await revokeAccessTokens(world)
    t.match(await failure(call(tokens.access_token)), { status: 401 })
    const renewed = await refreshing(tokens.refresh_token ?? '')
    t.equal(textOf(await resultOf(await call(renewed.access_token))), 'you@example.com')

    const user = await oauth.processUserInfoResponse(server, client, sub, await oauth.userInfoRequest(server, client, renewed.access_token, http))
    t.match(user, { email: 'you@example.com', email_verified: true })
    const introspecting = async (token: string) => await oauth.processIntrospectionResponse(server, client,
      await oauth.introspectionRequest(server, client, authentication, token, http))
    // TK-11: a public client's bare id does not count.
    if (method === 'none') t.match(await failure(introspecting(renewed.access_token)), { status: 401 })
    else t.match(await introspecting(renewed.access_token), { active: true, sub: user.sub, client_id: client.client_id, scope: renewed.scope })
    const revoking = async (token: string) => await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token, http))
    await revoking(renewed.access_token)
    t.match(await failure(call(renewed.access_token)), { status: 401 })
    await t.resolves(revoking('unknown'), 'RFC 7009 §2.2: an unknown token is no error')

    await removeUser(world)
    t.match(await failure(call(renewed.access_token)), { status: 401 }, 'whoever is off the whitelist is out')
    t.match(await failure(refreshing(renewed.refresh_token ?? '')), { status: 400, error: 'invalid_grant' })
  })
}
