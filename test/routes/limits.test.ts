import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { once } from 'node:events'
import { request as ask } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { createCounter } from '../../lib/routes/counter.ts'
import { connectRedis } from '../../lib/routes/redis.ts'
import { answering, guardedApp } from '../fixtures/guarded-app.ts'
import { captureLog } from '../fixtures/log.ts'
import { startRedis, withoutRedis } from '../fixtures/redis.ts'
import { tcpProxy } from '../fixtures/tcp-proxy.ts'

type Scope = Parameters<typeof guardedApp>[0]

const form = { 'content-type': 'application/x-www-form-urlencoded' }
const redisDown = 'Redis does not answer: until it does, each process counts requests by itself'

async function start (t: Scope, redis: Redis | string | undefined, log = captureLog('error')): Promise<FastifyInstance> {
  return await guardedApp(t, { after: answering(), rateLimit: { max: 3, ...(redis === undefined ? {} : { redis }) }, fastify: { logger: log.logger } })
}

/** The answers to so many requests at the token endpoint, one after another. */
async function statuses (apps: FastifyInstance[]): Promise<number[]> {
  const answers = []
  for (const app of apps) answers.push((await app.inject({ method: 'POST', url: '/oauth/token', headers: form, payload: 'x=y' })).statusCode)
  return answers
}

t.test('memory is bounded: of more addresses than are remembered, the one that asked longest ago is forgotten', async t => {
  const counter = await createCounter()
  const app = Fastify()
  app.get('/', async request => {
    const at = async (key: string) => await counter(request, { key, max: 5 }, true)
    await at('first')
    await at('second')
    await at('first')
    for (let index = 0; index < 19_999; index++) await at(`address ${index}`)
    return [(await at('first')).remaining, (await at('second')).remaining]
  })
  t.strictSame((await app.inject('/')).json(), [2, 4])
})

t.test('a Unix socket has one address for all', { skip: process.platform === 'win32' }, async t => {
  const app = await start(t, undefined)
  const socketPath = join(tmpdir(), `fastify-mcp-oauth-${process.pid}.sock`)
  await app.listen({ path: socketPath })
  const answers = []
  for (let turn = 0; turn < 4; turn++) {
    const request = ask({ socketPath, path: '/.well-known/oauth-authorization-server' }).end()
    const [response] = await once(request, 'response')
    response.resume()
    answers.push(response.statusCode)
  }
  t.strictSame(answers, [200, 200, 200, 429])
})

t.test('without ioredis, a Redis URL stops the start and says what to install', async t => {
  const cause = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })
  await t.rejects(connectRedis('redis://localhost', async () => { throw cause }), { name: 'InvalidOptionError', message: /^rateLimit\.redis \(REDIS_URL\): needs the package ioredis; install it/, cause })
})

t.test('Redis: all processes count together, by a client of the app or by a URL', { skip: withoutRedis }, async t => {
  const { url } = await startRedis(t)
  const client = new Redis(url)
  t.teardown(() => { client.disconnect() })
  const apps = [await start(t, client), await start(t, url), await start(t, client)]
  // However long Redis takes.
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => { mock.timers.reset() })
  t.strictSame(await statuses([...apps, ...apps]), [400, 400, 400, 429, 429, 429])
  const keys = await client.keys('*')
  t.strictSame(keys, ['fastify-mcp-oauth:/oauth/token 127.0.0.1'])
  t.ok(await client.pttl(keys[0] ?? '') > 30_000, 'they end by themselves')
})

t.test('Redis: a client of the app is not closed by us, one of ours is', { skip: withoutRedis }, async t => {
  const { url } = await startRedis(t)
  const client = new Redis(url)
  t.teardown(() => { client.disconnect() })
  for (const redis of [client, url]) await (await start(t, redis)).close()
  t.equal(await client.ping(), 'PONG')
  let there = ''
  for (let turn = 0; turn < 500 && !/^[^\n]+\n$/.test(there); turn++) there = String(await client.client('LIST'))
  t.match(there, /^[^\n]+\n$/, 'and nobody else is there')
})

t.test('Redis is down: nobody is locked out, each process counts by itself, the log says so, and they count together again', { skip: withoutRedis }, async t => {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => { mock.timers.reset() })
  const redis = await startRedis(t)
  const line = await tcpProxy(t, redis.port)
  const log = captureLog('error')
  const url = `redis://127.0.0.1:${line.port}`
  const apps = [await start(t, url, log), await start(t, url, log)]
  const client = new Redis(redis.url)
  t.teardown(() => { client.disconnect() })
  // Until each has its connection, each counts by itself: once more, in a new minute.
  const countTogether = async () => {
    let counted: number[] = []
    for (let turn = 0; turn < 100 && counted.join() !== '400,400,400,429'; turn++) {
      await sleep(20)
      await client.flushall()
      mock.timers.tick(60_001)
      counted = await statuses([...apps, ...apps])
    }
    return counted
  }
  t.strictSame(await countTogether(), [400, 400, 400, 429])
  const before = log.of(redisDown).length
  await line.cut()
  t.strictSame(await statuses([...apps, ...apps, ...apps, ...apps]), [400, 400, 400, 400, 400, 400, 429, 429])
  t.equal(log.of(redisDown).length, before + 2, 'once for each process')
  await line.mend()
  t.strictSame(await countTogether(), [400, 400, 400, 429])
})

t.test('Redis that was never there: the start goes on, and each process counts by itself', async t => {
  const log = captureLog('error')
  const app = await start(t, 'redis://127.0.0.1:1', log)
  t.strictSame(await statuses([app, app, app, app]), [400, 400, 400, 429])
  t.equal(log.of(redisDown).length, 1)
})

t.test('Redis that takes a connection and says nothing holds nobody up for long', async t => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => { silent.close() })
  const address = silent.address()
  const client = new Redis(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  t.teardown(() => { client.disconnect() })
  const log = captureLog('error')
  const app = await start(t, client, log)
  t.strictSame(await statuses([app, app, app, app]), [400, 400, 400, 429])
  t.match(log.of(redisDown), [{ err: { message: 'Redis took too long' } }])
  t.equal(log.of(redisDown).length, 1, 'the first waits, the others do not')
})
