import t from 'tap'
import type { Test } from 'tap'
import { connect as connectTcp } from 'node:net'
import { text } from 'node:stream/consumers'
import type { OAuthStorage } from '../../lib/index.ts'
import { readForm } from '../fixtures/browser-jar.ts'
import { startDatabase } from '../fixtures/database.ts'
import { authorizeUrl, connect, pkce, type Connection } from '../fixtures/flow.ts'
import { captureLog } from '../fixtures/log.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { csrfOf, pageUrl, signIn } from '../fixtures/signed-in.ts'
import { startWorld, type World } from '../fixtures/world.ts'

const form = 'application/x-www-form-urlencoded'
const json = 'application/json'
const long = 'x'.repeat(300)

/** What parameters may hold that they should not. Percent-encoded. */
const values = [
  '', '%00', 'a%00b', '%0d%0a', '%ED%A0%80', '%FF', '%', '%zz', '%F0%9F%92%A9', long, "'%20OR%201=1--", '__proto__', 'constructor', '[object%20Object]',
  'https://evil.example/cimd.json', 'x%20y', '%E2%80%AE', '-1', '1e999', 'null', 'true', '%7B%7D', '../../etc/passwd'
]
const names = [
  'client_id', 'client_secret', 'redirect_uri', 'code', 'code_verifier', 'refresh_token', 'grant_type', 'scope', 'resource', 'state', 'response_type',
  'code_challenge', 'code_challenge_method', 'request', 'csrf', 'decision', 'provider', 'error', 'iss', '__proto__', 'constructor', 'a[b]', 'a[]'
]
const contentTypes = [
  'application/json', 'text/plain', 'multipart/form-data', 'multipart/form-data; boundary=', 'application/xml', 'application', '/', ';', 'a/b/c', form + ';charset=utf-7',
  `${form}; charset="`, 'APPLICATION/JSON', 'application/json; charset=utf-16', 'application/jsonx', 'text/html,application/json', '\u00E4/\u00F6', 'x'.repeat(2000)
]
const bodies = [
  '', '{', '[]', '[[]]', 'null', '1', '"x"', 'true', '{"a":', '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{"x":1}}}', '\0', '\uFFFF', 'a=b&&&=&%', '='.repeat(5000),
  '{"redirect_uris":"https://x.example"}', '{"redirect_uris":[["https://x.example"]]}', '{"redirect_uris":[1,null,{}]}', '{"redirect_uris":{"0":"https://x.example"}}',
  '{"redirect_uris":[]}', '{"client_name":["a"]}', '{"client_name":"a\\u0000b"}', '{"client_name":"\\ud800"}', '{"client_name":{}}', '{"grant_types":"authorization_code"}',
  '{"scope":["email"]}', '{"scope":"constructor"}', '{"response_types":[[]]}', '{"token_endpoint_auth_method":"__proto__"}', '{"client_uri":"https://x.example/\\ud800"}',
  '{"redirect_uris":["https://x.example/\\u0000"]}', '{"redirect_uris":["https://[::1"]}', `{"client_name":"${'\\n'.repeat(50)}"}`, `{"redirect_uris":["https://x.example/${'a'.repeat(3000)}"]}`,
  `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
]
const authorizations = ['Basic', 'Basic =', 'Basic AAAA', `Basic ${Buffer.from('a\0:b').toString('base64')}`, `Basic ${Buffer.from('%00:%00').toString('base64')}`, 'Bearer', 'Digest x', `Basic ${'A'.repeat(4000)}`]

interface Case { what: string, path: string, method?: Method, headers?: Record<string, string>, body?: string, expected?: number }
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD' | 'OPTIONS'

function post (path: string, body: string, type: string, more: Partial<Case> = {}): Case {
  return { what: `${path} ${type} ${body}`, path, method: 'POST', body, ...more, headers: { 'content-type': type, ...more.headers } }
}

/** Each parameter of a good request replaced, repeated, and unknown ones added. */
function queryCases ({ world, client }: Setting): Case[] {
  const good = new URL(authorizeUrl(world, client, pkce())).searchParams
  const without = (name: string) => [...good].filter(([key]) => key !== name).map(([key, kept]) => `${key}=${encodeURIComponent(kept)}`).join('&')
  return [
    ...names.flatMap(name => [
      ...values.map(value => `/oauth/authorize?${without(name)}&${name}=${value}`),
      `/oauth/authorize?${good}&${name}=a&${name}=b`,
      `/oauth/callback?state=x&code=y&${name}=a&${name}=b`
    ]),
    ...values.flatMap(value => [`/oauth/callback?state=${value}&code=${value}&iss=${value}`, `/oauth/consent?state=${value}`]),
    ...values.flatMap(value => ['?search=', '?offset=', '?added=', '/user?id=', '/client?id=', '/clients?search=', '/confirm?change='].map(query => `/oauth/admin${query}${value}`)),
    ...['/oauth/authorize', '/oauth/callback', '/.well-known/oauth-authorization-server', '/.well-known/oauth-protected-resource/mcp']
      .flatMap(path => ['', '?', '?&', '?=', '?%', '?a[b]=c', '?__proto__=x', '??', `?${'a=b&'.repeat(2000)}`].map(query => path + query))
  ].map(path => ({ what: path, path }))
}

function cookieCases (): Case[] {
  return values.map(value => ({ what: `cookie ${value}`, path: '/oauth/callback?state=x&code=y', headers: { cookie: `mcp-oauth-sign-in=${value}; =; ;;a` } }))
}

function formCases ({ client, tokens, fields, csrf }: Setting): Case[] {
  const good: Array<[string, Record<string, string>]> = [
    ['/oauth/token', { grant_type: 'authorization_code', client_id: client.client_id, code: 'x', code_verifier: pkce().codeVerifier }],
    ['/oauth/token', { grant_type: 'refresh_token', client_id: client.client_id, refresh_token: tokens.refresh_token, scope: 'nonsense' }],
    ['/oauth/consent', { ...fields, decision: 'maybe' }],
    ['/oauth/account/end', { csrf: csrf.account, client: 'nobody' }],
    ['/oauth/account/sign-in', fields],
    ['/oauth/admin/sign-in', fields],
    ['/oauth/admin/changes', { csrf: csrf.admin, change: 'add-user', email: 'ann@example.com', name: 'Ann', role: 'user' }],
    ['/oauth/admin/changes', { csrf: csrf.admin, change: 'import-users', emails: 'ann@example.com' }],
    ['/oauth/admin/changes', { csrf: csrf.admin, change: 'end-connection', user: 'nobody', client: 'nobody' }]
  ]
  return good.flatMap(([path, parameters]) => Object.keys(parameters).flatMap(name => {
    const others = new URLSearchParams(Object.entries(parameters).filter(([key]) => key !== name))
    return [
      ...values.map(value => post(path, `${others}&${name}=${value}`, form)),
      post(path, `${new URLSearchParams(parameters)}&${name}=a`, form)
    ]
  }))
}

function bodyCases (path: string): Case[] {
  const right = path === '/oauth/register' ? json : form
  const wrong = path === '/oauth/register' ? form : json
  // Read as a form, it brings no CSRF value; with any other type it is not read.
  const isForm = (type: string) => /^application\/x-www-form-urlencoded/i.test(type)
  const refusalOf = (type: string) => ({ expected: isForm(type) && /^\/oauth\/(?:account|admin)\//.test(path) ? 403 : 400 })
  const methods: Method[] = ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS']
  const other: Method[] = ['POST', 'DELETE']
  return [
    ...bodies.flatMap(body => [post(path, body, form), post(path, body, json)]),
    ...contentTypes.map(type => post(path, '{"a":1}', type, right === json && /^application\/json(?:;|$)/i.test(type) ? {} : refusalOf(type))),
    ...authorizations.map(authorization => post(path, 'grant_type=refresh_token&refresh_token=x', form, { headers: { authorization } })),
    ...methods.map(method => ({ what: `${method} ${path}`, path, method })),
    ...other.map(method => ({ what: `${method} /oauth/authorize`, path: '/oauth/authorize', method, body: 'a=b', headers: { 'content-type': form }, expected: 404 })),
    { what: `${path} without a body`, path, method: 'POST', expected: 400 },
    post(path, 'x'.repeat(1_000_000), wrong, { expected: 400 }),
    post(path, right === form ? `code=${'x'.repeat(1_000_000)}` : `{"client_name":"${'x'.repeat(1_000_000)}"}`, right, { expected: 413 })
  ]
}

interface Setting extends Connection { world: World, fields: Record<string, string>, csrf: { account: string, admin: string } }

async function sweep (t: Test, storage?: OAuthStorage): Promise<void> {
  const log = captureLog('warn')
  const world = await startWorld(t, { providers: [scriptedProvider()], pages: { account: true, admin: true }, fastify: { logger: log.logger }, ...(storage && { storage }) })
  const connection = await connect(world)
  const { fields } = readForm(await world.browser.visit(authorizeUrl(world, connection.client, pkce())))
  const csrf = { account: csrfOf(await signIn(world, 'account')), admin: csrfOf(await signIn(world, 'admin')) }
  const setting = { ...connection, world, fields, csrf }
  const cookie = Object.entries(world.browser.cookies(world.issuer)).map(pair => pair.join('=')).join('; ')
  const cases = [...queryCases(setting), ...cookieCases(), ...formCases(setting), ...['/oauth/token', '/oauth/register', '/oauth/consent', '/oauth/account/end', '/oauth/admin/changes'].flatMap(bodyCases)]

  async function check ({ what, path, method = 'GET', headers = {}, body, expected }: Case): Promise<void> {
    const given = { method, url: path, headers: { cookie, host: new URL(world.origin).host, ...headers } }
    const answer = await world.app.inject(body === undefined ? given : { ...given, payload: body })
    const said = `${answer.statusCode} for ${what.slice(0, 200)}: ${answer.body.slice(0, 300)}`
    if (expected === undefined ? answer.statusCode >= 500 : answer.statusCode !== expected) t.fail(said)
    if (/ {4}at |SELECT|node_modules/.test(answer.body)) t.fail(said)
    if (answer.statusCode >= 400 && path === '/oauth/token' && method === 'POST') t.match(answer.json(), { error: /^(?:invalid|unsupported)_\w+$/ }, what.slice(0, 80))
  }
  for (let start = 0; start < cases.length; start += 50) await Promise.all(cases.slice(start, start + 50).map(check))
  t.ok(cases.length > 1500, `${cases.length} requests`)
  t.equal((await world.browser.fetch(pageUrl(world, 'admin', '/clients'))).status, 200, 'and whoever was signed in still is')
  t.same(log.lines.filter(({ level }) => Number(level) >= 50), [], 'none was our fault')
}

t.test('bad input gets the error of the standard and never a 500, on the memory storage', async t => await sweep(t))

t.test('nor on PostgreSQL, which takes no NUL bytes and no lone surrogates', async t => await sweep(t, (await startDatabase(t)).storage))

t.test('bytes that no client library would send', async t => {
  const { origin } = await startWorld(t, { providers: [scriptedProvider()] })
  const raw = async (head: string, body: string | Buffer = '', host = `Host: ${new URL(origin).host}\r\n`) => {
    const socket = connectTcp(Number(new URL(origin).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`${head}\r\n${host}Connection: close\r\n`)
    socket.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`)
    socket.write(body)
    return (await text(socket)).split('\r\n')[0] ?? ''
  }
  const post = 'POST /oauth/token HTTP/1.1\r\nContent-Type: '
  t.match(await raw(post + form, Buffer.from([0x61, 0x3D, 0xFF, 0xFE, 0xC0, 0x80])), / 400 /, 'no UTF-8')
  t.match(await raw('POST /oauth/register HTTP/1.1\r\nContent-Type: application/json', Buffer.from([0x22, 0xED, 0xA0, 0x80, 0x22])), / 400 /)
  t.match(await raw(`${post}${form}\r\nContent-Type: application/json`, 'a=b'), / 400 /, 'two content types')
  t.match(await raw('GET /oauth/authorize?client_id=\u00E4\u00FF HTTP/1.1'), / 400 /, 'no ASCII in the path')
  t.match(await raw('GET http://evil.example/oauth/authorize?client_id=x HTTP/1.1'), / 400 /, 'a whole URL')
  t.match(await raw('GET /oauth/callback?state=x HTTP/1.0', '', ''), / 403 /, 'no Host, as HTTP/1.0 has it')
  t.match(await raw(`GET /oauth/authorize?${'a'.repeat(20_000)} HTTP/1.1`), / 431 /, 'too long')
})
