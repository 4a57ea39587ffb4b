import t from 'tap'
import { authorize, authorizeUrl, basic, bearer, callMcp, connect, credentials, introspect, pkce, redeem, redirectUri, refresh, refusalOf, register, revoke, token, userinfo, type Tokens } from '../../fixtures/flow.ts'
import { freePort } from '../../fixtures/free-port.js'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import type { World } from '../../fixtures/world.ts'

const invalidClient = { status: 401, error: 'invalid_client' }
const invalidGrant = { status: 400, error: 'invalid_grant' }
const invalidRequest = { status: 400, error: 'invalid_request' }
const invalidTarget = { status: 400, error: 'invalid_target' }
const confidential = { token_endpoint_auth_method: 'client_secret_post' }

/** A client that has a code. */
async function withCode (world: World, metadata: object = {}) {
  const client = await register(world, metadata)
  const challenge = pkce()
  const end = await authorize(world, client, challenge)
  return { client, challenge, code: end.searchParams.get('code') ?? '' }
}

t.test('T3: a confidential client without its secret, or with a wrong one, and a deactivated client get nothing', async t => {
  const { watch, world } = await startPlayedWorld(t)
  const { client, tokens } = await connect(world, { metadata: confidential })
  const { client_id: id } = client
  const { code, challenge, client: other } = await withCode(world, confidential)
  const rotations = () => watch.calls.filter(name => name === 'rotateRefreshToken').length
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  t.same(await refusalOf(token(world, { ...form, client_id: id })), invalidClient, 'without')
  t.same(await refusalOf(token(world, { ...form, client_id: id, client_secret: 'wrong' })), invalidClient, 'wrong')
  t.same(await refusalOf(token(world, { ...form, client_id: id, client_secret: other.client_secret ?? '' })), invalidClient, 'another client’s')
  t.same(await refusalOf(token(world, form)), invalidRequest, 'no client at all')
  t.same(await refusalOf(token(world, { ...form, client_id: 'nobody' })), invalidClient, 'unknown')
  t.same(await refusalOf(redeem(world, other, code, challenge, { client_secret: 'wrong' })), invalidClient, 'nor is a code exchanged')
  t.equal(rotations(), 0, 'no token was touched')
  t.ok(await world.app.mcpOAuth.clients.setActive(id, false))
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidClient, 'deactivated')
  t.equal((await callMcp(world, tokens.access_token)).status, 401, 'its tokens count for nothing')
  t.equal((await world.browser.visit(authorizeUrl(world, client, pkce()))).status, 400, 'nor may it ask')
  t.equal(rotations(), 0)
  t.ok(await world.app.mcpOAuth.clients.setActive(id, true))
  t.equal((await refresh(world, client, tokens.refresh_token)).status, 200, 'with its secret and active it refreshes')
})

t.test('T4: PKCE can’t be left out, downgraded or guessed', async t => {
  const { watch, world } = await startPlayedWorld(t)
  const client = await register(world)
  const { codeVerifier } = pkce()
  const asks = {
    'no challenge': { code_challenge: undefined },
    'no challenge, no method': { code_challenge: undefined, code_challenge_method: undefined },
    'no method, which means plain': { code_challenge_method: undefined },
    plain: { code_challenge: codeVerifier, code_challenge_method: 'plain' },
    'method in lower case': { code_challenge_method: 's256' },
    'short challenge': { code_challenge: 'abc' },
    'padded challenge': { code_challenge: `${pkce().codeChallenge}=` }
  }
  for (const [what, parameters] of Object.entries(asks)) {
    const page = await world.browser.visit(authorizeUrl(world, client, pkce(), parameters))
    t.equal(page.status, 400, what)
    t.notMatch(page.body, '<form')
  }
  const { client: asker, challenge, code } = await withCode(world)
  const without = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, client_id: asker.client_id }
  t.same(await refusalOf(token(world, without)), invalidRequest, 'challenge without verifier')
  t.same(await refusalOf(redeem(world, asker, code, pkce())), invalidGrant, 'another verifier')
  t.same(await refusalOf(redeem(world, asker, code, { ...challenge, codeVerifier: challenge.codeChallenge })), invalidGrant, 'the challenge as verifier')
  t.same(await refusalOf(redeem(world, asker, code, { ...challenge, codeVerifier: 'x' })), invalidGrant, 'a short verifier')
  t.notOk(watch.calls.includes('redeemCode'), 'the code is not used up')
  t.equal((await redeem(world, asker, code, challenge)).status, 200)
})

