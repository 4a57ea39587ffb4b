import t from 'tap'
import type { McpOAuthOptions } from '../../lib/index.ts'
import { resolveOptions } from '../../lib/resolve-options.ts'
import { issuer, pluginOptions, resource } from '../fixtures/guarded-app.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { secret } from '../fixtures/world.ts'

t.test('what is resolved is frozen, and nothing that is done to the given options later changes it', async t => {
  const given = {
    secret: [secret],
    providers: [scriptedProvider()],
    protect: [{ url: '/mcp' }],
    scopes: { notes: 'Read your notes' },
    firstAdmin: { email: 'you@example.com' },
    allowedRedirectUris: ['app:/cb'],
    defaultRedirectUris: ['https://client.example/cb']
  }
  const resolved = resolveOptions(pluginOptions(given))
  const before = structuredClone({ ...resolved, providers: [...resolved.providers.keys()], storage: undefined })
  given.secret.push('other')
  given.providers.pop()
  Object.assign(given.protect[0] ?? {}, { url: '/open' })
  given.protect.pop()
  Object.assign(given.scopes, { admin: 'Everything' })
  given.firstAdmin.email = 'evil@example.com'
  given.allowedRedirectUris.push('evil:/cb')
  given.defaultRedirectUris.pop()
  t.strictSame({ ...resolved, providers: [...resolved.providers.keys()], storage: undefined }, before)
  t.throws(() => Object.assign(resolved, { issuer: 'https://evil.example' }), TypeError)
  t.throws(() => Object.assign(resolved.protect[0] ?? {}, { url: '/open' }), TypeError)
})

t.test('the defaults are those of the documentation', async t => {
  const options = pluginOptions()
  const { protect, resource: _, ...least } = options
  t.strictSame(resolveOptions({ ...least, resource }), {
    issuer,
    issuerPath: '',
    routePath: '/oauth',
    endpoints: `${issuer}/oauth`,
    secrets: [secret],
    providers: new Map(options.providers.map(provider => [provider.id, provider])),
    storage: options.storage,
    protect: [],
    resource,
    resources: new Map([[resource, { scopes: ['openid', 'email', 'profile', 'offline_access'] }]]),
    scopes: new Map(['openid', 'email', 'profile', 'offline_access'].map(scope => [scope, undefined])),
    firstAdmin: undefined,
    accessTokenLifetime: 604_800,
    refreshTokenLifetime: 2_592_000,
    grantLifetime: 7_776_000,
    authorizationCodeLifetime: 60,
    signingAlgorithm: 'HS256',
    signingKeyLifetime: 7_776_000,
    metrics: undefined,
    clientMetadataDocuments: { allowedHosts: undefined },
    allowedRedirectUris: ['cursor://anysphere.cursor-mcp/oauth/callback'],
    defaultRedirectUris: ['https://chatgpt.com/connector_platform_oauth_redirect', 'https://chatgpt.com/aip/c/o/redirect', 'http://localhost:3000/callback'],
    cors: { origins: 'trustworthy' },
    rateLimit: { max: 1000, maxFailures: 20, redis: undefined },
    registration: { mode: 'open', initialAccessTokens: [], allowedRedirectHosts: undefined },
    revalidateAfter: 5,
    pages: { name: 'api.example.com', logo: undefined, accentColor: '#1d4ed8', supportUrl: undefined, css: '', render: undefined, account: false, admin: false },
    audit: { sink: undefined, access: true, retention: 7_776_000 },
    onRefused: undefined
  })
})

t.test('AS-03: endpoints are below the issuer\'s path', async t => {
  t.match(resolveOptions(pluginOptions({ issuer: 'https://api.example.com/t/v1.0', basePath: '/a/b_c~d-e' })), {
    issuer: 'https://api.example.com/t/v1.0', issuerPath: '/t/v1.0', routePath: '/t/v1.0/a/b_c~d-e', endpoints: 'https://api.example.com/t/v1.0/a/b_c~d-e'
  })
})

t.test('AS-09: the issuer may be http on a loopback name', async t => {
  for (const loopback of ['http://localhost:8080', 'http://127.0.0.1:8080', 'http://[::1]:8080', 'http://localhost']) t.equal(resolveOptions(pluginOptions({ issuer: loopback })).issuer, loopback)
})

