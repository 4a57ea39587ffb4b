import * as client from 'openid-client'
import t from 'tap'
import { redirectUri } from '../fixtures/flow.ts'
import { approve } from '../fixtures/mcp-client.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

const { world } = await startPlayedWorld(t, { revalidateAfter: 0 })

const methods: Record<string, () => client.ClientAuth | undefined> = {
  none: client.None,
  client_secret_post: () => client.ClientSecretPost(),
  client_secret_basic: () => client.ClientSecretBasic()
}

async function failure (attempt: Promise<unknown>): Promise<unknown> {
  return await attempt.then(() => undefined, (error: unknown) => error)
}

for (const [method, authentication] of Object.entries(methods)) {
  t.test(`openid-client with ${method}: discovery, registration, sign-in, id_token, refresh, introspection, userinfo, revocation`, async t => {
    const config = await client.dynamicClientRegistration(new URL(world.issuer), {
      client_name: 'openid-client', redirect_uris: [redirectUri], token_endpoint_auth_method: method
    }, authentication(), { algorithm: 'oidc', execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] })
    t.equal(config.serverMetadata().issuer, world.issuer)
    t.equal(config.clientMetadata().token_endpoint_auth_method, method)

    const [pkceCodeVerifier, expectedState, expectedNonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()]
    const authorizationUrl = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email profile',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
      max_age: '3600',
      resource: world.mcpUrl
    })
    const { url } = await approve(world, authorizationUrl)
    t.match(await failure(client.authorizationCodeGrant(config, url, { pkceCodeVerifier, expectedState: client.randomState() })), { code: 'OAUTH_INVALID_RESPONSE' }, 'its checks are on')
    // These go further than the state's, and verify the id_token under the published keys.
    const tokens = await client.authorizationCodeGrant(config, url, { pkceCodeVerifier, expectedState, expectedNonce, maxAge: 3600, idTokenExpected: true })
    t.equal(tokens.token_type, 'bearer')
    const call = async (token: string) => await client.fetchProtectedResource(config, token, new URL(world.mcpUrl), 'POST', '{}', new Headers({ 'content-type': 'application/json' }))
    t.match(await (await call(tokens.access_token)).json(), { user: { email: 'you@example.com' } })

    const renewed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '', { resource: world.mcpUrl })
    t.not(renewed.refresh_token, tokens.refresh_token)
    t.equal((await call(renewed.access_token)).status, 200)

    const { sub = '' } = tokens.claims() ?? {}
    t.match(await client.fetchUserInfo(config, renewed.access_token, sub), { email: 'you@example.com', email_verified: true })
    if (method === 'none') {
      t.match(await failure(client.tokenIntrospection(config, renewed.access_token)), { status: 401 }, 'TK-11: a bare client id does not count')
    } else {
      t.match(await client.tokenIntrospection(config, renewed.access_token), { active: true, sub, client_id: config.clientMetadata().client_id })
    }

    await client.tokenRevocation(config, renewed.refresh_token ?? '')
    t.match(await failure(call(renewed.access_token)), { status: 401 })
    t.match(await failure(client.refreshTokenGrant(config, renewed.refresh_token ?? '')), { error: 'invalid_grant', status: 400 })
    if (method !== 'none') t.strictSame(await client.tokenIntrospection(config, renewed.access_token), { active: false })
  })
}
