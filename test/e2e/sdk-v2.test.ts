import {
  Client, StreamableHTTPClientTransport, UnauthorizedError,
  type OAuthDiscoveryState, type StoredOAuthClientInformation, type StoredOAuthTokens, type VersionNegotiationMode
} from '@modelcontextprotocol/client'
import t from 'tap'
import { approve, OAuthSession } from '../fixtures/mcp-client.ts'
import { removeUser, revokeAccessTokens, startMcpWorld, textOf } from '../fixtures/mcp-server.ts'

interface Era { version: string, mode: VersionNegotiationMode, path: string }

const eras: Era[] = [
  { version: '2025-11-25', mode: 'legacy', path: '' },
  { version: '2026-07-28', mode: { pin: '2026-07-28' }, path: '/t' }
]

for (const { version, mode, path } of eras) {
  t.test(`@modelcontextprotocol/client 2.x, protocol ${version}, issuer path '${path}': from the first 401 to a tool call, a refresh, and the end`, async t => {
    const world = await startMcpWorld(t, { path })
    const session = new OAuthSession<StoredOAuthClientInformation, StoredOAuthTokens, OAuthDiscoveryState>()

    async function connect (): Promise<Client> {
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
      t.teardown(async () => { await client.close() })
      await client.connect(new StreamableHTTPClientTransport(new URL(world.mcpUrl), { authProvider: session }))
      return client
    }

    t.ok(UnauthorizedError.isInstance(await connect().catch((error: unknown) => error)), 'no token, no connection')
    t.match(session.registered, { redirect_uris: [session.redirectUrl], issuer: world.issuer }, 'it has registered')
    const [asked] = session.opened
    t.equal(asked?.searchParams.get('resource'), world.mcpUrl)
    t.match(asked?.searchParams.get('scope'), /\boffline_access\b/, 'what the metadata lists beyond the challenge')

    const { url: answer } = await approve(world, asked)
    t.equal(answer.searchParams.get('state'), session.states[0])
    // The client checks `iss` against the issuer that it discovered.
    await new StreamableHTTPClientTransport(new URL(world.mcpUrl), { authProvider: session }).finishAuth(answer.searchParams)

    const client = await connect()
    t.equal(client.getNegotiatedProtocolVersion(), version)
    t.equal(textOf(await client.callTool({ name: 'whoami' })), 'you@example.com')

    const first = session.current
    await revokeAccessTokens(world)
    t.equal(textOf(await client.callTool({ name: 'whoami' })), 'you@example.com', 'a dead access token is renewed without a word to the user')
    t.not(session.current?.access_token, first?.access_token)
    t.not(session.current?.refresh_token, first?.refresh_token)
    t.equal(session.opened.length, 1, 'no browser was opened for it')

    await removeUser(world)
    const refusal: unknown = await client.callTool({ name: 'whoami' }).catch((error: unknown) => error)
    t.ok(UnauthorizedError.isInstance(refusal), 'whoever is off the whitelist is out')
    t.equal(session.current, undefined, 'the client has thrown the tokens away')
    const refused = await approve(world, session.opened[1])
    t.equal(refused.status, 403)
    t.match(refused.body, 'you@example.com')
  })
}
