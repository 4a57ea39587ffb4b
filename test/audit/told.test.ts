import t from 'tap'
import { administration } from '../../lib/administration.ts'
import { startHousekeeping } from '../../lib/housekeeping.ts'
import { ProviderError } from '../../lib/providers/types.ts'
import { serverBehind } from '../../lib/server.ts'
import { captureAudit } from '../fixtures/audit.ts'
import { buttonsOf } from '../fixtures/browser-jar.ts'
import { authorize, authorizeUrl, connect, pkce, redeem, redirectUri, refresh, register, revoke, token } from '../fixtures/flow.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

async function start (t: Parameters<typeof startPlayedWorld>[0], options = {}) {
  const captured = captureAudit()
  const played = await startPlayedWorld(t, { audit: captured.audit, ...options })
  return { ...played, ...captured }
}

const types = (events: ReadonlyArray<{ type: string }>) => events.map(({ type }) => type)

t.test('a way from registration to revocation is told in order, with who, for whom and from where', async t => {
  const { world, events, of } = await start(t)
  const { client, tokens } = await connect(world)
  const refreshed = await (await refresh(world, client, tokens.refresh_token)).json() as { access_token: string, refresh_token: string }
  await revoke(world, { token: refreshed.access_token, client_id: client.client_id })
  await revoke(world, { token: refreshed.refresh_token, client_id: client.client_id })
  await revoke(world, { token: refreshed.refresh_token, client_id: client.client_id })
  await of('grant.revoked')
  t.strictSame(types(events), [
    'client.registered', 'consent.allowed', 'sign-in.allowed', 'code.issued', 'token.issued', 'token.refreshed', 'token.revoked', 'grant.revoked'
  ])
  const [user] = await world.app.mcpOAuth.users.list('you@example.com')
  for (const event of events) t.match(event, { at: Date, clientId: client.client_id, address: '127.0.0.1', requestId: /^req-/, outcome: 'success', reason: null }, event.type)
  const about = { userId: user?.id, grantId: String }
  const person = { type: 'user', id: user?.id, email: 'you@example.com' }
  const itself = { type: 'client', id: client.client_id, email: null }
  t.match(events, [
    { actor: { type: 'anonymous', id: null }, details: { name: 'Test client', redirectUris: [redirectUri] } },
    { actor: { type: 'anonymous', id: null }, details: { provider: 'local', redirectUri, resource: world.mcpUrl } },
    { actor: person, userId: user?.id, details: { provider: 'local' } },
    { actor: person, ...about, details: { resource: world.mcpUrl, scopes: Array } },
    { actor: itself, ...about, tokenId: String, details: { refreshTokenId: String } },
    { actor: itself, ...about, tokenId: String, details: { scopes: Array, refreshTokenId: String } },
    { actor: itself, ...about, tokenId: String },
    { actor: itself, ...about }
  ])
  t.equal(new Set(events.flatMap(({ grantId }) => grantId ?? [])).size, 1)
})

t.test('the bearer of an access token who revokes it is a user', async t => {
  const { world, of } = await start(t)
  const { tokens } = await connect(world)
  await revoke(world, { token: tokens.access_token }, { authorization: `Bearer ${tokens.access_token}` })
  t.match(await of('token.revoked'), [{ actor: { type: 'user', email: 'you@example.com' } }])
})

t.test('a replayed code and a replayed refresh token are told, as what they are', async t => {
  const { world, of } = await start(t)
  const client = await register(world)
  const challenge = pkce()
  const end = await authorize(world, client, challenge)
  const code = end.searchParams.get('code') ?? ''
  await redeem(world, client, code, challenge)
  await redeem(world, client, code, challenge)
  t.match(await of('code.replayed'), [{ outcome: 'refused', reason: 'the code was used before: the grant is revoked', grantId: String, userId: String, clientId: client.client_id, actor: { type: 'client', id: client.client_id } }])
  t.match(await of('token.refused'), [{ outcome: 'refused', reason: 'the code is replayed', clientId: client.client_id }])

  const connection = await connect(world)
  const first = await (await refresh(world, connection.client, connection.tokens.refresh_token)).json() as { refresh_token: string }
  await refresh(world, connection.client, first.refresh_token)
  const RealDate = Date
  t.intercept(globalThis, 'Date', { value: class extends RealDate { constructor (value?: number) { super(value ?? RealDate.now() + 31_000) } } })
  await refresh(world, connection.client, connection.tokens.refresh_token)
  t.match(await of('token.replayed'), [{ outcome: 'refused', tokenId: String, grantId: String, reason: 'the refresh token was used before: the grant is revoked' }])
})

