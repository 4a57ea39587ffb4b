import t from 'tap'
import { allow, authorizeUrl, connect, pkce, redirectUri, register } from '../fixtures/flow.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'
import { startWorld } from '../fixtures/world.ts'

t.test('AZ-06: whatever characters the state has, the client gets it back by a redirect', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()] })
  const client = await register(world)
  for (const state of ['*', 'a b+c&d=e#f', '"><script>', 'ü€😀', '%2e%2e', '{"a":[1]}']) {
    const end = await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce(), { state })))
    t.ok(end.url.href.startsWith(redirectUri), state)
    t.equal(end.url.searchParams.get('state'), state)
  }
})

t.test('T3: a client that is deactivated while the person signs in gets no code', async t => {
  const watch = watchStorage()
  const provider = scriptedProvider()
  const world = await startWorld(t, { providers: [provider], storage: watch.storage })
  const client = await register(world)
  const identify = provider.identify
  provider.identify = async response => {
    await world.app.mcpOAuth.clients.setActive(client.client_id, false)
    return await identify(response)
  }
  const end = await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce())))
  t.equal(end.status, 400)
  t.match(end.body, /does not know the application/)
  t.notOk(watch.calls.includes('createGrant'))
})

t.test('a token is remembered in one spelling of its header, and good in the others', async t => {
  const watch = watchStorage()
  const world = await startWorld(t, { providers: [scriptedProvider()], storage: watch.storage, revalidateAfter: 3600 })
  const { tokens } = await connect(world)
  const asked = async (authorization: string): Promise<number> => {
    const before = watch.calls.filter(name => name === 'findToken').length
    t.equal((await world.app.inject({ method: 'POST', url: '/mcp', headers: { authorization } })).statusCode, 200)
    return watch.calls.filter(name => name === 'findToken').length - before
  }
  t.equal(await asked(`Bearer ${tokens.access_token}`), 1)
  t.equal(await asked(`Bearer ${tokens.access_token}`), 0)
  t.equal(await asked(`Bearer   ${tokens.access_token}`), 1)
  t.equal(await asked(`Bearer   ${tokens.access_token}`), 1, 'another spelling takes no place')
})
