import t from 'tap'
import { callMcp, connect, refresh, type Tokens } from '../fixtures/flow.ts'
import { startWorld } from '../fixtures/world.ts'

t.test('the way of a request, from the first 401 to a call as a named user, and its end', async t => {
  const world = await startWorld(t)

  const refused = await callMcp(world)
  t.equal(refused.status, 401)
  t.match(refused.headers.get('www-authenticate'), `resource_metadata="${world.origin}/.well-known/oauth-protected-resource/mcp"`)

  const { client, tokens } = await connect(world)
  const answer = await callMcp(world, tokens.access_token)
  t.equal(answer.status, 200)
  t.match(await answer.json(), { user: { email: 'you@example.com', role: 'admin' }, client: { id: client.client_id }, resource: world.mcpUrl })

  const refreshed = await refresh(world, client, tokens.refresh_token)
  t.equal(refreshed.status, 200)
  const next = await refreshed.json() as Tokens
  t.equal((await callMcp(world, next.access_token)).status, 200)

  const [user] = await world.app.mcpOAuth.users.list('you@example.com')
  t.ok(await world.app.mcpOAuth.users.remove(user?.id ?? ''))
  t.equal((await callMcp(world, next.access_token)).status, 401, 'whoever is off the whitelist is out at the next request')
  t.equal((await refresh(world, client, next.refresh_token)).status, 400)
})