t.test('the resource is the issuer\'s origin and the only pattern, or what is given', async t => {
  const resources: Array<[given: Parameters<typeof pluginOptions>[0], expected: string]> = [
    [{ protect: ['/mcp'], resource: undefined }, 'https://api.example.com/mcp'],
    [{ protect: [{ url: '/v1/mcp', exact: true }], resource: undefined }, 'https://api.example.com/v1/mcp'],
    [{ protect: ['/'], resource: undefined }, 'https://api.example.com'],
    [{ protect: ['/mcp'], resource: undefined, issuer: 'https://api.example.com/t' }, 'https://api.example.com/mcp'],
    [{ protect: ['/:tenant/mcp'], resource: 'https://mcp.example.com/mcp' }, 'https://mcp.example.com/mcp'],
    [{ resource: 'https://mcp.example.com' }, 'https://mcp.example.com'],
    [{ resource: 'https://mcp.example.com/' }, 'https://mcp.example.com'],
    [{ resource: 'http://localhost:8080/mcp/' }, 'http://localhost:8080/mcp/']
  ]
  for (const [given, expected] of resources) t.equal(resolveOptions(pluginOptions(given)).resource, expected)
})

t.test('everything that is given has its place', async t => {
  const onRefused = () => {}
  const other = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
  t.match(resolveOptions(pluginOptions({
    secret: [other, secret],
    protect: ['/mcp', { url: '/api', exact: true, constraints: { host: 'api.example.com' } }],
    scopes: { 'notes:read': 'Read your notes', email: 'Your address' },
    firstAdmin: { email: ' You@Example.com ', name: 'You' },
    allowedRedirectUris: ['app:/cb', 'https://ok.example/cb'],
    defaultRedirectUris: ['app:/cb'],
    onRefused
  })), {
    secrets: [other, secret],
    protect: [{ url: '/mcp' }, { url: '/api', exact: true, constraints: { host: 'api.example.com' } }],
    scopes: new Map([['email', 'Your address'], ['notes:read', 'Read your notes']]),
    firstAdmin: { email: 'you@example.com', name: 'You' },
    allowedRedirectUris: ['app:/cb', 'https://ok.example/cb'],
    defaultRedirectUris: ['app:/cb'],
    onRefused
  })
  t.strictSame(resolveOptions(pluginOptions({ firstAdmin: { email: 'You@example.com' } })).firstAdmin, { email: 'you@example.com', name: 'you@example.com' })
})

t.test('clientMetadataDocuments: all, none, or those of some hosts', async t => {
  const resolved = (clientMetadataDocuments: McpOAuthOptions['clientMetadataDocuments']) => resolveOptions(pluginOptions({ clientMetadataDocuments })).clientMetadataDocuments
  for (const all of [true, {}, { allowedHosts: undefined }]) t.strictSame(resolved(all), { allowedHosts: undefined })
  t.equal(resolved(false), undefined)
  for (const registration of ['closed', { mode: 'token', initialAccessToken: secret }] as const) {
    t.equal(resolveOptions(pluginOptions({ registration })).clientMetadataDocuments, undefined, 'where not everybody may register')
    t.strictSame(resolveOptions(pluginOptions({ registration, clientMetadataDocuments: true })).clientMetadataDocuments, { allowedHosts: undefined }, 'unless it is said')
  }
  const hosts = ['claude.ai', 'client.example']
  const some = resolved({ allowedHosts: hosts })
  hosts.pop()
  t.strictSame(some, { allowedHosts: new Set(['claude.ai', 'client.example']) })
})

t.test('AZ-14: a scope is found by its own name only', async t => {
  const { scopes } = resolveOptions(pluginOptions({ scopes: { notes: 'Read your notes' } }))
  for (const name of ['constructor', '__proto__', 'toString']) t.notOk(scopes.has(name), name)
  t.ok(scopes.has('notes'))
})

t.test('RS-07: which origins may call by default follows from where the server is', async t => {
  const originsOf = (given: object) => resolveOptions(pluginOptions(given)).cors.origins
  t.equal(originsOf({}), 'trustworthy')
  t.equal(originsOf({ cors: {} }), 'trustworthy')
  t.equal(originsOf({ issuer: 'http://localhost:8080', resource: 'http://localhost:8080/mcp' }), 'local')
  t.equal(originsOf({ resource: 'http://localhost:8080/mcp' }), 'local', 'a resource on this machine is reason enough')
  t.equal(originsOf({ cors: { origins: '*' } }), 'any')
  t.strictSame(originsOf({ cors: { origins: [] }, issuer: `${issuer}/tenant` }), new Set([issuer]), 'the server\'s own pages always may')
  t.strictSame(originsOf({ cors: { origins: ['null', 'https://app.example.com'] }, resource: 'https://tools.example.com/mcp' }), new Set([issuer, 'https://tools.example.com', 'null', 'https://app.example.com']))
})

t.test('audit: false records nothing, and what is given counts', async t => {
  t.equal(resolveOptions(pluginOptions({ audit: false })).audit, undefined)
  const sink = () => {}
  t.strictSame(resolveOptions(pluginOptions({ audit: { sink, access: 'sync', retention: 86_400 } })).audit, { sink, access: 'sync', retention: 86_400 })
})
