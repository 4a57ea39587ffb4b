import t from 'tap'
import type { Test } from 'tap'
import { mock } from 'node:test'
import { callMcp, connect, refresh, refusalOf, register, type Tokens } from '../../fixtures/flow.ts'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { startWorld } from '../../fixtures/world.ts'

const invalidGrant = { status: 400, error: 'invalid_grant' }

async function start (t: Test) {
  const world = await startWorld(t, { providers: [scriptedProvider()] })
  const { client, tokens } = await connect(world)
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  const next = async (refreshToken: string) => {
    const response = await refresh(world, client, refreshToken)
    t.equal(response.status, 200)
    return await response.json() as Tokens
  }
  const isAlive = async ({ access_token: accessToken }: Tokens) => (await callMcp(world, accessToken)).status === 200
  const refused = async (what: string, refreshToken: string) =>
    t.same(await refusalOf(refresh(world, client, refreshToken)), invalidGrant, what)
  return { world, tokens, next, isAlive, refused }
}

t.test('T13, T17: within the grace, a used refresh token gets the very same successor, until that one is used', async t => {
  const { tokens, next, isAlive, refused } = await start(t)
  const first = await next(tokens.refresh_token)
  t.not(first.refresh_token, tokens.refresh_token)
  mock.timers.tick(30_000)
  const again = await next(tokens.refresh_token)
  t.equal(again.refresh_token, first.refresh_token, 'to the letter, 30 seconds later')
  t.not(again.access_token, first.access_token)
  t.ok(await isAlive(first) && await isAlive(again), 'one client on two addresses: both go on')

  const thirdGeneration = await next(first.refresh_token)
  await refused('the first is of no use any more, and nothing is revoked', tokens.refresh_token)
  t.ok(await isAlive(thirdGeneration))
})

t.test('T17: between the successor’s use and the end of the grace, the old one is refused without a revocation', async t => {
  const { tokens, next, isAlive, refused } = await start(t)
  const first = await next(tokens.refresh_token)
  const second = await next(first.refresh_token)
  mock.timers.tick(29_999)
  await refused('a thief, or a client that came late', tokens.refresh_token)
  t.ok(await isAlive(second), 'the rightful one stays')
  t.ok(await isAlive(await next(second.refresh_token)))
})

t.test('T17: after the grace, a replay ends the grant and every token of it', async t => {
  const { tokens, next, isAlive, refused } = await start(t)
  const first = await next(tokens.refresh_token)
  t.ok(await isAlive(first))
  mock.timers.tick(30_001)
  await refused('the replay', tokens.refresh_token)
  for (const dead of [tokens, first]) {
    t.notOk(await isAlive(dead), 'at once')
    await refused('its refresh tokens too', dead.refresh_token)
  }
})

t.test('T17: a wrong client neither uses a refresh token up nor ends its grant', async t => {
  const { world, tokens, next, isAlive, refused } = await start(t)
  const stranger = await register(world, { client_name: 'Stranger' })
  t.same(await refusalOf(refresh(world, stranger, tokens.refresh_token)), invalidGrant)
  const first = await next(tokens.refresh_token)
  mock.timers.tick(30_001)
  t.same(await refusalOf(refresh(world, stranger, tokens.refresh_token)), invalidGrant, 'a replay by a stranger')
  t.ok(await isAlive(first), 'changes nothing')
  await refused('by its own client it is one', tokens.refresh_token)
  t.notOk(await isAlive(first))
})

t.test('TK-04: a grant that was revoked stays so, whichever of its refresh tokens comes', async t => {
  const { world, tokens, next, isAlive, refused } = await start(t)
  const first = await next(tokens.refresh_token)
  const { grantId } = await (await callMcp(world, first.access_token)).json() as { grantId: string }
  t.ok(await world.app.mcpOAuth.grants.revoke(grantId))
  t.notOk(await isAlive(first))
  await refused('the successor', first.refresh_token)
  await refused('within the grace', tokens.refresh_token)
})
