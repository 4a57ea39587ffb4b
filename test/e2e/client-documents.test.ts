import type { OAuthDiscoveryState } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import {
  Client as ClientV2, StreamableHTTPClientTransport as TransportV2, type OAuthDiscoveryState as DiscoveryV2, type StoredOAuthClientInformation, type StoredOAuthTokens
} from '@modelcontextprotocol/client'
import t from 'tap'
import type { Test } from 'tap'
import { connectToInternet, startDocumentHost, status } from '../fixtures/document-host.ts'
import { redirectUri } from '../fixtures/flow.ts'
import { approve, OAuthSession } from '../fixtures/mcp-client.ts'
import { revokeAccessTokens, startMcpWorld, textOf } from '../fixtures/mcp-server.ts'

t.setTimeout(120_000)

/** A client whose document is published, as one that registers is not. */
class DescribedSession<Information, Tokens, Discovery> extends OAuthSession<Information, Tokens, Discovery> {
  readonly clientMetadataUrl: string

  constructor (clientMetadataUrl: string) {
    super()
    this.clientMetadataUrl = clientMetadataUrl
  }
}

async function start (t: Test) {
  const host = await startDocumentHost(t)
  host.document = { ...host.document, redirect_uris: [redirectUri] }
  const world = await startMcpWorld(t)
  connectToInternet(world.app, host.internet)
  return { world, host, run: world.database.run }
}

t.test('REG-01: @modelcontextprotocol/sdk 1.x does not register where its document is accepted', async t => {
  const { world, host, run } = await start(t)
  const session = new DescribedSession<OAuthClientInformationMixed, OAuthTokens, OAuthDiscoveryState>(host.clientId)
  const connect = async () => {
    const client = new ClientV1({ name: 'test', version: '1' })
    t.teardown(async () => { await client.close() })
    await client.connect(new TransportV1(new URL(world.mcpUrl), { authProvider: session }))
    return client
  }
  await t.rejects(connect(), { message: 'Unauthorized' })
  t.equal(session.opened[0]?.searchParams.get('client_id'), host.clientId)
  const { url } = await approve(world, session.opened[0])
  await new TransportV1(new URL(world.mcpUrl), { authProvider: session }).finishAuth(url.searchParams.get('code') ?? '')
  host.answer = status(404)
  const client = await connect()
  t.equal(textOf(await client.callTool({ name: 'whoami' })), 'you@example.com')
  await revokeAccessTokens(world)
  t.equal(textOf(await client.callTool({ name: 'whoami' })), 'you@example.com', 'and is renewed without its document')
  t.equal(host.requests.length, 1)
  t.match(await run('SELECT client_id, client_secret, client_name, redirect_uris, token_endpoint_auth_method, active FROM oauth_clients'), [{
    client_id: host.clientId, client_secret: null, client_name: 'Described client', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none', active: true
  }])
})

t.test('REG-01: @modelcontextprotocol/client 2.x does not register where its document is accepted', async t => {
  const { world, host, run } = await start(t)
  const session = new DescribedSession<StoredOAuthClientInformation, StoredOAuthTokens, DiscoveryV2>(host.clientId)
  const connect = async () => {
    const client = new ClientV2({ name: 'test', version: '1' })
    t.teardown(async () => { await client.close() })
    await client.connect(new TransportV2(new URL(world.mcpUrl), { authProvider: session }))
    return client
  }
  await t.rejects(connect())
  t.equal(session.opened[0]?.searchParams.get('client_id'), host.clientId)
  const { url } = await approve(world, session.opened[0])
  await new TransportV2(new URL(world.mcpUrl), { authProvider: session }).finishAuth(url.searchParams)
  const client = await connect()
  t.equal(textOf(await client.callTool({ name: 'whoami' })), 'you@example.com')
  t.same(await run('SELECT client_id FROM oauth_clients'), [{ client_id: host.clientId }])
})