t.test('T5: nobody revokes another’s token, whatever the hint says', async t => {
  const { watch, world } = await startPlayedWorld(t)
  const victim = await connect(world, { metadata: confidential })
  const both = [victim.tokens.access_token, victim.tokens.refresh_token]
  const attacker = await connect(world, { metadata: confidential })
  const attackers = {
    'another client': { form: {}, headers: basic(attacker.client) },
    'another client, by its secret in the body': { form: credentials(attacker.client), headers: {} },
    'a public client': { form: credentials(await register(world)), headers: {} },
    'the bearer of another grant': { form: {}, headers: bearer(attacker.tokens.access_token) }
  }
  for (const [what, { form, headers }] of Object.entries(attackers)) {
    for (const token of both) {
      for (const hint of ['access_token', 'refresh_token', 'client_secret']) {
        t.equal((await revoke(world, { ...form, token, token_type_hint: hint }, headers)).status, 200, `${what} is not told whether there is such a token`)
      }
      t.strictSame(await (await introspect(world, { token }, basic(attacker.client))).json(), { active: false })
    }
  }
  t.same(await refusalOf(revoke(world, { token: both[0] ?? '', client_id: victim.client.client_id })), invalidClient, 'the victim’s bare id')
  t.notOk(watch.calls.includes('revokeToken'))
  t.notOk(watch.calls.includes('revokeGrant'))
  t.equal((await callMcp(world, victim.tokens.access_token)).status, 200)
  t.equal((await refresh(world, victim.client, victim.tokens.refresh_token)).status, 200)
  await revoke(world, { token: victim.tokens.access_token, token_type_hint: 'refresh_token' }, basic(victim.client))
  t.equal((await callMcp(world, victim.tokens.access_token)).status, 401, 'its own it does, with a wrong hint too')
})

t.test('T6: the request after the revocation of an access token is 401', async t => {
  const { world } = await startPlayedWorld(t, { revalidateAfter: 3600 })
  const { client, tokens } = await connect(world)
  for (let turn = 0; turn < 3; turn++) t.equal((await callMcp(world, tokens.access_token)).status, 200, 'remembered for an hour')
  t.equal((await revoke(world, { ...credentials(client), token: tokens.access_token })).status, 200)
  t.same(await refusalOf(callMcp(world, tokens.access_token)), { status: 401, error: 'invalid_token' })
  t.same(await refusalOf(userinfo(world, tokens.access_token)), { status: 401, error: 'invalid_token' })
  const renewed = await (await refresh(world, client, tokens.refresh_token)).json() as Tokens
  t.equal((await callMcp(world, renewed.access_token)).status, 200)
  t.equal((await callMcp(world, tokens.access_token)).status, 401, 'for good')
})

t.test('T10: no other kind of token opens the endpoints that take one', async t => {
  const { world } = await startPlayedWorld(t)
  const { client, tokens } = await connect(world, { metadata: confidential })
  const { code } = await withCode(world, confidential)
  const others = [tokens.refresh_token, code, client.client_secret ?? '', client.client_id, 'e30.e30.e30']
  const invalidToken = { status: 401, error: 'invalid_token' }
  for (const other of others) {
    t.same(await refusalOf(userinfo(world, other)), invalidToken)
    t.same(await refusalOf(revoke(world, { token: tokens.access_token }, bearer(other))), invalidToken)
    t.same(await refusalOf(introspect(world, { token: tokens.access_token }, bearer(other))), invalidToken)
  }
  for (const none of [code, client.client_secret ?? '', client.client_id, 'e30.e30.e30']) {
    t.strictSame(await (await introspect(world, { token: none }, basic(client))).json(), { active: false })
    t.equal((await revoke(world, { token: none }, basic(client))).status, 200)
  }
  t.same(await refusalOf(introspect(world, { token: tokens.access_token, client_id: client.client_id, client_secret: tokens.access_token })), invalidClient)
  t.equal((await userinfo(world, tokens.access_token)).status, 200)
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
})

