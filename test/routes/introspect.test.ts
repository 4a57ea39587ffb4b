import t from 'tap'
import { decodeJwt } from 'jose'
import { mock } from 'node:test'
import { StorageUnavailableError } from '../../lib/index.ts'
import { basic, bearer, callMcp, connect, credentials, introspect, refresh, refusalOf, register, revoke, type Registered, type Tokens } from '../fixtures/flow.ts'
import { forge } from '../fixtures/forge.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

const { provider, watch, world } = await startPlayedWorld(t)
const confidential = { token_endpoint_auth_method: 'client_secret_basic' }
const invalidClient = { status: 401, error: 'invalid_client' }
const invalidRequest = { status: 400, error: 'invalid_request' }

async function stateOf (client: Registered, token: string): Promise<unknown> {
  const answer = await introspect(world, { token }, basic(client))
  return answer.status === 200 ? await answer.json() : answer.status
}

t.test('RFC 7662 §2.1: who is not authenticated is refused; a public client’s id authenticates nobody', async t => {
  const { client, tokens } = await connect(world)
  const guarded = await connect(world, { metadata: confidential })
  const form = { token: tokens.access_token }
  t.same(await refusalOf(introspect(world, form)), invalidClient, 'nobody')
  t.same(await refusalOf(introspect(world, { ...form, ...credentials(client) })), invalidClient, 'a public client')
  t.same(await refusalOf(introspect(world, { ...form, client_id: guarded.client.client_id })), invalidClient, 'a confidential one without its secret')
  t.same(await refusalOf(introspect(world, form, basic({ ...guarded.client, client_secret: 'wrong' }))), invalidClient)
  const refused = await introspect(world, form, bearer(tokens.refresh_token))
  t.match(refused.headers.get('www-authenticate'), /^Bearer error="invalid_token"/)
  t.same(await refusalOf(refused), { status: 401, error: 'invalid_token' })
  t.same(await refusalOf(introspect(world, { ...form, ...credentials(guarded.client) }, bearer(tokens.access_token))), invalidRequest, 'both at once')
  t.same(await refusalOf(introspect(world, {}, bearer(tokens.access_token))), invalidRequest, 'no token')
  const twice = new URLSearchParams([['token', 'a'], ['token', 'b']])
  const answer = fetch(`${world.issuer}/oauth/introspect`, { method: 'POST', headers: bearer(tokens.access_token), body: twice })
  t.same(await refusalOf(answer), invalidRequest)
})

t.test('RFC 7662 §2.2: what is not valid is exactly { active: false }', async t => {
  const { client, tokens } = await connect(world, { metadata: confidential })
  const stranger = await connect(world, { metadata: confidential })
  const inactive = { active: false }
  for (const token of ['x', 'a.b.c', `${tokens.access_token}x`, client.client_id, client.client_secret ?? '', decodeJwt(tokens.access_token).jti ?? '']) {
    t.strictSame(await stateOf(client, token), inactive)
  }
  for (const token of [tokens.access_token, tokens.refresh_token]) t.strictSame(await stateOf(stranger.client, token), inactive, 'another client’s')
  t.strictSame(await stateOf(client, await forge(tokens.access_token, { scope: 'openid' })), inactive, 'T20: other claims than the row')
  const next = await (await refresh(world, client, tokens.refresh_token)).json() as Tokens
  t.strictSame(await stateOf(client, tokens.refresh_token), inactive, 'a refresh token that was used')
  t.match(await stateOf(client, next.refresh_token), { active: true })
  await revoke(world, { token: next.access_token }, basic(client))
  t.strictSame(await stateOf(client, next.access_token), inactive, 'revoked by itself')
  t.match(await stateOf(client, tokens.access_token), { active: true })
  await revoke(world, { token: next.refresh_token }, basic(client))
  for (const token of [tokens.access_token, next.refresh_token]) t.strictSame(await stateOf(client, token), inactive, 'the grant is revoked')
})

