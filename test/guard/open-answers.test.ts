import { once } from 'node:events'
import { IncomingMessage, request, ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectSocket, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { mock } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { OpenAnswers } from '../../lib/guard/open-answers.ts'
import type { Checked } from '../../lib/guard/verified-tokens.ts'
import { MemoryStorage, StorageUnavailableError, type TokenRecord } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { guardedApp, type GuardedAppOptions } from '../fixtures/guarded-app.ts'
import { captureLog } from '../fixtures/log.ts'
import { endless, openPoll, openStream, pass, settle } from '../fixtures/open-answers.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'

t.beforeEach(() => { mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.now() }) })
t.afterEach(() => { mock.timers.reset() })

const ann = { email: 'ann@example.com' }

async function start (t: Test, options: GuardedAppOptions = {}) {
  const watch = watchStorage(options.storage)
  const log = captureLog()
  const app = await guardedApp(t, { fastify: { logger: log.logger, forceCloseConnections: true }, after: endless, ...options, storage: watch.storage })
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/mcp`
  const headers = await signInAs(app, ann)
  const { authorization } = headers
  const { jti } = JSON.parse(Buffer.from(authorization.split('.')[1] ?? '', 'base64url').toString())
  const record = await watch.storage.findToken(jti)
  if (record?.user === undefined) throw new Error('the token is not stored')
  watch.calls.length = 0
  return { app, url, headers, watch, log, storage: watch.storage, record, user: record.user }
}

type Setting = Awaited<ReturnType<typeof start>>

const ends: Record<string, (setting: Setting) => Promise<unknown>> = {
  'the user is suspended': async ({ storage, user }) => await storage.updateUser(user.id, { status: 'suspended' }, new Date()),
  'the user is removed': async ({ storage, user }) => await storage.removeUser(user.id, new Date()),
  'the user\'s row gets another e-mail': async ({ storage, user }) => await storage.updateUser(user.id, { email: 'bob@example.com' }, new Date()),
  'the user gets another role': async ({ storage, user }) => await storage.updateUser(user.id, { role: 'admin' }, new Date()),
  'the grant is revoked': async ({ storage, record }) => await storage.revokeGrant(record.grant.id, new Date()),
  'the token is revoked': async ({ storage, record }) => await storage.revokeToken(record.token.id),
  'the client is deactivated': async ({ storage, record }) => await storage.setClientActive(record.client.id, false)
}

for (const [what, end] of Object.entries(ends)) {
  for (const revalidateAfter of [0, 5, 20]) {
    t.test(`RS-04: an open event stream ends within ${Math.max(revalidateAfter, 1)} seconds after ${what} elsewhere`, async t => {
      const setting = await start(t, { revalidateAfter })
      const stream = await openStream(setting.url, setting.headers)
      await pass(3 * revalidateAfter + 1)
      t.notOk(stream.isClosed, 'while it may, it stays open')
      t.ok(await end(setting))
      await pass(Math.max(revalidateAfter, 1))
      t.ok(stream.isClosed)
      t.equal((await openStream(setting.url, setting.headers)).response.statusCode, what.endsWith('role') ? 200 : 401)
      t.match(setting.log.lines.find(line => line['msg'] === 'ended an open answer: access is over'), { level: 30, tokenId: setting.record.token.id, grantId: setting.record.grant.id })
    })
  }
}

t.test('RS-04: so does one whose token is not in the storage any more', async t => {
  let isGone = false
  const storage = new class extends MemoryStorage {
    override async findToken (tokenId: string) { return isGone ? undefined : await super.findToken(tokenId) }
  }()
  const { url, headers } = await start(t, { storage })
  const stream = await openStream(url, headers)
  isGone = true
  await pass(5)
  t.ok(stream.isClosed)
})

t.test('a change that this process makes ends an open answer within a second, however rarely tokens are looked up', async t => {
  const { app, url, headers, watch, user } = await start(t, { revalidateAfter: 3600 })
  const hers = await openStream(url, headers)
  const his = await openStream(url, await signInAs(app, { email: 'bob@example.com' }))
  await pass(3)
  watch.calls.length = 0
  await app.mcpOAuth.users.update(user.id, { status: 'suspended' })
  await pass(1)
  t.ok(hers.isClosed)
  t.notOk(his.isClosed)
  t.strictSame(watch.calls, ['updateUser', 'findToken', 'findToken'])
  await pass(60)
  t.equal(watch.calls.length, 3, 'those who stay are good for another hour')
  t.notOk(his.isClosed)
})

t.test('whom a change of this process does not concern is not looked up for it', async t => {
  const { app, url, headers, watch } = await start(t, { revalidateAfter: 3600 })
  const hers = await openStream(url, headers)
  const his = await openStream(url, await signInAs(app, { email: 'bob@example.com' }))
  const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' }
  const { statusCode } = await app.inject({ method: 'POST', url: '/oauth/revoke', headers: form, payload: `token=${headers.authorization.slice('Bearer '.length)}` })
  t.equal(statusCode, 200)
  watch.calls.length = 0
  await pass(2)
  t.ok(hers.isClosed)
  t.notOk(his.isClosed)
  t.strictSame(watch.calls, ['findToken'])
})

/** Finds a token at once, and tells of it when it is released. */
class HoldingStorage extends MemoryStorage {
  /** How many look-ups were held. */
  asked = 0
  release = () => {}
  #held: Promise<unknown> | undefined

  hold () { this.#held = new Promise<void>(resolve => { this.release = resolve }) }

  override async findToken (tokenId: string) {
    const record = await super.findToken(tokenId)
    if (this.#held !== undefined) this.asked++
    await this.#held
    return record
  }
}

t.test('T19: a check of an open answer that is under way when something changes is made again', async t => {
  const storage = new HoldingStorage()
  const { app, url, headers, user } = await start(t, { storage, revalidateAfter: 60 })
  const stream = await openStream(url, headers)
  storage.hold()
  await pass(60)
  t.equal(storage.asked, 1)
  await app.mcpOAuth.users.update(user.id, { status: 'suspended' })
  storage.release()
  await settle()
  t.notOk(stream.isClosed, 'what was found is of before')
  await pass(1)
  t.equal(storage.asked, 2)
  t.ok(stream.isClosed)
})

t.test('T19: an open answer that was let in by a look-up from before a change is looked at again at once', async t => {
  const storage = new HoldingStorage()
  const { app, url, headers, user } = await start(t, { storage, revalidateAfter: 3600 })
  storage.hold()
  const opening = openStream(url, headers)
  while (storage.asked === 0) await settle()
  await app.mcpOAuth.users.update(user.id, { status: 'suspended' })
  storage.release()
  const stream = await opening
  t.equal(stream.response.statusCode, 200, 'the answer is of before')
  await pass(2)
  t.ok(stream.isClosed)
})

for (const [what, change] of Object.entries<(record: TokenRecord) => TokenRecord>({
  'expires earlier': record => ({ ...record, token: { ...record.token, expiresAt: new Date(0) } }),
  'has fewer scopes': record => ({ ...record, token: { ...record.token, scopes: [] } }),
  'is for another resource': record => ({ ...record, token: { ...record.token, resource: 'https://api.example.com/other' } }),
  'is somebody else\'s': record => ({ ...record, token: { ...record.token, userId: 'bob' } }),
  'is of another grant': record => ({ ...record, grant: { ...record.grant, id: 'another' } }),
  'is another client\'s': record => ({ ...record, client: { ...record.client, id: 'another' } }),
  'is of another type': record => ({ ...record, token: { ...record.token, type: 'refresh_token' } }),
  'is of a key that is gone': record => ({ ...record, token: { ...record.token, keyId: 'another' } })
})) {
  t.test(`RS-04: an open event stream ends where the row says that its token ${what}`, async t => {
    let isChanged = false
    const storage = new class extends MemoryStorage {
      override async findToken (tokenId: string) {
        const record = await super.findToken(tokenId)
        return isChanged && record !== undefined ? change(record) : record
      }
    }()
    const { url, headers } = await start(t, { storage })
    const stream = await openStream(url, headers)
    await pass(6)
    t.notOk(stream.isClosed)
    isChanged = true
    await pass(5)
    t.ok(stream.isClosed)
  })
}

for (const [what, options] of Object.entries({ token: { accessTokenLifetime: 90 }, grant: { grantLifetime: 90 } })) {
  t.test(`RS-04: an open event stream ends within a second of its ${what}'s end, however rarely tokens are looked up`, async t => {
    const { url, headers, watch } = await start(t, { revalidateAfter: 3600, ...options })
    const stream = await openStream(url, headers)
    watch.calls.length = 0
    await pass(88)
    t.notOk(stream.isClosed)
    await pass(2)
    t.ok(stream.isClosed)
  })
}

