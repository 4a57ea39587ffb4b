import t from 'tap'
import { StorageUnavailableError } from '../../lib/index.ts'
import { basic, bearer, callMcp, connect, credentials, redeem, refresh, refusalOf, register, revoke, authorize, pkce } from '../fixtures/flow.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

const { watch, world } = await startPlayedWorld(t)
const invalidClient = { status: 401, error: 'invalid_client' }
const invalidRequest = { status: 400, error: 'invalid_request' }
const invalidToken = { status: 401, error: 'invalid_token' }
const confidential = { token_endpoint_auth_method: 'client_secret_basic' }

t.test('RFC 7009 §2.1: who is not proven is refused, and nothing is revoked', async t => {
  const { client, tokens } = await connect(world, { metadata: confidential })
  const form = { token: tokens.access_token }
  t.same(await refusalOf(revoke(world, form)), invalidClient, 'nobody')
  t.same(await refusalOf(revoke(world, form, { authorization: 'Digest x' })), invalidClient, 'an unknown scheme')
  t.same(await refusalOf(revoke(world, { ...form, client_id: client.client_id })), invalidClient, 'a confidential client’s bare id')
  t.same(await refusalOf(revoke(world, { ...form, client_id: 'nobody' })), invalidClient)
  const wrong = await revoke(world, form, basic({ ...client, client_secret: 'wrong' }))
  t.equal(wrong.headers.get('www-authenticate'), 'Basic realm="oauth"')
  t.same(await refusalOf(wrong), invalidClient)
  for (const token of [tokens.refresh_token, 'x', '"']) {
    const refused = await revoke(world, form, bearer(token))
    t.match(refused.headers.get('www-authenticate'), /^Bearer error="invalid_token"/)
    t.same(await refusalOf(refused), invalidToken)
  }
  await world.app.mcpOAuth.clients.setActive(client.client_id, false)
  t.same(await refusalOf(revoke(world, form, basic(client))), invalidClient, 'deactivated')
  await world.app.mcpOAuth.clients.setActive(client.client_id, true)
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
})

t.test('RFC 7009 §2.1: credentials and a bearer at once, a missing or repeated parameter, and another encoding are invalid_request', async t => {
  const { client, tokens } = await connect(world)
  const own = credentials(client)
  t.same(await refusalOf(revoke(world, { token: tokens.access_token, ...own }, bearer(tokens.access_token))), invalidRequest)
  t.same(await refusalOf(revoke(world, { token: tokens.access_token, client_secret: 'x' }, bearer(tokens.access_token))), invalidRequest)
  t.same(await refusalOf(revoke(world, own)), invalidRequest, 'no token')
  t.same(await refusalOf(revoke(world, { ...own, token: '' })), invalidRequest, 'an empty one')
  const post = (body: string, type: string) => fetch(`${world.issuer}/oauth/revoke`, { method: 'POST', headers: { 'content-type': type }, body })
  const form = 'application/x-www-form-urlencoded'
  const encoded = new URLSearchParams({ ...own, token: tokens.access_token })
  for (const name of ['token', 'token_type_hint', 'client_id']) {
    t.same(await refusalOf(post(`${encoded}&${name}=a&${name}=b`, form)), invalidRequest, `${name} twice`)
  }
  t.same(await refusalOf(post(JSON.stringify(Object.fromEntries(encoded)), 'application/json')), invalidRequest)
  t.same(await refusalOf(revoke(world, { ...own, token: tokens.access_token, token_type_hint: '\0' })), invalidRequest)
  t.equal((await fetch(`${world.issuer}/oauth/revoke?${encoded}`)).status, 404, 'tokens are not taken from a URL')
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
})