t.test('consent that is denied is told, and that nobody is known by then', async t => {
  const { world, of } = await start(t)
  const client = await register(world)
  const page = await world.browser.visit(authorizeUrl(world, client, pkce()))
  const deny = buttonsOf(page).find(({ value }) => value === 'deny')
  await world.browser.submit(page, { [deny?.name ?? '']: 'deny' })
  t.match(await of('consent.denied'), [{ outcome: 'refused', clientId: client.client_id, actor: { type: 'anonymous' }, details: { provider: null } }])
})

t.test('who is refused at the sign-in is told with the e-mail and the reason', async t => {
  const { world, provider, of } = await start(t)
  const attempt = async () => { await t.rejects(connect(world)) }
  provider.signInAs('mallory@example.com')
  await attempt()
  provider.signInAs('mallory@example.com', { emailVerified: false })
  await attempt()
  provider.signInAs(undefined)
  await attempt()
  const [user] = await world.app.mcpOAuth.users.list('you@example.com')
  await world.app.mcpOAuth.users.update(user?.id ?? '', { status: 'suspended' })
  provider.signInAs('you@example.com')
  await attempt()
  t.match(await of('sign-in.refused', 4), [
    { reason: 'not-listed', actor: { type: 'user', id: null, email: 'mallory@example.com' }, userId: null },
    { reason: 'unverified', actor: { type: 'user', id: null, email: 'mallory@example.com' } },
    { reason: 'no-email', actor: { type: 'anonymous', email: null } },
    { reason: 'suspended', actor: { type: 'user', id: user?.id, email: 'you@example.com' }, userId: user?.id, outcome: 'refused' }
  ])
})

t.test('a sign-in that fails at the provider, before or after, is told without the provider\'s words', async t => {
  const { world, provider, of } = await start(t)
  provider.answer = { error: 'access_denied', error_description: 's3cret' }
  await t.rejects(connect(world))
  provider.answer = { code: 'upstream-code' }
  provider.failure = new ProviderError('untrusted', 's3cret')
  await t.rejects(connect(world))
  provider.absence = new ProviderError('unavailable', 's3cret')
  await t.rejects(connect(world))
  const failed = await of('sign-in.failed', 3)
  t.match(failed, [
    { reason: 'the provider answered with an error', outcome: 'failed' }, { reason: 'the provider failed: untrusted' }, { reason: 'the provider failed: unavailable' }
  ])
  t.notMatch(JSON.stringify(failed), 's3cret')
})

t.test('a sign-in that was not recent enough is refused, and told', async t => {
  const { world, provider, of } = await start(t)
  provider.signInAs('you@example.com', { authenticatedAt: new Date(Date.now() - 3_600_000) })
  const client = await register(world)
  await authorize(world, client, pkce(), { max_age: '60' })
  t.match(await of('sign-in.refused'), [{ reason: 'the sign-in was not recent enough', outcome: 'refused' }])
})

t.test('clients that are refused, or whose registration is, are told', async t => {
  const { world, of } = await start(t)
  await t.rejects(register(world, { redirect_uris: ['javascript:alert(1)'] }))
  t.match(await of('client.registered'), [{ outcome: 'refused', clientId: null, reason: String }])
  await token(world, { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'nobody' })
  t.match(await of('client.refused'), [{ outcome: 'refused', clientId: 'nobody', reason: 'the client is unknown', actor: { type: 'anonymous' } }])
})

t.test('what is no refusal of ours is no event: the storage was down', async t => {
  const { world, watch, events } = await start(t)
  const { client, tokens } = await connect(world)
  watch.failure = new Error('a defect')
  t.equal((await refresh(world, client, tokens.refresh_token)).status, 500)
  await t.rejects(register(world))
  t.notOk(types(events).some(type => type.endsWith('refused')))
})

