import t from 'tap'
import { accessChecks } from '../../../lib/cli/doctor/access.ts'
import { examine } from '../../../lib/cli/doctor/examine.ts'
import { findFront, findResource, findSite, serverChecks } from '../../../lib/cli/doctor/server.ts'
import { createCertificate } from '../../fixtures/certificate.ts'
import { freePort } from '../../fixtures/free-port.js'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { leadTo, startTamperingProxy, type Passing, type TamperingProxy } from '../../fixtures/tampering-proxy.ts'
import { startWorld, type World, type WorldOptions } from '../../fixtures/world.ts'

t.setTimeout(180_000)

interface Asked { server?: string | undefined, resource?: string, origin?: string }

async function look (OAUTH_SERVER_URL: string | undefined, { server, resource: url, origin }: Asked = {}) {
  const front = findFront(findSite({ OAUTH_SERVER_URL }, server))
  const resource = findResource(front, url)
  const findings = await examine([[...serverChecks(front, resource), ...accessChecks(front, resource, origin)]])
  return Object.fromEntries(findings.map(({ check, ...verdict }) => [check, verdict]))
}

/** A server, and a proxy in front of it. */
async function open (t: Parameters<typeof startWorld>[0], options: WorldOptions = {}): Promise<{ world: World, proxy: TamperingProxy, ask (given?: Asked): ReturnType<typeof look> }> {
  const world = await startWorld(t, { providers: [scriptedProvider()], ...options })
  const proxy = await startTamperingProxy(t, world.origin)
  return { world, proxy, ask: async given => await look(world.issuer, { server: proxy.origin, ...given }) }
}

const notOk = (found: Awaited<ReturnType<typeof look>>) => Object.entries(found).filter(([, { status }]) => status !== 'ok').map(([check]) => check)