t.test('RS-04: all open answers to one token are one look-up each revalidateAfter, those of others go on', async t => {
  const setting = await start(t, { revalidateAfter: 5 })
  const { app, url, headers, watch, storage, user } = setting
  const bob = await signInAs(app, { email: 'bob@example.com' })
  const streams = [await openStream(url, headers), await openStream(url, headers), await openStream(url, headers)]
  const other = await openStream(url, bob)
  watch.calls.length = 0
  await pass(20)
  t.ok(watch.calls.length >= 8 && watch.calls.length <= 10, `${watch.calls.length} look-ups`)
  await storage.updateUser(user.id, { status: 'suspended' }, new Date())
  await pass(5)
  t.strictSame(streams.map(({ isClosed }) => isClosed), [true, true, true])
  t.notOk(other.isClosed)
})

t.test('RS-04: one that can not be checked ends half a minute later, and not before', async t => {
  const { url, headers, watch, log } = await start(t, { revalidateAfter: 5 })
  const stream = await openStream(url, headers)
  watch.failure = new StorageUnavailableError()
  await pass(20)
  t.notOk(stream.isClosed)
  t.match(log.lines.find(line => line['msg'] === 'an open answer could not be checked'), { level: 50, err: { type: 'StorageUnavailableError' } })
  watch.failure = undefined
  await pass(60)
  t.notOk(stream.isClosed, 'the storage came back in time')
  watch.failure = new Error('a defect')
  await pass(27)
  t.notOk(stream.isClosed)
  await pass(9)
  t.ok(stream.isClosed, 'fail closed')
})

