import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { connect, pkce, redirectUri } from '../../fixtures/flow.ts'
import { fc, holdsOnTheWire } from '../../fixtures/property.ts'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { startWorld } from '../../fixtures/world.ts'

t.setTimeout(120_000)

/** Printed with every run, so that what fails can be run again. */
const seed = 20_261_123
const runs = 1500

/** In milliseconds. */
const patience = 30_000

/** Inert where it is escaped, or not there at all. */
const canary = '<i id=canary>"\'`'

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND']
const names = [
  'response_type', 'client_id', 'client_secret', 'redirect_uri', 'code_challenge', 'code_challenge_method', 'state', 'resource', 'scope', 'nonce', 'prompt', 'max_age', 'login_hint', 'grant_type', 'code',
  'code_verifier', 'refresh_token', 'token', 'token_type_hint', 'request', 'csrf', 'decision', 'provider', 'error', 'iss', 'client_name', 'redirect_uris', 'token_endpoint_auth_method', 'grant_types', 'logo_uri',
  'client_uri', 'access_token', '__proto__', 'constructor', 'a[b]', 'a[]', ''
]
const contentTypes = [
  'application/x-www-form-urlencoded', 'application/json', 'application/x-www-form-urlencoded; charset=utf-16', 'application/json; charset=latin1', 'APPLICATION/JSON', 'text/plain', 'multipart/form-data',
  'multipart/form-data; boundary=x', 'application/json;;', ';', 'application', '*/*', 'application/xml', undefined
]

/** What a header can hold: anything but control characters. */
const headerValue = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).filter(code => code !== 0x7f).map(code => String.fromCharCode(code)), maxLength: 300 })

interface Sent {
  method: string
  path: string
  query: string
  headers: Record<string, string>
  body: Buffer
}

/** Requests for the paths that there are, half right: what is all wrong is refused at the first step. */
function requests (paths: readonly string[], known: readonly string[]): fc.Arbitrary<Sent> {
  const value = fc.oneof(fc.constantFrom(...known), fc.constant(canary), fc.string({ unit: 'binary', maxLength: 100 }), fc.constantFrom('', '\0', '\ud800', '%', '%00', '%zz', '../../..', 'a'.repeat(3000)))
  const pairs = fc.array(fc.tuple(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...names) }, fc.constant(canary)), value), { maxLength: 12 })
  // Not all strings are well formed: what a browser would never send is sent as it is.
  const encode = (text: string) => encodeURIComponent(Buffer.from(text).toString())
  const form = pairs.map(list => list.map(([name, text]) => `${encode(name)}=${encode(text)}`).join('&'))
  const json = fc.oneof(pairs.map(list => JSON.stringify(Object.fromEntries(list))), fc.json(), fc.dictionary(fc.constantFrom(...names), fc.jsonValue()).map(object => JSON.stringify(object)))
  const body = fc.oneof(
    form.map(text => Buffer.from(text)), json.map(text => Buffer.from(text)), fc.uint8Array({ maxLength: 500 }).map(bytes => Buffer.from(bytes)), fc.constantFrom(Buffer.alloc(0), Buffer.alloc(70_000, 'a=b&'), Buffer.alloc(60_000, '['))
  )
  const authorization = fc.oneof(headerValue, fc.constantFrom(...known).map(token => `Bearer ${token}`), fc.base64String().map(text => `Basic ${text}`), value.map(text => `Basic ${Buffer.from(`${text}:${text}`).toString('base64')}`))
  const headers = fc.record({
    authorization,
    cookie: fc.oneof(headerValue, fc.constantFrom(...known).map(text => `mcp-oauth-consent=${text}; mcp-oauth-sign-in=${text}`)),
    accept: fc.oneof(headerValue, fc.constantFrom('text/html', 'application/json')),
    origin: fc.oneof(headerValue, fc.constantFrom('null', 'https://app.example.com', canary)),
    'content-encoding': fc.constantFrom('gzip', 'br', 'identity', 'x'),
    'access-control-request-method': fc.constantFrom('POST', canary),
    'access-control-request-headers': fc.oneof(headerValue, fc.constant(`mcp-param-x,${canary}`)),
    'x-forwarded-for': headerValue,
    'x-forwarded-host': fc.constant('evil.example'),
    'accept-language': headerValue
  }, { requiredKeys: [] })
  return fc.record({
    method: fc.oneof({ weight: 3, arbitrary: fc.constantFrom('GET', 'POST') }, { weight: 1, arbitrary: fc.constantFrom(...methods) }),
    path: fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...paths) }, { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...paths), fc.constantFrom('/', '//', '/x', '%2f', ';x', '%00', '%ff')).map(([path, tail]) => path + tail) }),
    query: fc.oneof(fc.constant(''), form.map(text => `?${text}`), fc.webQueryParameters().map(text => `?${text}`)),
    headers: fc.tuple(headers, fc.constantFrom(...contentTypes)).map(([given, type]) => ({ ...given, ...(type === undefined ? {} : { 'content-type': type }) })),
    body
  })
}