t.test('whoever administers is named: the application by default', async t => {
  const { world, of } = await start(t)
  const { app } = world
  const server = serverBehind(app.mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  const { client } = await connect(world)
  const [you] = await app.mcpOAuth.users.list('you@example.com')
  const actor = { type: 'administrator', id: you?.id ?? '', email: 'you@example.com' } as const
  const admin = administration(server, { actor, requestId: 'r', address: '::1', userAgent: 'Browser' })

  const id = await app.mcpOAuth.users.add({ email: 'ann@example.com', role: 'admin' }) ?? ''
  await app.mcpOAuth.users.add({ email: 'ann@example.com' })
  t.match(await of('user.added'), [{ userId: id, actor: { type: 'operator', id: 'api' }, details: { email: 'ann@example.com', role: 'admin' }, requestId: null }])
  await admin.users.update(id, { status: 'suspended', name: 'Ann Example', role: undefined })
  await admin.users.update('nobody', { status: 'suspended' })
  await admin.users.update(id, { email: 'you@example.com' })
  t.match(await of('user.changed'), [{ userId: id, actor, requestId: 'r', address: '::1', userAgent: 'Browser', details: { status: 'suspended', name: 'changed' } }])
  await admin.users.update(id, { role: 'user' })
  t.strictSame((await of('user.changed', 2))[1]?.details, { role: 'user' })
  await admin.users.remove(id)
  await admin.users.remove(id)
  t.match(await of('user.removed'), [{ userId: id, actor }])
  const { client_id: created } = await admin.clients.create({ client_name: 'Mine', redirect_uris: [redirectUri] })
  await admin.clients.create({ redirect_uris: [redirectUri] })
  t.match(await of('client.created', 2), [{ clientId: created, actor, details: { name: 'Mine' } }, { details: { name: null } }])
  await admin.clients.setActive(client.client_id, false)
  await admin.clients.setActive('nobody', false)
  t.match(await of('client.changed'), [{ clientId: client.client_id, actor, details: { active: false } }])
  const [issued] = await of('code.issued')
  await admin.grants.revoke(issued?.grantId ?? '')
  await admin.grants.revoke(issued?.grantId ?? '')
  t.match(await of('grant.revoked'), [{ grantId: issued?.grantId, actor }])
  await admin.keys.rotate()
  t.match(await of('key.rotated'), [{ actor, details: { keyId: String } }])
  for (const type of ['user.added', 'user.removed', 'client.changed', 'grant.revoked', 'key.rotated'] as const) t.equal((await of(type)).length, 1, type)
})

t.test('a grant that ends by itself, and clients and keys that go because it is time, are told as the server\'s doing', async t => {
  const { world, of } = await start(t)
  const { client, tokens } = await connect(world)
  const [you] = await world.app.mcpOAuth.users.list('you@example.com')
  if (you === undefined) throw new Error('there is no user')
  // As plain SQL does it, which revokes nothing by itself.
  const { findToken } = world.storage
  t.intercept(world.storage, 'findToken', {
    value: async (id: string) => {
      const record = await Reflect.apply(findToken, world.storage, [id])
      return record === undefined ? undefined : { ...record, user: { ...you, email: 'other@example.com' } }
    }
  })
  await refresh(world, client, tokens.refresh_token)
  t.match(await of('grant.revoked'), [{ actor: { type: 'server', id: null }, userId: you.id, clientId: client.client_id, reason: 'the e-mail on the whitelist has changed' }])
  await refresh(world, client, tokens.refresh_token)
  t.equal((await of('grant.revoked')).length, 1, 'once')

  await register(world, { client_name: 'Unused' })
  const RealDate = Date
  const later = 91 * 86_400_000
  t.intercept(globalThis, 'Date', {
    value: class extends RealDate {
      constructor (value?: number) { super(value ?? RealDate.now() + later) }
      static override now () { return RealDate.now() + later }
    }
  })
  await register(world, { client_name: 'Other' })
  const server = serverBehind(world.app.mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  const housekeeping = startHousekeeping(server, world.app.log, 1)
  t.match(await of('client.removed'), [{ actor: { type: 'server' }, reason: 'nobody used them', details: { count: Number } }])
  await housekeeping.stop()
  t.match(await of('key.rotated'), [{ actor: { type: 'server' }, details: { keyId: String } }])
})
