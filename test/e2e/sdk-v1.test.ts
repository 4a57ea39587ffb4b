import type { OAuthDiscoveryState } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import t from 'tap'
import { approve, OAuthSession } from '../fixtures/mcp-client.ts'
import { removeUser, revokeAccessTokens, startMcpWorld, textOf } from '../fixtures/mcp-server.ts'

t.test('@modelcontextprotocol/sdk 1.x at an issuer on localhost: from the first 401 to a tool call, a refresh, and the end', async t => {
  const world = await startMcpWorld(t, { host: 'localhost' })
  const session = new OAuthSession<OAuthClientInformationMixed, OAuthTokens, OAuthDiscoveryState>()

  async function connect (): Promise<Client> {
    const client = new Client({ name: 'test', version: '1' })
    t.teardown(async () => { await client.close() })
    await client.connect(new StreamableHTTPClientTransport(new URL(world.mcpUrl), { authProvider: session }))
    return client
  }

  await t.rejects(connect(), { message: 'Unauthorized' }, 'no token, no connection')
  t.match(session.registered, { redirect_uris: [session.redirectUrl], issuer: world.issuer }, 'it has registered')
  const [asked] = session.opened
  t.equal(asked?.searchParams.get('resource'), world.mcpUrl)

  const { url: answer } = await approve(world, asked)
  t.equal(answer.searchParams.get('state'), session.states[0])
  t.equal(answer.searchParams.get('iss'), world.issuer)
  await new StreamableHTTPClientTransport(new URL(world.mcpUrl), { authProvider: session }).finishAuth(answer.searchParams.get('code') ?? '')

  const client = await connect()
  t.equal(textOf(await client.callTool({ name: 'whoami' })), 'you@example.com')

  const first = session.current
  await revokeAccessTokens(world)
  t.equal(textOf(await client.callTool({ name: 'whoami' })), 'you@example.com', 'a dead access token is renewed without a word to the user')
  t.not(session.current?.access_token, first?.access_token)
  t.not(session.current?.refresh_token, first?.refresh_token)
  t.equal(session.opened.length, 1, 'no browser was opened for it')

  await removeUser(world)
  await t.rejects(client.callTool({ name: 'whoami' }), { message: 'Unauthorized' }, 'whoever is off the whitelist is out')
  t.equal(session.current, undefined, 'the client has thrown the tokens away')
  const refused = await approve(world, session.opened[1])
  t.equal(refused.status, 403)
  t.match(refused.body, 'you@example.com')
})