t.test('T7: a wrong code with a right beginning neither redeems nor revokes', async t => {
  const { watch, world } = await startPlayedWorld(t)
  const { client, challenge, code } = await withCode(world)
  const tokens = await (await redeem(world, client, code, challenge)).json() as { access_token: string }
  const wrong = [`${code}x`, code.slice(0, -1), code.slice(0, 10), `${code}.`, code.toUpperCase(), code.toLowerCase(), `${code.slice(0, -1)}-`]
  for (const attempt of wrong) t.same(await refusalOf(redeem(world, client, attempt, challenge)), invalidGrant, attempt)
  t.equal(watch.calls.filter(name => name === 'redeemCode').length, 1)
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'what was given stays')
})

t.test('TK-03: a code that is used twice ends its grant, but only for the right client with the right verifier', async t => {
  const { world } = await startPlayedWorld(t)
  const { client, challenge, code } = await withCode(world)
  const tokens = await (await redeem(world, client, code, challenge)).json() as { access_token: string, refresh_token: string }
  const stranger = await register(world, { client_name: 'Stranger' })
  t.same(await refusalOf(redeem(world, stranger, code, challenge)), invalidGrant, 'another client')
  t.same(await refusalOf(redeem(world, client, code, pkce())), invalidGrant, 'another verifier')
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'neither revokes')
  t.same(await refusalOf(redeem(world, client, code, challenge)), invalidGrant)
  t.equal((await callMcp(world, tokens.access_token)).status, 401, 'at once, although it was seen a moment ago')
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), invalidGrant)
})

t.test('T8: the resource of a grant can’t be widened at the token endpoint', async t => {
  const { watch, world } = await startPlayedWorld(t)
  const { client, challenge, code } = await withCode(world)
  const elsewhere = [`${world.origin}/other`, `${world.mcpUrl}/`, `${world.mcpUrl}/sub`, 'https://evil.example/mcp', `${world.mcpUrl}#x`, 'urn:x']
  for (const resource of elsewhere) t.same(await refusalOf(redeem(world, client, code, challenge, { resource })), invalidTarget, resource)
  t.notOk(watch.calls.includes('redeemCode'))
  const tokens = await (await redeem(world, client, code, challenge, { resource: world.mcpUrl })).json() as { refresh_token: string }
  for (const resource of elsewhere) t.same(await refusalOf(refresh(world, client, tokens.refresh_token, { resource })), invalidTarget, resource)
  t.notOk(watch.calls.includes('rotateRefreshToken'), 'the refresh token is not used up')
  const refreshed = await refresh(world, client, tokens.refresh_token, { resource: world.origin })
  t.equal(refreshed.status, 200, 'the bare origin means the default')
})

/** A world with two resources. */
async function startTwoResources (t: Parameters<typeof startPlayedWorld>[0], revalidateAfter: number) {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const orders = `${origin}/orders`
  const { watch, world } = await startPlayedWorld(t, {
    port,
    revalidateAfter,
    resource: `${origin}/mcp`,
    protect: ['/mcp', { url: '/orders', resource: orders }],
    after: app => { for (const url of ['/mcp', '/orders']) app.post(url, async request => request.mcpOAuth) }
  })
  return { watch, world, orders, atOrders: { issuer: world.issuer, browser: world.browser, mcpUrl: orders } }
}

