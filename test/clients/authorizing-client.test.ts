import t from 'tap'
import type { Test } from 'tap'
import { authorizingClient, type AuthorizingClient } from '../../lib/clients/authorizing-client.ts'
import { pinnedAt } from '../../lib/clients/pinned-documents.ts'
import { serverBehind } from '../../lib/server.ts'
import { connectToInternet, documentRedirectUri, json, startDocumentHost, status } from '../fixtures/document-host.ts'
import { dataUri, image, png } from '../fixtures/images.ts'
import { captureLog } from '../fixtures/log.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

const now = new Date('2026-11-01T12:00:00Z')
const logoUri = 'https://client.example/logo.png'
const stranger = '198.51.100.1'
const noLogo = 'the logo of a client can not be shown'
const shown = dataUri(png)

async function startServer (t: Test) {
  const log = captureLog('info')
  const host = await startDocumentHost(t)
  host.document = { ...host.document, logo_uri: logoUri }
  const served = { logo: image(png) }
  host.answer = (request, response) => (request.url?.startsWith('/logo.png') === true ? served.logo : json(host.document))?.(request, response)
  const { world } = await startPlayedWorld(t, { fastify: { logger: log.logger } })
  const server = serverBehind(world.app.mcpOAuth)
  if (server === undefined) throw new Error('this is no server of ours')
  return { host, served, server, world, log }
}

/** Asks until there is a logo, or why there is none: a page goes without after half a second. */
async function untilLogo ({ server, host, log }: Awaited<ReturnType<typeof startServer>>): Promise<AuthorizingClient> {
  for (let turn = 0; turn < 20; turn++) {
    const client = await authorizingClient(server, host.clientId, stranger, now)
    if (client.logo !== undefined || log.of(noLogo).length > 0) return client
  }
  throw new Error('there is neither a logo nor a reason')
}

t.test('who asks a person for access has the logo of its metadata document', async t => {
  const site = await startServer(t)
  const { host, world } = site
  connectToInternet(world.app, host.internet)
  t.match(await untilLogo(site), { name: 'Described client', logo: shown })
  t.same(host.requests.map(({ url }) => url), ['/oauth/client.json', '/logo.png'])
})

t.test('and goes without where there is none: the request goes on', async t => {
  const site = await startServer(t)
  const { host, world, served, server, log } = site
  connectToInternet(world.app, host.internet)
  served.logo = status(404)
  t.strictSame((await untilLogo(site)).logo, undefined)
  t.match(log.of(noLogo), [{ err: { message: `${logoUri} answered 404` } }])
  for (const uri of ['https://other.example/logo.png', undefined]) {
    host.document = { ...host.document, logo_uri: uri }
    connectToInternet(world.app, host.internet)
    t.match(await authorizingClient(server, host.clientId, stranger, now), { name: 'Described client', logo: undefined })
  }
  t.same(host.names.asked.filter(name => name !== host.host), [])
})

t.test('a client that only registered has none, whatever it says', async t => {
  const { host, world, server } = await startServer(t)
  connectToInternet(world.app, host.internet)
  const { client_id: id } = await (await fetch(`${world.issuer}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Registered', redirect_uris: [documentRedirectUri], client_uri: 'https://client.example/', logo_uri: logoUri, token_endpoint_auth_method: 'none' })
  })).json() as { client_id: string }
  t.match(await authorizingClient(server, id, stranger, now), { name: 'Registered', logo: undefined })
  await world.storage.createClient({
    id: host.clientId, secretHash: null, name: 'By hand', redirectUris: [documentRedirectUri], grantTypes: ['authorization_code'], tokenEndpointAuthMethod: 'none', clientUri: null, logoUri, documentFetchedAt: null, createdAt: now, active: true
  })
  t.match(await authorizingClient(server, host.clientId, stranger, now), { name: 'By hand', logo: undefined })
  t.same(host.names.asked, [])
})

t.test('a client that somebody uses has its logo, however many strangers its host has', async t => {
  const { host, world, server, log } = await startServer(t)
  connectToInternet(world.app, host.internet)
  const clientUrl = new URL(host.clientId)
  for (let turn = 0; turn < 11; turn++) await server.logos.get(clientUrl, `${logoUri}?${turn}`, stranger, now)
  t.match(log.of(noLogo), [{ err: { message: /too often/ } }])
  await server.storage.saveClientDocument(host.clientId, { clientName: 'Of before', redirectUris: [documentRedirectUri], grantTypes: ['authorization_code'], clientUri: null, logoUri: null, fetchedAt: 0 }, now)
  let logo: string | undefined
  for (let turn = 0; turn < 20 && logo === undefined; turn++) ({ logo } = await authorizingClient(server, host.clientId, stranger, now))
  t.equal(logo, shown)
})

t.test('REG-06: where a well-known host refuses us, the later one counts of its shipped copy and what it said itself', async t => {
  const { host, world, server } = await startServer(t)
  connectToInternet(world.app, host.internet)
  const clientId = 'https://claude.ai/oauth/claude-code-client-metadata'
  const said = { clientName: 'What it said', redirectUris: ['http://127.0.0.1/said'], grantTypes: ['authorization_code'], clientUri: null, logoUri: null }
  const found = async () => {
    const { name, redirectUris, failure } = await authorizingClient(server, clientId, stranger, now)
    return { name, redirectUris, isTemporary: failure?.isTemporary }
  }
  const copy = { name: 'Claude Code', redirectUris: ['http://localhost/callback', 'http://127.0.0.1/callback'], isTemporary: true }
  t.strictSame(await found(), copy, 'nobody has used it here')
  await server.storage.saveClientDocument(clientId, { ...said, fetchedAt: pinnedAt - 1 }, now)
  t.strictSame(await found(), copy, 'what it said before')
  await server.storage.saveClientDocument(clientId, { ...said, fetchedAt: pinnedAt + 1 }, now)
  t.strictSame(await found(), { name: said.clientName, redirectUris: said.redirectUris, isTemporary: true }, 'what it said since')
})

t.test('outside of tests the log knows why, too', async t => {
  const { server, log } = await startServer(t)
  const address = new URL('https://127.0.0.1/c')
  t.equal(await server.logos.get(address, 'https://127.0.0.1/logo.png', undefined, now), undefined)
  t.match(log.of('the logo of a client can not be shown'), [{ level: 30, err: { type: 'ClientDocumentError', message: '127.0.0.1 is no host name' } }])
})