t.test('RS-04: changes that this process makes meanwhile give it no more time', async t => {
  const { app, url, headers, watch, user } = await start(t, { revalidateAfter: 5 })
  const stream = await openStream(url, headers)
  watch.failure = new StorageUnavailableError()
  for (let second = 0; second < 36 && !stream.isClosed; second++) {
    watch.failure = undefined
    const change = app.mcpOAuth.users.update(user.id, { name: `Ann ${second}` })
    watch.failure = new StorageUnavailableError()
    await change
    await pass(1)
  }
  t.ok(stream.isClosed)
})

t.test('RS-04: so does one whose check never comes back, and that is asked once', async t => {
  let isStuck = false
  let asked = 0
  const storage = new class extends MemoryStorage {
    override async findToken (tokenId: string) {
      if (!isStuck) return await super.findToken(tokenId)
      asked++
      return await new Promise<undefined>(() => {})
    }
  }()
  const { url, headers } = await start(t, { storage })
  const stream = await openStream(url, headers)
  isStuck = true
  await pass(30)
  t.notOk(stream.isClosed)
  await pass(6)
  t.ok(stream.isClosed)
  t.equal(asked, 1)
})

t.test('RS-04: an answer that has not even begun ends too', async t => {
  let arrive = () => {}
  const arrived = new Promise<void>(resolve => { arrive = resolve })
  const { app, url, headers } = await start(t, {
    after: app => {
      app.get('/mcp/poll', async () => await new Promise(() => { arrive() }))
    }
  })
  const isClosed = await openPoll(`${url}/poll`, headers, arrived)
  const [user] = await app.mcpOAuth.users.list(ann.email)
  await pass(12)
  t.notOk(isClosed())
  await app.mcpOAuth.users.remove(user?.id ?? '')
  await pass(5)
  t.ok(isClosed())
})

