import { connect } from 'node:http2'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import mcpOAuth, { type OAuthError } from '../../lib/index.ts'
import { toolCalls } from '../../lib/guard/tool-calls.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { guardedApp, issuer, pluginOptions, type GuardedAppOptions } from '../fixtures/guarded-app.ts'

const scopes = { 'notes:read': 'Read notes', 'notes:write': 'Write notes' }
const tools = { write: { scopes: ['notes:write'] }, drop: { scopes: ['notes:write'], roles: ['admin'] } } as const
const challenge = `Bearer error="insufficient_scope", resource_metadata="${issuer}/.well-known/oauth-protected-resource/mcp", error_description="The access token lacks a scope that this needs", scope="notes:read notes:write"`

const call = (name: unknown, id = 1) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
const reader = { email: 'ann@example.com', role: 'user', scopes: ['notes:read'] } as const

/** Counts how often the handler of `/mcp` ran. */
function counting () {
  const seen: unknown[] = []
  const declare = (app: FastifyInstance) => {
    app.route({
      method: ['GET', 'POST', 'DELETE'],
      url: '/mcp',
      handler: async (request, reply) => {
        seen.push(request.body)
        reply.hijack()
        reply.raw.end('ran')
      }
    })
  }
  return { seen, declare }
}

const guarded: GuardedAppOptions = { scopes, protect: [{ url: '/mcp', scopes: ['notes:read'], tools }] }

t.test('RS-10: a tool that the caller may not call is refused before anything runs, alone or in a batch', async t => {
  const told: OAuthError[] = []
  const { seen, declare } = counting()
  const app = await guardedApp(t, { ...guarded, after: declare, onRefused: (_, error) => { told.push(error) } })
  const headers = await signInAs(app, reader)
  for (const payload of [call('write'), [call('read'), call('write', 2)], [list, call('write')], { ...call('write'), id: undefined }]) {
    const refused = await app.inject({ method: 'POST', url: '/mcp', headers, payload })
    t.equal(refused.statusCode, 403, JSON.stringify(payload))
    t.equal(refused.headers['www-authenticate'], challenge)
    t.equal(refused.json().error, 'insufficient_scope')
  }
  for (const payload of [call('drop'), [call('write'), call('drop')]]) {
    const refused = await app.inject({ method: 'POST', url: '/mcp', headers, payload })
    t.equal(refused.statusCode, 403)
    t.notHas(refused.headers, 'www-authenticate', 'no scope brings the role')
    t.equal(refused.json().error, 'access_denied')
  }
  t.strictSame(seen, [])
  t.equal(told.length, 6)
  const admin = await signInAs(app, { ...reader, role: 'admin', scopes: ['notes:read', 'notes:write'] })
  for (const payload of [call('drop'), [call('write'), call('drop')]]) t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: admin, payload })).body, 'ran')
})

t.test('RS-10: whatever else is called goes on, and so do streams, the end of a session, answers and names of object members', async t => {
  const { seen, declare } = counting()
  const app = await guardedApp(t, { ...guarded, after: declare })
  const headers = await signInAs(app, reader)
  const payloads = [
    list, call('read'), [list, call('read')], call('constructor'), call('__proto__'), call('WRITE'), call('write '), call(''), { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 1, result: {} }, { jsonrpc: '2.0', id: 1, error: { code: 1, message: '' } }, { jsonrpc: '2.0', id: 1, method: 'tools/Call', params: { name: 'write' } }
  ]
  for (const payload of payloads) t.equal((await app.inject({ method: 'POST', url: '/mcp', headers, payload })).body, 'ran', JSON.stringify(payload))
  for (const method of ['GET', 'DELETE'] as const) t.equal((await app.inject({ method, url: '/mcp', headers })).body, 'ran', method)
  t.equal(seen.length, payloads.length + 2)
})

const unreadable: Record<string, { payload?: string, type?: string, method?: 'GET' | 'DELETE' }> = {
  'no body': {},
  null: { payload: 'null' },
  'an empty batch': { payload: '[]' },
  'a string': { payload: JSON.stringify(JSON.stringify(call('write'))) },
  'a number': { payload: '1' },
  'no method': { payload: '{"jsonrpc":"2.0","id":1}' },
  'no version': { payload: JSON.stringify({ ...call('write'), jsonrpc: undefined }) },
  'another version': { payload: JSON.stringify({ ...call('read'), jsonrpc: '1.0' }) },
  'a method that is no string': { payload: JSON.stringify({ ...call('write'), method: ['tools/call'] }) },
  'a call without parameters': { payload: JSON.stringify({ ...call('write'), params: undefined }) },
  'parameters that are null': { payload: JSON.stringify({ ...call('write'), params: null }) },
  'parameters in a list': { payload: JSON.stringify({ ...call('write'), params: ['write'] }) },
  'a name that is no string': { payload: JSON.stringify(call(['write'])) },
  'a batch in a batch': { payload: JSON.stringify([[call('write')]]) },
  'one bad message in a batch': { payload: JSON.stringify([list, 1]) },
  'JSON that came as text': { payload: JSON.stringify(call('write')), type: 'text/plain' },
  'JSON that came as a stream': { payload: JSON.stringify(call('write')), type: 'application/octet-stream' },
  'a body that a GET brings': { payload: JSON.stringify(call('write')), method: 'GET' },
  'a body that a DELETE brings unparsed': { payload: JSON.stringify(call('write')), method: 'DELETE', type: 'application/x-unparsed' }
}

