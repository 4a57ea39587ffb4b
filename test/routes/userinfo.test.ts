import t from 'tap'
import { StorageUnavailableError } from '../../lib/index.ts'
import { callMcp, connect, refusalOf, revoke, credentials, userinfo } from '../fixtures/flow.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

const { provider, watch, world } = await startPlayedWorld(t)
const post = { method: 'POST' }

t.test('OIDC Core §5.3.3, RFC 6750 §3: without a good token there is a challenge and nothing else', async t => {
  const { client, tokens } = await connect(world)
  const bare = await userinfo(world)
  t.equal(bare.headers.get('www-authenticate'), 'Bearer scope="openid"', 'no error where no token came')
  t.same(await refusalOf(bare), { status: 401, error: 'invalid_token' })
  await revoke(world, { ...credentials(client), token: tokens.access_token })
  for (const token of ['x', '"', tokens.refresh_token, tokens.access_token]) {
    const refused = await userinfo(world, token)
    t.match(refused.headers.get('www-authenticate'), /^Bearer error="invalid_token", error_description="[^"]+", scope="openid"$/)
    t.equal(refused.headers.get('cache-control'), 'no-store')
    t.same(await refusalOf(refused), { status: 401, error: 'invalid_token' })
  }
})

t.test('RS-05: a token in the query or the body is not looked at', async t => {
  const { tokens } = await connect(world)
  const form = new URLSearchParams({ access_token: tokens.access_token })
  t.equal((await fetch(`${world.issuer}/oauth/userinfo?${form}`)).status, 401)
  t.equal((await userinfo(world, undefined, { ...post, body: form })).status, 401)
})

t.test('RFC 6750 §3.1: a token without the scope openid is insufficient_scope', async t => {
  const { tokens } = await connect(world, { scope: 'email profile' })
  for (const init of [{}, post]) {
    const refused = await userinfo(world, tokens.access_token, init)
    t.match(refused.headers.get('www-authenticate'), /^Bearer error="insufficient_scope", .*scope="openid"$/)
    t.same(await refusalOf(refused), { status: 403, error: 'insufficient_scope' })
  }
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'the token is good')
})

t.test('OIDC Core §5.3.2, §5.4: each scope shows its claims, by GET and POST', async t => {
  provider.signInAs('ann@example.com', { name: 'Ann', picture: 'https://example.com/ann.png' })
  const userId = await world.app.mcpOAuth.users.add({ email: 'ann@example.com' })
  const email = { email: 'ann@example.com', email_verified: true }
  const profile = { name: 'Ann', picture: 'https://example.com/ann.png' }
  const expected = { openid: {}, 'openid email': email, 'openid profile': profile, 'openid email profile': { ...email, ...profile } }
  for (const [scope, claims] of Object.entries(expected)) {
    const { tokens } = await connect(world, { scope })
    for (const init of [{}, post, { ...post, body: new URLSearchParams() }]) {
      const answer = await userinfo(world, tokens.access_token, init)
      t.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
      t.equal(answer.headers.get('cache-control'), 'no-store')
      t.strictSame(await answer.json(), { sub: userId, ...claims }, scope)
    }
  }
})

t.test('TK-12: the row decides, as it is now; what it lacks is left out', async t => {
  provider.signInAs('bob@example.com')
  const userId = await world.app.mcpOAuth.users.add({ email: 'bob@example.com' }) ?? ''
  const { tokens } = await connect(world)
  t.strictSame(await (await userinfo(world, tokens.access_token)).json(), { sub: userId, email: 'bob@example.com', email_verified: true })
  await world.app.mcpOAuth.users.update(userId, { name: 'Robert' })
  t.match(await (await userinfo(world, tokens.access_token)).json(), { name: 'Robert' })
  await world.app.mcpOAuth.users.update(userId, { status: 'suspended' })
  t.equal((await userinfo(world, tokens.access_token)).status, 401)
})

t.test('RS-06: a storage that is down is 503 without a challenge', async t => {
  provider.signInAs('you@example.com', { subject: 'subject-1' })
  const { tokens } = await connect(world)
  watch.failure = new StorageUnavailableError()
  const answer = await userinfo(world, tokens.access_token)
  watch.failure = undefined
  t.equal(answer.headers.get('www-authenticate'), null)
  t.same(await refusalOf(answer), { status: 503, error: 'temporarily_unavailable' })
})