/** As @fastify/websocket does it: an upgrade goes the way of a request, and its handler takes the socket. */
function upgrading (app: FastifyInstance): void {
  app.server.on('upgrade', (raw, socket) => {
    const response = new ServerResponse(raw)
    if (socket instanceof Socket) response.assignSocket(socket)
    response.on('finish', () => { socket.end().resume() })
    app.routing(raw, response)
  })
  app.get('/mcp/socket', async (request, reply) => {
    reply.hijack()
    const { socket } = request.raw
    reply.raw.detachSocket(socket)
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.on('data', data => { socket.write(data) })
  })
}

async function upgrade (url: string, { authorization }: { authorization: string }) {
  const { hostname, port, pathname } = new URL(`${url}/socket`)
  const socket = connectSocket({ host: hostname, port: Number(port) }).setEncoding('utf8')
  const state = { socket, isClosed: false, head: '' }
  socket.on('error', () => {}).on('close', () => { state.isClosed = true })
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: echo\r\nAuthorization: ${authorization}\r\n\r\n`)
  const [head] = await once(socket, 'data')
  state.head = head
  return state
}

t.test('RS-04: an upgraded socket needs a token, and ends when its user does', async t => {
  const { app, url, headers, user } = await start(t, { after: app => { endless(app); upgrading(app) } })
  const refused = await upgrade(url, { authorization: 'Bearer x' })
  t.match(refused.head, /^HTTP\/1\.1 401 /)
  const upgraded = await upgrade(url, headers)
  t.match(upgraded.head, /^HTTP\/1\.1 101 /)
  await pass(12)
  upgraded.socket.write('ping')
  t.strictSame(await once(upgraded.socket, 'data'), ['ping'], 'it stays open while it may')
  await app.mcpOAuth.users.remove(user.id)
  await pass(5)
  t.ok(upgraded.isClosed)
})

t.test('RS-04: a stream of HTTP/2 ends, the others of its connection go on', async t => {
  const storage = new MemoryStorage()
  const app = await guardedApp(t, { storage, fastify: Object.assign({ forceCloseConnections: true }, { http2: true }), after: endless })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connectHttp2(origin)
  t.teardown(() => { session.destroy() })
  const open = async (email: string) => {
    const stream = session.request({ ':path': '/mcp', origin: 'https://inspector.example', ...await signInAs(app, { email }) })
    stream.on('error', () => {})
    const [head] = await once(stream, 'response')
    t.equal(head[':status'], 200)
    t.equal(head['access-control-allow-origin'], 'https://inspector.example')
    await once(stream, 'data')
    return stream
  }
  const [hers, his] = [await open('ann@example.com'), await open('bob@example.com')]
  const [user] = await storage.listUsers('ann@example.com')
  await storage.removeUser(user?.id ?? '', new Date())
  await pass(5)
  t.ok(hers.closed)
  t.notOk(his.closed)
})

t.test('app.close() ends event streams and sockets, and waits for what will come to its end', async t => {
  let finish = (_: string) => {}
  let begin = () => {}
  const underWay = new Promise<void>(resolve => { begin = resolve })
  const { app, url, headers } = await start(t, {
    fastify: {},
    after: app => {
      endless(app)
      upgrading(app)
      app.post('/mcp', async () => await new Promise(resolve => { finish = resolve; begin() }))
    }
  })
  const stream = await openStream(url, headers)
  const upgraded = await upgrade(url, headers)
  const sent = request(url, { method: 'POST', headers, agent: false }).end()
  const answer = once(sent, 'response').then(async ([response]) => await text(response))
  await underWay
  let isClosed = false
  const closing = app.close().then(() => { isClosed = true })
  await settle()
  t.ok(stream.isClosed)
  t.ok(upgraded.isClosed)
  t.notOk(isClosed)
  finish('done')
  t.equal(await answer, 'done')
  await closing
})

t.test('app.close() ends an event stream that begins only then', async t => {
  let begin = () => {}
  let arrive = () => {}
  const arrived = new Promise<void>(resolve => { arrive = resolve })
  let haveEnded = () => {}
  const othersHaveEnded = new Promise<void>(resolve => { haveEnded = resolve })
  const { app, url, headers } = await start(t, {
    fastify: {},
    after: app => {
      app.addHook('preClose', async () => { haveEnded() })
      app.get('/mcp', async (_, reply) => {
        begin = () => { reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: late\n\n') }
        reply.hijack()
        arrive()
      })
    }
  })
  const isEnded = await openPoll(url, headers, arrived)
  const closing = app.close()
  await othersHaveEnded
  begin()
  await pass(1)
  await closing
  t.ok(isEnded())
})

for (const isAlive of [true, false]) {
  t.test(`an answer that closes while it is checked, and ${isAlive ? 'would have stayed open' : 'would have been ended'}, is not there any more`, async t => {
    let isGone = false
    const storage = new class extends HoldingStorage {
      override async findToken (tokenId: string) {
        const record = await super.findToken(tokenId)
        return isGone ? undefined : record
      }
    }()
    const { url, headers, log } = await start(t, { storage })
    const stream = await openStream(url, headers)
    storage.hold()
    isGone = !isAlive
    await pass(5)
    t.equal(storage.asked, 1)
    stream.response.destroy()
    await settle()
    storage.release()
    await pass(30)
    t.equal(storage.asked, 1, 'nobody asks about it again')
    t.strictSame(log.of('ended an open answer: access is over'), [])
  })
}

t.test('I7: an event stream can not hide behind a request that came before its end, on the same connection', async t => {
  const { url, headers, storage, user } = await start(t, { revalidateAfter: 5 })
  const { hostname, port } = new URL(url)
  const socket = connectSocket(Number(port), hostname)
  t.teardown(() => { socket.destroy() })
  const closed = once(socket, 'close')
  let isClosed = false
  closed.then(() => { isClosed = true })
  const ask = `GET /mcp HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${headers.authorization}\r\n\r\n`
  socket.write(ask + ask)
  await once(socket, 'data')
  await storage.updateUser(user.id, { status: 'suspended' }, new Date())
  await pass(6)
  await settle()
  t.ok(isClosed)
})

const access = { user: { id: 'u', email: 'a@example.com', name: null, role: 'user' as const }, client: { id: 'c', name: 'C' }, scopes: [], resource: 'r', grantId: 'g', tokenId: 't', expiresAt: new Date() }
const auth = { token: 't', clientId: 'c', scopes: [], expiresAt: Infinity, resource: new URL('https://api.example.com'), extra: { user: access.user, grantId: 'g' } }
const checked: Checked = { access, auth, forLog: {}, keyId: 'k', validUntil: Infinity }

function unitOf (): OpenAnswers {
  return new OpenAnswers(5, async () => true, { info () {}, error () {} })
}

t.test('what was known of a connection goes with it', async t => {
  const answers = unitOf()
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  const begin = () => {
    const raw = new IncomingMessage(new Socket())
    const known = { ...checked }
    answers.watch(raw, new ServerResponse(raw), known)
    return { socket: raw.socket, known: new WeakRef(known) }
  }
  const { socket, known } = begin()
  await settle()
  collectGarbage()
  t.ok(known.deref())
  socket.destroy()
  await settle()
  collectGarbage()
  t.equal(known.deref(), undefined)
})

t.test('a thousand short answers leave nothing behind, neither on sockets nor in app.inject', async t => {
  const answers = unitOf()
  const app = Fastify()
  t.teardown(async () => { await app.close() })
  app.addHook('onRequest', async (request, reply) => { answers.watch(request.raw, reply.raw, checked) })
  app.get('/', async () => 'short')
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  for (let round = 0; round < 20; round++) {
    const texts = await Promise.all(Array.from({ length: 50 }, async () => await (await fetch(url)).text()))
    t.ok(texts.every(answer => answer === 'short'))
  }
  await settle()
  t.equal(answers.size, 0)
  for (let round = 0; round < 50; round++) await app.inject('/')
  await pass(1)
  t.equal(answers.size, 0)
})