/** Of one path only. */
const at = (path: string, change: (answer: Passing) => Partial<Passing>): TamperingProxy['after'] => (answer, request) => String(request.url).split('?')[0] === path ? change(answer) : answer
const without = (answer: Passing, ...names: string[]) => ({ headers: Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !names.includes(name))) })
const edited = (changes: object) => (answer: Passing) => answer.body === '' ? {} : ({ body: JSON.stringify({ ...JSON.parse(answer.body), ...changes }) })
const html = (status: number) => () => ({ status, headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Not here</title>' })

const metadata = '/.well-known/oauth-authorization-server'
const rootResource = '/.well-known/oauth-protected-resource'

const wrong: Record<string, [check: string, after: TamperingProxy['after'], says: RegExp, advice: RegExp]> = {
  'a redirect in place of the metadata': ['server', at(metadata, () => ({ status: 301, headers: { location: `https://www.example.com${metadata}?secret=1` }, body: '' })), /^the metadata answers 301, to https:\/\/www\.example\.com\/\.well-known\/oauth-authorization-server$/, /Clients do not follow/],
  'a redirect to nowhere': ['server', at(metadata, () => ({ status: 302, headers: {}, body: '' })), /answers 302, to http:\/\/127/, /Clients do not follow/],
  'a redirect to what is no address': ['server', at(metadata, () => ({ status: 302, headers: { location: 'http://[' }, body: '' })), /answers 302, to nowhere$/, /Clients do not follow/],
  'a page in place of the metadata': ['server', at(metadata, html(200)), /^the metadata answers 200 with a page of HTML, by something in front/, /with the path as it was asked for/],
  'nothing there': ['server', at(metadata, html(404)), /answers 404 with a page of HTML/, /hand on \/\.well-known\/, \/oauth\//],
  'a list in place of the metadata': ['server', at(metadata, () => ({ body: '[]' })), /^the metadata answers 200$/, /hand on/],
  'a proxy that does not reach it': ['server', at(metadata, () => ({ status: 502, body: '' })), /answers 502/, /down, or the proxy does not reach it/],
  'too many requests': ['server', at(metadata, () => ({ status: 429, body: '{}' })), /answers 429: too many requests/, /TRUST_PROXY/],
  'another issuer': ['server', at(metadata, edited({ issuer: 'https://other.example' })), /^it says that it is "https:\/\/other\.example", not http:/, /same OAUTH_SERVER_URL/],
  'a clock that is wrong': ['server-clock', at(metadata, answer => ({ headers: { ...answer.headers, date: 'Thu, 01 Jan 2026 00:00:00 GMT' } })), /^the clock of the server is \d+ seconds behind/, /NTP/],
  'endpoints elsewhere': ['metadata', at(metadata, edited({ token_endpoint: 'http://other.example/token' })), /^token_endpoint: not below http:/, /no proxy may change/],
  'no endpoints': ['metadata', at(metadata, edited({ token_endpoint: undefined, jwks_uri: undefined })), /^token_endpoint, jwks_uri: missing$/, /OAUTH_SERVER_URL/],
  'no PKCE': ['metadata', at(metadata, edited({ code_challenge_methods_supported: ['plain'] })), /^PKCE by S256 is not offered/, /OAUTH_SERVER_URL/],
  'no PKCE at all': ['metadata', at(metadata, edited({ code_challenge_methods_supported: undefined })), /^PKCE by S256 is not offered/, /OAUTH_SERVER_URL/],
  'another openid-configuration': ['metadata', at('/.well-known/openid-configuration', edited({ issuer: 'https://other.example' })), /^openid-configuration names another issuer$/, /OAUTH_SERVER_URL/],
  'no openid-configuration': ['metadata', at('/.well-known/openid-configuration', html(404)), /^openid-configuration answers 404/, /hand on/],
  'no keys': ['published-keys', at('/.well-known/jwks.json', edited({ keys: [] })), /^there are none$/, /log/],
  'keys that are no list': ['published-keys', at('/.well-known/jwks.json', edited({ keys: {} })), /^there are none$/, /log/],
  'no document of the resource': ['resource', at(rootResource, html(404)), /^the metadata of the resource answers 404/, /hand on/],
  'a document that names no resource': ['resource', at(rootResource, edited({ resource: undefined })), /^its metadata names no resource$/, /OAUTH_SERVER_URL/],
  'a document of another resource': ['resource', at(`${rootResource}/mcp`, edited({ resource: 'https://other.example/mcp' })), /is of "https:\/\/other\.example\/mcp"$/, /its option resource/],
  'another authorization server': ['resource', at(`${rootResource}/mcp`, edited({ authorization_servers: ['https://other.example'] })), /sends people to another authorization server/, /OAUTH_SERVER_URL/],
  'an open door': ['challenge', at('/mcp', () => ({ status: 200, headers: {}, body: '{}' })), /answers 200 without a token: it is open to all$/, /Name the route under protect/],
  'no such route': ['challenge', at('/mcp', html(404)), /\/mcp answers 404/, /hand on/],
  'a challenge that does not come through': ['challenge', at('/mcp', answer => without(answer, 'www-authenticate')), /^401 without WWW-Authenticate/, /no proxy and no hook/],
  'the challenge of somebody else': ['challenge', at('/mcp', answer => ({ headers: { ...answer.headers, 'www-authenticate': 'Basic realm="nginx"' } })), /^401, but WWW-Authenticate lacks resource_metadata="http/, /no proxy and no hook/],
  'two CORS headers': ['cors-endpoints', at('/oauth/token', answer => ({ headers: { ...answer.headers, 'access-control-allow-origin': ['*', 'http://localhost:6274'] } })), /can not call the endpoints: the preflight does not allow it$/, /One side alone has to speak/],
  'preflights that are redirected': ['cors-endpoints', (answer, { method, url }) => method === 'OPTIONS' && url === '/oauth/token' ? { status: 301 } : answer, /the preflight answers 301$/, /One side/],
  'preflights that allow too little': ['cors', (answer, { method }) => method === 'OPTIONS' ? { headers: { ...answer.headers, 'access-control-allow-headers': 'Authorization, Content-Type' } } : answer, /the preflight does not allow the header mcp-protocol-version$/, /One side/],
  'preflights that allow no headers': ['cors', (answer, { method }) => method === 'OPTIONS' ? without(answer, 'access-control-allow-headers') : answer, /the preflight does not allow the header authorization$/, /One side/],
  'CORS on preflights only': ['cors', (answer, { method }) => method === 'POST' ? without(answer, 'access-control-allow-origin') : answer, /the answer does not allow it$/, /One side/],
  'no authorization endpoint': ['authorization-endpoint', at('/oauth/authorize', html(404)), /\/oauth\/authorize answers 404/, /hand on/],
  'a token endpoint that takes no POST': ['token-endpoint', (answer, { method, url }) => method === 'POST' && url === '/oauth/token' ? html(405)() : answer, /\/oauth\/token answers 405 with a page of HTML/, /hand on/],
  'registrations that are limited': ['registration-endpoint', at('/oauth/register', () => ({ status: 429, body: '{"error":"x"}' })), /answers 429/, /TRUST_PROXY/],
  'registrations that are taken': ['registration-endpoint', (answer, { method, url }) => method === 'POST' && url === '/oauth/register' ? { status: 201, body: '{}' } : answer, /answers 201/, /hand on/]
}

t.test('doctor: what a proxy does to the server is noticed, each with what to do', async t => {
  const { proxy, ask } = await open(t)
  t.strictSame(notOk(await ask()), [])
  for (const [what, [check, after, says, advice]] of Object.entries(wrong)) {
    proxy.after = after
    const { [check]: verdict } = await ask()
    const status = check.startsWith('cors') ? 'warning' : 'problem'
    t.match(verdict, { status, message: says, advice }, what)
  }
})

t.test('doctor: what a proxy does to requests is noticed', async t => {
  const { proxy, ask } = await open(t)
  proxy.before = ({ authorization: _authorization, ...headers }) => headers
  t.match((await ask())['authorization-header'], { status: 'problem', message: 'the Authorization header does not arrive', advice: /proxy_set_header Authorization/ })
  proxy.before = (headers, { url }) => /access_token=/.test(String(url)) ? { ...headers, authorization: 'Bearer what-is-no-token' } : headers
  t.match((await ask())['token-in-query'], { status: 'problem', message: 'a token in the URL is taken for one', advice: /take that out/ })
  proxy.before = ({ origin: _origin, ...headers }) => headers
  t.match((await ask())['cors-hidden'], { status: 'warning', message: /gets 401$/, advice: /hand on the Origin/ })
  proxy.before = headers => headers
  proxy.after = at('/mcp', html(503))
  t.match(await ask(), { 'authorization-header': { status: 'problem', message: /answers 503/ } })
})

t.test('doctor: metadata without an endpoint leaves that unasked; closed registration is as good as open', async t => {
  const { proxy, ask } = await open(t)
  proxy.after = at(metadata, edited({ token_endpoint: undefined }))
  t.match((await ask())['token-endpoint'], { status: 'skipped', message: 'the metadata does not name it' })
  const closed = await open(t, { registration: 'closed' })
  t.match((await closed.ask())['registration-endpoint'], { status: 'ok', message: 'it is closed' })
  const kept = await open(t, { registration: { mode: 'token', initialAccessToken: '7f3c9a51e2d84b06a1c5f0e9b8d7a643' } })
  t.match((await kept.ask())['registration-endpoint'], { status: 'ok' })
})

t.test('doctor: which pages may call is yours to say', async t => {
  const { ask } = await open(t, { cors: { origins: ['https://app.example.com'] } })
  t.match(await ask(), { cors: { status: 'warning', message: /^pages of http:\/\/localhost:6274 can not call /, advice: /--origin\.$/ }, 'cors-endpoints': { status: 'warning' } })
  t.match(await ask({ origin: 'https://app.example.com' }), { cors: { status: 'ok' }, 'cors-endpoints': { status: 'ok' }, 'cors-hidden': { status: 'ok' } })
  t.match(await ask({ origin: 'https://other.example' }), { cors: { status: 'problem' }, 'cors-endpoints': { status: 'problem' } })
  const all = await open(t, { cors: { origins: '*' } })
  t.match(await all.ask(), { cors: { status: 'ok' }, 'cors-hidden': { status: 'warning' } })
})

t.test('doctor: a route that nobody protects is noticed', async t => {
  const { world, ask } = await open(t, { after: app => { app.post('/mcp', async () => 'mine').post('/open', async () => 'all of it') } })
  t.match((await ask({ resource: `${world.origin}/open` })), { resource: { status: 'problem', message: /answers 404/ }, challenge: { status: 'problem', message: /open to all$/ } })
})

t.test('doctor: without OAUTH_SERVER_URL, --server is the public URL', async t => {
  const { world } = await open(t)
  t.strictSame(notOk(await look(undefined, { server: world.origin })), [])
  t.strictSame(notOk(await look(world.issuer)), [])
})

t.test('doctor: a server that does not answer is one problem, and the rest is skipped', async t => {
  for (const url of ['http://127.0.0.1:1', 'http://api.example.com']) {
    const { server, ...others } = await look(url)
    t.match(server, url.endsWith(':1') ? { status: 'problem', message: /ECONNREFUSED/ } : { status: 'skipped', message: 'there is no usable OAUTH_SERVER_URL' })
    t.strictSame(new Set(Object.values(others).map(({ status }) => status)), new Set(['skipped']))
  }
})

t.test('doctor: a certificate that clients do not trust is a problem, and so is http where https is said to be', async t => {
  const { origin } = await startWorld(t, { providers: [scriptedProvider()], host: 'localhost', fastify: { https: createCertificate() } })
  t.match((await look(origin))['server'], { status: 'problem', message: /failed: DEPTH_ZERO_SELF_SIGNED_CERT$/, advice: /^Give it a certificate of a public authority/ })
  const http = await startWorld(t, { providers: [scriptedProvider()], host: 'localhost' })
  t.match((await look(http.origin.replace('http:', 'https:')))['server'], { status: 'problem', message: /failed: (?:ERR_SSL|EPROTO)/, advice: /^Give it a certificate/ })
})

t.test('doctor: by plain http, an https server only leads to https', async t => {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  await startWorld(t, { providers: [scriptedProvider()], publicOrigin: 'https://api.example.com', port })
  const http = await startTamperingProxy(t, origin)
  leadTo(t, { 'https://api.example.com': origin, 'http://api.example.com': http.origin, 'https://api.example.com:8443': origin })
  const plain = async () => (await look('https://api.example.com'))['plain-http']
  t.match(await plain(), { status: 'ok', message: 'nothing is served by http' }, 'Fastify has nothing at /')
  http.after = () => ({ status: 200, body: 'hello' })
  t.match(await plain(), { status: 'warning', message: 'http://api.example.com answers 200 instead of leading to https', advice: /redirect http to https/ })
  http.after = () => ({ status: 308, headers: { location: 'https://api.example.com/' } })
  t.match(await plain(), { status: 'ok', message: 'http leads to https' })
  t.match((await look('https://api.example.com:8443'))['plain-http'], { status: 'skipped' })
  leadTo(t, { 'https://api.example.com': origin })
  t.match(await plain(), { status: 'skipped', message: 'nothing answers by http' })
})
