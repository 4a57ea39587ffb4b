import t from 'tap'
import { callMcp, connect } from '../fixtures/flow.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { startWorld } from '../fixtures/world.ts'

async function documentAt (url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, { redirect: 'manual' })
  if (response.status !== 200 || response.headers.get('content-type') !== 'application/json; charset=utf-8') throw new Error(`${response.status} at ${url}`)
  return await response.json() as Record<string, unknown>
}

t.test('AS-02, AS-04, AS-05, AS-08, RS-01: the documents name what works, and fit each other', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()] })
  const server = await documentAt(`${world.issuer}/.well-known/oauth-authorization-server`)
  t.match(server, {
    issuer: world.issuer,
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    response_modes_supported: ['query'],
    scopes_supported: ['openid', 'email', 'profile', 'offline_access'],
    authorization_response_iss_parameter_supported: true
  })
  for (const [name, value] of Object.entries(server).filter(([name]) => name.endsWith('_endpoint'))) {
    const method = name === 'authorization_endpoint' ? 'GET' : 'POST'
    const expected = name === 'userinfo_endpoint' ? 401 : 400
    t.equal((await fetch(String(value), { method })).status, expected, `${name} is there`)
  }
  const openid = await documentAt(`${world.issuer}/.well-known/openid-configuration`)
  t.match(openid, { ...server, id_token_signing_alg_values_supported: ['RS256'] })
  t.match(await documentAt(String(openid['jwks_uri'])), { keys: [{ alg: 'RS256', use: 'sig' }] })
  const root = await documentAt(`${world.origin}/.well-known/oauth-protected-resource`)
  t.match(root, { resource: world.mcpUrl, authorization_servers: [world.issuer], bearer_methods_supported: ['header'] })
  t.notOk(JSON.stringify(root).includes('offline_access'))
  t.same(await documentAt(`${world.origin}/.well-known/oauth-protected-resource/mcp`), root)
  t.match((await callMcp(world)).headers.get('www-authenticate'), `resource_metadata="${world.origin}/.well-known/oauth-protected-resource/mcp"`)
})

t.test('AS-03: an issuer with a path has its document where RFC 8414 §3.1 puts it, and its endpoints below', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()], path: '/t', basePath: '/auth' })
  const server = await documentAt(`${world.origin}/.well-known/oauth-authorization-server/t`)
  t.match(server, { issuer: `${world.origin}/t`, token_endpoint: `${world.origin}/t/auth/token`, authorization_endpoint: `${world.origin}/t/auth/authorize` })
  t.same(await documentAt(`${world.origin}/.well-known/oauth-authorization-server`), server)
  for (const path of ['/.well-known/openid-configuration/t', '/t/.well-known/openid-configuration', '/.well-known/openid-configuration']) {
    t.match(await documentAt(world.origin + path), { ...server, subject_types_supported: ['public'] }, path)
  }
  t.equal((await fetch(`${world.origin}/oauth/token`, { method: 'POST' })).status, 404)
})

t.test('AS-03: the whole way leads through with such an issuer', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()], path: '/t' })
  const { tokens } = await connect(world)
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
})