t.test('TK-11: tokens of a person who may not come any more, and of a client that is switched off, are not active', async t => {
  const { users, clients } = world.app.mcpOAuth
  provider.signInAs('ann@example.com')
  const userId = await users.add({ email: 'ann@example.com' }) ?? ''
  const { client, tokens } = await connect(world, { metadata: confidential })
  const both = async () => [await stateOf(client, tokens.access_token), await stateOf(client, tokens.refresh_token)]
  const inactive = [{ active: false }, { active: false }]
  t.match(await both(), [{ active: true, username: 'ann@example.com' }, { active: true }])
  await users.update(userId, { status: 'suspended' })
  t.strictSame(await both(), inactive, 'suspended')
  await users.update(userId, { status: 'active' })
  t.match(await both(), [{ active: true }, { active: true }])
  await clients.setActive(client.client_id, false)
  t.strictSame(await both(), [401, 401], 'the client is not even let in')
  await clients.setActive(client.client_id, true)
  await users.remove(userId)
  t.strictSame(await both(), inactive, 'removed')
  provider.signInAs('you@example.com', { subject: 'subject-1' })
})

t.test('TK-11: a token for a resource that is not served any more is not active', async t => {
  const before = await startPlayedWorld(t)
  const { tokens, client } = await connect(before.world, { metadata: confidential })
  const after = await startPlayedWorld(t, { storage: before.world.storage, resource: 'https://elsewhere.example/mcp' })
  // Another issuer too: what is forged here is one of before the move.
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const moved = await forge(token, { iss: after.world.issuer })
    const answer = await introspect(after.world, { token: moved }, basic(client))
    t.strictSame(await answer.json(), { active: false })
  }
})

t.test('TK-11: what has expired is not active, by the row too', async t => {
  const { client, tokens } = await connect(world, { metadata: confidential })
  const prolonged = await forge(tokens.refresh_token, { exp: 4_000_000_000 })
  t.match(await stateOf(client, prolonged), { active: true })
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  mock.timers.tick(604_801_000)
  t.strictSame(await stateOf(client, tokens.access_token), { active: false })
  t.match(await stateOf(client, tokens.refresh_token), { active: true })
  mock.timers.tick(2_592_000_000)
  t.strictSame(await stateOf(client, tokens.refresh_token), { active: false })
  t.strictSame(await stateOf(client, prolonged), { active: false }, 'T20: whatever a forged claim says')
})

t.test('RFC 7662 §2.2: an active token shows what it is for, to its client and to the bearer of its grant', async t => {
  const { client, tokens } = await connect(world, { metadata: confidential })
  const { sub, iat, exp, jti } = decodeJwt(tokens.access_token)
  const access = { active: true, scope: tokens.scope, client_id: client.client_id, username: 'you@example.com', token_type: 'Bearer', exp, iat, sub, aud: world.mcpUrl, iss: world.issuer, jti }
  const answer = await introspect(world, { token: tokens.access_token, token_type_hint: 'pineapple' }, basic(client))
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.strictSame(await answer.json(), access)
  const inBody = await introspect(world, { token: tokens.access_token, token_type_hint: 'refresh_token', ...credentials(client) })
  t.strictSame(await inBody.json(), access, 'the hint is only a hint')
  const { exp: end, jti: id, iat: start } = decodeJwt(tokens.refresh_token)
  t.strictSame(await stateOf(client, tokens.refresh_token), { ...access, token_type: 'refresh_token', exp: end, jti: id, iat: start })
  const own = await introspect(world, { token: tokens.refresh_token }, bearer(tokens.access_token))
  t.match(await own.json(), { active: true, jti: id })
  const other = await connect(world)
  for (const token of [tokens.access_token, tokens.refresh_token]) {
    const foreign = await introspect(world, { token }, bearer(other.tokens.access_token))
    t.strictSame(await foreign.json(), { active: false }, 'another grant, though the person is the same')
  }
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
})

t.test('a storage that is down is 503, never “not active”', async t => {
  const { client, tokens } = await connect(world, { metadata: confidential })
  watch.failure = new StorageUnavailableError()
  const answer = await introspect(world, { token: tokens.access_token }, basic(client))
  watch.failure = undefined
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  t.same(await refusalOf(answer), { status: 503, error: 'temporarily_unavailable' })
})

t.test('TK-11: a registered client that has no token of anybody learns nothing', async t => {
  const { tokens } = await connect(world)
  const curious = await register(world, confidential)
  t.strictSame(await stateOf(curious, tokens.access_token), { active: false })
})
