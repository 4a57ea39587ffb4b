import t from 'tap'
import type { Test } from 'tap'
import { StorageUnavailableError } from '../../lib/index.ts'
import { basic, bearer, callMcp, connect, introspect, refresh, register, revoke, token, userinfo } from '../fixtures/flow.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'
import { samplesOf, valueOf } from '../fixtures/samples.ts'
import type { World, WorldOptions } from '../fixtures/world.ts'

async function start (t: Test, options: WorldOptions = {}) {
  return await startPlayedWorld(t, { metrics: true, rateLimit: { max: 1000 }, ...options })
}

/** What `oauth_requests_total` has, by endpoint and status. */
async function requestsOf ({ app }: World): Promise<Record<string, number>> {
  const found = (await samplesOf(app)).filter(({ name }) => name === 'oauth_requests_total')
  return Object.fromEntries(found.map(({ labels, value }) => [`${labels['endpoint']} ${labels['status']}`, value]))
}

t.test('each endpoint is counted under its name, with the status that it answered', async t => {
  const { world, watch } = await start(t)
  const { client, tokens } = await connect(world, { metadata: { token_endpoint_auth_method: 'client_secret_basic' } })
  await introspect(world, { token: tokens.access_token }, basic(client))
  await userinfo(world, tokens.access_token)
  await revoke(world, { token: tokens.refresh_token }, basic(client))
  await fetch(`${world.issuer}/.well-known/jwks.json`)
  await fetch(`${world.issuer}/.well-known/oauth-authorization-server`)
  await fetch(`${world.issuer}/.well-known/openid-configuration`)
  await fetch(`${world.issuer}/.well-known/oauth-protected-resource`)
  await fetch(`${world.issuer}/.well-known/oauth-protected-resource/mcp`)
  await token(world, { grant_type: 'password' })
  watch.failure = new StorageUnavailableError()
  await token(world, { grant_type: 'refresh_token', refresh_token: 'x', client_id: 'y' })
  t.strictSame(await requestsOf(world), {
    'register 201': 1,
    'authorize 200': 1,
    'consent 303': 1,
    'consent 200': 1,
    'callback 302': 1,
    'token 200': 1,
    'token 400': 1,
    'token 503': 1,
    'introspect 200': 1,
    'userinfo 200': 1,
    'revoke 200': 1,
    'jwks 200': 1,
    'oauth-authorization-server 200': 1,
    'openid-configuration 200': 1,
    'oauth-protected-resource 200': 2
  })
})

t.test('below a path the names are the same', async t => {
  const { world } = await start(t, { path: '/tools', basePath: '/login', resource: 'https://api.example.com/mcp' })
  await fetch(`${world.issuer}/login/userinfo`)
  await fetch(`${world.issuer}/.well-known/openid-configuration`)
  await fetch(`${world.origin}/.well-known/openid-configuration/tools`)
  t.strictSame(await requestsOf(world), { 'userinfo 401': 1, 'openid-configuration 200': 2 })
})

t.test('what browsers ask beforehand, protected routes and those of the app are not among them', async t => {
  const { world } = await start(t)
  await fetch(`${world.issuer}/oauth/token`, { method: 'OPTIONS', headers: { origin: world.origin, 'access-control-request-method': 'POST' } })
  await callMcp(world)
  await fetch(`${world.origin}/elsewhere`)
  t.strictSame(await requestsOf(world), {})
})

t.test('too many requests are counted as 429', async t => {
  const { world } = await start(t, { rateLimit: { max: 1 } })
  for (const status of [401, 429]) t.equal((await userinfo(world)).status, status)
  t.strictSame(await requestsOf(world), { 'userinfo 401': 1, 'userinfo 429': 1 })
})

t.test('a token that is known is a hit; one that is not is a miss, and how long it took is measured', async t => {
  const { world } = await start(t, { revalidateAfter: 60 })
  const { tokens } = await connect(world)
  const tokensSeen = async () => [
    await valueOf(world.app, 'oauth_token_cache_total', { result: 'hit' }),
    await valueOf(world.app, 'oauth_token_cache_total', { result: 'miss' }),
    await valueOf(world.app, 'token_validation_duration_seconds_count')
  ]
  t.strictSame(await tokensSeen(), [0, 0, 0], 'there from the start')
  await callMcp(world)
  t.strictSame(await tokensSeen(), [0, 0, 0], 'without a token there is nothing to look at')
  for (const result of ['miss', 'hit', 'hit']) t.equal((await callMcp(world, tokens.access_token)).status, 200, result)
  t.strictSame(await tokensSeen(), [2, 1, 1])
  await callMcp(world, 'made.up.here')
  t.strictSame(await tokensSeen(), [2, 2, 2])
  t.strictSame(await tokensSeen(), [2, 2, 2], 'a scrape counts nothing twice')
})