t.test('RFC 7009 §2.2: what is no token answers 200, and so does a second revocation', async t => {
  const { client, tokens } = await connect(world)
  const own = credentials(client)
  for (const token of ['x', 'a.b.c', 'x'.repeat(10_000), `${tokens.access_token}x`, tokens.access_token.slice(0, -1)]) {
    t.equal((await revoke(world, { ...own, token })).status, 200)
  }
  t.notOk(watch.calls.includes('revokeToken'))
  t.notOk(watch.calls.includes('revokeGrant'))
  for (const token of [tokens.access_token, tokens.access_token, tokens.refresh_token, tokens.refresh_token]) {
    const answer = await revoke(world, { ...own, token })
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    t.equal(await answer.text(), '')
  }
})

t.test('TK-10: a refresh token that is revoked ends its grant, used ones too, whatever the hint', async t => {
  for (const hint of ['refresh_token', 'access_token', 'pineapple', undefined]) {
    const { client, tokens } = await connect(world)
    const next = await (await refresh(world, client, tokens.refresh_token)).json() as typeof tokens
    const other = await connect(world)
    t.equal((await callMcp(world, tokens.access_token)).status, 200)
    const answer = await revoke(world, { ...credentials(client), token: tokens.refresh_token, ...(hint === undefined ? {} : { token_type_hint: hint }) })
    t.equal(answer.status, 200, String(hint))
    for (const token of [tokens.access_token, next.access_token]) t.same(await refusalOf(callMcp(world, token)), invalidToken, 'at once, although it was seen a moment ago')
    for (const token of [tokens.refresh_token, next.refresh_token]) t.same(await refusalOf(refresh(world, client, token)), { status: 400, error: 'invalid_grant' })
    t.equal((await callMcp(world, other.tokens.access_token)).status, 200, 'other grants live on')
  }
})

t.test('TK-10: the bearer of an access token revokes the tokens of its grant', async t => {
  const { client, tokens } = await connect(world)
  const other = await connect(world)
  for (const token of Object.values({ ...other.tokens })) await revoke(world, { token: String(token) }, bearer(tokens.access_token))
  t.equal((await callMcp(world, other.tokens.access_token)).status, 200, 'not those of another')
  t.equal((await revoke(world, { token: tokens.refresh_token }, bearer(tokens.access_token))).status, 200)
  t.same(await refusalOf(callMcp(world, tokens.access_token)), invalidToken)
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token)), { status: 400, error: 'invalid_grant' })
})

t.test('TK-10: a public client is its id, a confidential one its secret, in the header or the body', async t => {
  for (const metadata of [{}, confidential, { token_endpoint_auth_method: 'client_secret_post' }]) {
    const { client, tokens } = await connect(world, { metadata })
    const next = await (await refresh(world, client, tokens.refresh_token)).json() as typeof tokens
    t.equal((await revoke(world, { ...credentials(client), token: tokens.access_token })).status, 200)
    if ('client_secret' in client) t.equal((await revoke(world, { token: next.access_token }, basic(client))).status, 200)
    else await revoke(world, { ...credentials(client), token: next.access_token })
    t.equal((await callMcp(world, tokens.access_token)).status, 401)
    t.equal((await callMcp(world, next.access_token)).status, 401)
    t.equal((await refresh(world, client, next.refresh_token)).status, 200, 'an access token ends itself only')
  }
})

t.test('RFC 7009 §2.2.1: a storage that is down is 503 with Retry-After, and whoever was remembered is forgotten', async t => {
  const { client, tokens } = await connect(world)
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  watch.failure = new StorageUnavailableError()
  const answer = await revoke(world, { ...credentials(client), token: tokens.access_token })
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.same(await refusalOf(answer), { status: 503, error: 'temporarily_unavailable' })
  watch.failure = undefined
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'nothing was revoked')
})

t.test('TK-10: the code of a grant that was revoked is dead', async t => {
  const client = await register(world)
  const challenge = pkce()
  const code = (await authorize(world, client, challenge)).searchParams.get('code') ?? ''
  const tokens = await (await redeem(world, client, code, challenge)).json() as { refresh_token: string }
  await revoke(world, { ...credentials(client), token: tokens.refresh_token })
  t.same(await refusalOf(redeem(world, client, code, challenge)), { status: 400, error: 'invalid_grant' })
})