t.test('RS-10: a body that is not what JSON-RPC says is 400, and nothing runs', async t => {
  const { seen, declare } = counting()
  const app = await guardedApp(t, {
    ...guarded,
    after: app => {
      app.addContentTypeParser('application/octet-stream', (_, payload, done) => { done(null, payload) })
      app.addContentTypeParser('application/x-unparsed', (_, payload, done) => { payload.resume(); done(null, undefined) })
      declare(app)
    }
  })
  const headers = await signInAs(app, { ...reader, role: 'admin', scopes: ['notes:read', 'notes:write'] })
  for (const [what, { payload, type = 'application/json', method = 'POST' }] of Object.entries(unreadable)) {
    const refused = await app.inject({ method, url: '/mcp', headers: { ...headers, ...payload === undefined ? {} : { 'content-type': type } }, ...payload === undefined ? {} : { payload } })
    t.equal(refused.statusCode, 400, what)
    t.strictSame(refused.json(), { error: 'invalid_request', error_description: 'The body is not a JSON-RPC message that can be judged here' }, what)
  }
  const chunked = await app.inject({ method: 'DELETE', url: '/mcp', headers: { ...headers, 'transfer-encoding': 'chunked', 'content-type': 'application/x-unparsed' } })
  t.equal(chunked.statusCode, 400)
  t.strictSame(seen, [])
})

t.test('RS-10: headers that name another tool than the body have no say', async t => {
  const { seen, declare } = counting()
  const app = await guardedApp(t, { ...guarded, after: declare })
  const headers = await signInAs(app, reader)
  const harmless = { 'mcp-method': 'tools/list', 'mcp-name': 'read' }
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, ...harmless }, payload: call('write') })).statusCode, 403)
  t.strictSame(seen, [])
})

t.test('RS-10: what HTTP/2 leaves unsaid about a body is not taken for none', async t => {
  const { seen, declare } = counting()
  const app = Fastify({ http2: true })
  t.teardown(async () => { await app.close() })
  await app.register(mcpOAuth, pluginOptions(guarded))
  declare(app as unknown as FastifyInstance)
  const { authorization } = await signInAs(app as unknown as FastifyInstance, reader)
  const session = connect(await app.listen({ host: '127.0.0.1', port: 0 }))
  t.teardown(() => { session.close() })
  for (const [body, status] of [['', 200], [JSON.stringify(call('write')), 400]] as const) {
    const stream = session.request({ ':method': 'GET', ':path': '/mcp', authorization }, { endStream: body === '' })
    if (body !== '') stream.end(body)
    const [headers] = await once(stream, 'response')
    t.equal(headers[':status'], status, body)
    await text(stream)
  }
  t.equal(seen.length, 1)
})

const places: Record<string, (declare: (app: FastifyInstance) => void) => GuardedAppOptions> = {
  'a rule, the route before the plugin': declare => ({ ...guarded, before: declare }),
  'a rule, the route in an earlier child': declare => ({ ...guarded, before: async app => { await app.register(async child => { declare(child) }) } }),
  'a rule, the route in a later child': declare => ({ ...guarded, after: app => { app.register(async child => { declare(child) }) } }),
  'the config': () => ({ scopes, protect: [], before: app => { app.post('/mcp', { config: { mcpOAuth: { scopes: ['notes:read'], tools } } }, async () => 'ran') } }),
  'the hook': () => ({ scopes, protect: [], after: app => { app.post('/mcp', { onRequest: app.mcpOAuth.protect({ scopes: ['notes:read'], tools }) }, async () => 'ran') } }),
  'the hook beside a rule': () => ({ scopes, protect: [{ url: '/mcp', scopes: ['notes:read'] }], after: app => { app.post('/mcp', { onRequest: app.mcpOAuth.protect({ tools }) }, async () => 'ran') } }),
  'rules, config and hook, a part each': () => ({
    scopes,
    protect: [{ url: '/mcp', scopes: ['notes:read'], tools: { write: {}, drop: {} } }, { url: '/mcp', tools: { write: {}, drop: { roles: ['admin'] } } }],
    after: app => {
      app.post('/mcp', {
        config: { mcpOAuth: { tools: { drop: { scopes: ['notes:read'] } } } },
        onRequest: [app.mcpOAuth.protect({ tools: { write: { scopes: ['notes:write'] } } }), app.mcpOAuth.protect({ tools: { drop: { scopes: ['notes:write'] } } })]
      }, async () => 'ran')
    }
  })
}

for (const [place, options] of Object.entries(places)) {
  t.test(`RS-10: tool rules of ${place} hold`, async t => {
    const { declare } = counting()
    const app = await guardedApp(t, options(declare))
    const as = async (persona: object, name: string) => await app.inject({ method: 'POST', url: '/mcp', headers: await signInAs(app, { ...reader, ...persona }), payload: call(name) })
    t.equal((await as({}, 'read')).body, 'ran')
    t.equal((await as({}, 'write')).headers['www-authenticate'], challenge)
    t.equal((await as({ role: 'admin' }, 'drop')).headers['www-authenticate'], challenge)
    t.notHas((await as({ scopes: ['notes:read', 'notes:write'] }, 'drop')).headers, 'www-authenticate')
    t.equal((await as({ scopes: ['notes:read', 'notes:write'] }, 'drop')).statusCode, 403)
    t.equal((await as({ role: 'admin', scopes: ['notes:read', 'notes:write'] }, 'drop')).body, 'ran')
  })
}

t.test('a route without tool rules takes any body', async t => {
  const app = await guardedApp(t, { after: app => { app.post('/mcp', async request => typeof request.body) } })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { ...headers, 'content-type': 'text/plain' }, payload: 'x' })).body, 'string')
})

t.test('the calls of a batch are all of its calls', async t => {
  t.strictSame(toolCalls([call('a'), list, call('b'), call('a')]), ['a', 'b', 'a'])
})