const agent = new Agent({ keepAlive: true })
t.teardown(() => { agent.destroy() })

async function send (origin: string, { method, path, query, headers, body }: Sent): Promise<{ response: IncomingMessage, text: string }> {
  const sent = httpRequest(origin + path + query, { method, headers: { ...headers, 'content-length': body.length }, agent, signal: AbortSignal.timeout(patience) })
  sent.end(body)
  const [response] = await once(sent, 'response') as [IncomingMessage]
  const text = (await buffer(response)).toString()
  // Fastify closes the connection after it, and does not say so.
  if (response.statusCode === 431) agent.destroy()
  return { response, text }
}

function collect (paths: Set<string>) {
  return (app: FastifyInstance) => { app.addHook('onRoute', ({ url }) => { paths.add(url) }) }
}

function heapUsed (): number {
  setFlagsFromString('--expose_gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

t.test(`no request to any endpoint ends in a 5xx, in silence, in memory that is gone, or with what it brought (seed ${seed}, ${runs} requests)`, async t => {
  const paths = new Set<string>()
  const world = await startWorld(t, { providers: [scriptedProvider()], before: collect(paths), rateLimit: false })
  const { client, tokens } = await connect(world, { metadata: { token_endpoint_auth_method: 'client_secret_post' } })
  const { codeVerifier, codeChallenge } = pkce()
  const known = [
    client.client_id, client.client_secret ?? '', tokens.access_token, tokens.refresh_token, redirectUri, codeChallenge, codeVerifier, 'S256', 'code', 'authorization_code', 'refresh_token', 'openid email', world.mcpUrl,
    'allow', 'deny', 'local', 'none', 'client_secret_basic', 'login', ...Object.values(world.browser.cookies(world.issuer))
  ]
  t.ok(paths.size >= 10, `${paths.size} paths`)
  const statuses = new Map<number, number>()
  const before = heapUsed()
  await holdsOnTheWire(t, 'each request is answered', fc.asyncProperty(requests([...paths], known), async request => {
    const { response: { statusCode = 0, headers }, text } = await send(world.origin, request)
    statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
    if (statusCode >= 500) return false
    const isJson = /^application\/json\b/.test(headers['content-type'] ?? '')
    // A registration is answered with what was registered, as JSON.
    return (isJson || !text.includes('<i id=canary>')) && !JSON.stringify(headers).includes('id=canary')
  }), { seed, numRuns: runs })
  t.comment(`seed ${seed}: ${[...statuses].sort(([one], [other]) => one - other).map(([status, count]) => `${count} × ${status}`).join(', ')}`)
  for (const status of [200, 400, 401, 403, 404, 415]) t.ok(statuses.has(status), `some were answered with ${status}`)
  const grown = (heapUsed() - before) / 2 ** 20
  t.ok(grown < 40, `${grown.toFixed(1)} MiB more`)
  t.equal((await fetch(world.mcpUrl)).status, 401, 'it still answers')
})