t.test('T8: nor can it be exchanged for another resource of the same server', async t => {
  const { watch, world, orders, atOrders } = await startTwoResources(t, 0)
  const { client, challenge, code } = await withCode(world)
  for (const resource of [orders, `${orders}/`]) t.same(await refusalOf(redeem(world, client, code, challenge, { resource })), invalidTarget, resource)
  t.notOk(watch.calls.includes('redeemCode'))
  const tokens = await (await redeem(world, client, code, challenge)).json() as { refresh_token: string }
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token, { resource: orders })), invalidTarget)
  t.notOk(watch.calls.includes('rotateRefreshToken'))
  const other = await connect(atOrders)
  t.same(await refusalOf(refresh(world, other.client, other.tokens.refresh_token, { resource: world.mcpUrl })), invalidTarget)
  const refreshed = await (await refresh(world, other.client, other.tokens.refresh_token)).json() as { access_token: string }
  t.match(await (await callMcp(atOrders, refreshed.access_token)).json(), { resource: orders }, 'without one, it stays what it is')
})

for (const revalidateAfter of [0, 60]) {
  t.test(`T9: a token for one resource is 401 at the other, revalidateAfter ${revalidateAfter}`, async t => {
    const { world, atOrders } = await startTwoResources(t, revalidateAfter)
    const { tokens } = await connect(world)
    const { tokens: orderTokens } = await connect(atOrders)
    const first = await refusalOf(callMcp(atOrders, tokens.access_token))
    t.same(first, { status: 401, error: 'invalid_token' }, 'before it was seen')
    t.equal((await callMcp(world, tokens.access_token)).status, 200)
    t.equal((await callMcp(atOrders, orderTokens.access_token)).status, 200)
    const refused = await callMcp(atOrders, tokens.access_token)
    t.match(refused.headers.get('www-authenticate'), /error="invalid_token".*\/oauth-protected-resource\/orders"/, 'while it is remembered')
    t.same(await refusalOf(refused), { status: 401, error: 'invalid_token' })
    t.same(await refusalOf(callMcp(world, orderTokens.access_token)), { status: 401, error: 'invalid_token' })
  })
}

t.test('T16: names of Object.prototype are no scopes, grant types, providers or parameters', async t => {
  const { world } = await startPlayedWorld(t)
  const { client, tokens } = await connect(world)
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    const page = await world.browser.fetch(authorizeUrl(world, client, pkce(), { scope: name }), { headers: { accept: 'application/json' } })
    t.same(await refusalOf(page), { status: 400, error: 'invalid_scope' }, `scope=${name}`)
    t.same(await refusalOf(refresh(world, client, tokens.refresh_token, { scope: name })), { status: 400, error: 'invalid_scope' })
    t.same(await refusalOf(token(world, { grant_type: name, client_id: client.client_id })), { status: 400, error: 'unsupported_grant_type' })
    t.same(await refusalOf(token(world, { [name]: 'x', client_id: client.client_id })), invalidRequest)
    t.same(await refusalOf(refresh(world, { ...client, client_id: name }, tokens.refresh_token)), invalidClient)
    const form = await world.browser.visit(authorizeUrl(world, client, pkce()))
    t.equal((await world.browser.submit(form, { decision: 'allow', provider: name })).status, 400, `provider=${name}`)
  }
  t.equal((await refresh(world, client, tokens.refresh_token)).status, 200)
})

t.test('T18: the hash of a client secret does not work as the secret', async t => {
  const { world } = await startPlayedWorld(t)
  const { client, tokens } = await connect(world, { metadata: confidential })
  const stored = await world.app.mcpOAuth.clients.find(client.client_id)
  const hash = stored?.secretHash ?? ''
  t.match(hash, /^[\w-]{43}$/)
  for (const secret of [hash, `sha256:${hash}`]) {
    t.same(await refusalOf(refresh(world, { ...client, client_secret: secret }, tokens.refresh_token)), invalidClient)
    const authorization = `Basic ${Buffer.from(`${client.client_id}:${secret}`).toString('base64')}`
    t.same(await refusalOf(token(world, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, { authorization })), invalidClient)
  }
})