t.test('what the storage takes is measured by the method that was called, and what it fails at is counted', async t => {
  const { world, watch } = await start(t)
  const { client, tokens } = await connect(world)
  t.equal(await valueOf(world.app, 'oauth_storage_duration_seconds_count', { operation: 'redeemCode' }), 1)
  t.equal(await valueOf(world.app, 'oauth_storage_errors_total', { operation: 'findToken', kind: 'failed' }), undefined, 'not called yet')
  await refresh(world, client, tokens.refresh_token)
  t.equal(await valueOf(world.app, 'oauth_storage_errors_total', { operation: 'findToken', kind: 'failed' }), 0, 'then there, at 0')
  for (const [kind, failure] of [['unavailable', new StorageUnavailableError()], ['failed', new Error('a defect')]] as const) {
    watch.failure = failure
    await fetch(`${world.issuer}/oauth/userinfo`, { headers: bearer(tokens.access_token) })
    watch.failure = undefined
    t.equal(await valueOf(world.app, 'oauth_storage_errors_total', { operation: 'findToken', kind }), 1, kind)
  }
  const asked = watch.calls.filter(name => name === 'findToken').length
  t.equal(await valueOf(world.app, 'oauth_storage_duration_seconds_count', { operation: 'findToken' }), asked, 'failures took their time too')
})

t.test('administration goes to the storage that is measured, too', async t => {
  const { world } = await start(t)
  await world.app.mcpOAuth.users.add({ email: 'ann@example.com' })
  t.equal(await valueOf(world.app, 'oauth_storage_duration_seconds_count', { operation: 'addUser' }), 1)
})

t.test('a flood of made-up paths, methods, clients, tokens, origins and errors makes not one series more', async t => {
  const { world } = await start(t)
  const { client, tokens } = await connect(world)

  /** Each kind of mistake once, or with other words. */
  async function flood (word: string): Promise<void> {
    await Promise.all([
      fetch(`${world.issuer}/oauth/${word}`),
      fetch(`${world.issuer}/oauth/token/${word}`),
      fetch(`${world.issuer}/.well-known/${word}`),
      fetch(`${world.issuer}/.well-known/oauth-protected-resource/${word}`),
      fetch(`${world.issuer}/oauth/authorize?client_id=${word}&provider=${word}`),
      fetch(`${world.issuer}/oauth/callback?state=${word}&error=${word}`),
      fetch(`${world.issuer}/oauth/token`, { method: 'DELETE' }),
      token(world, { grant_type: word }),
      token(world, { grant_type: 'refresh_token', refresh_token: word, client_id: word }),
      refresh(world, client, word),
      revoke(world, { token: word, client_id: client.client_id }),
      userinfo(world, word),
      callMcp(world, word),
      callMcp(world, `${tokens.access_token}${word}`),
      callMcp(world, undefined, { headers: { origin: `http://${word}.example` } }),
      callMcp(world, undefined, { headers: { authorization: word } }),
      fetch(`${world.origin}/mcp`, { method: 'PUT' }),
      fetch(`${world.origin}/${word}`)
    ])
    await register(world, { redirect_uris: [`http://127.0.0.1/${word}`] }).catch(() => {})
  }

  await flood('first')
  // The audit trail writes when it has time, and a scrape asks the storage itself.
  while (world.app.mcpOAuth.audit.counts.waiting > 0) await new Promise(resolve => { setTimeout(resolve, 50) })
  await samplesOf(world.app)
  const before = (await samplesOf(world.app)).length
  for (let round = 0; round < 20; round++) await flood(`word${round}`)
  t.equal((await samplesOf(world.app)).length, before)
  const text = await world.app.mcpOAuth.metrics.text()
  t.notMatch(text, /word|first/)
  t.notMatch(text, tokens.access_token)
  t.notMatch(text, client.client_id)
  t.notMatch(text, /you@example/)
})
