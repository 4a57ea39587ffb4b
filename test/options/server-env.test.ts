import Fastify from 'fastify'
import t from 'tap'
import { serverOptionsFromEnv } from '../../lib/env.ts'
import { optionErrorOf } from '../fixtures/option-error.ts'

const refused: Record<string, readonly string[]> = {
  PORT: ['http', '-1', '65536', '80.5', '0x50', '8080/', '123456', '8080 8081'],
  LOG_LEVEL: ['INFO', 'verbose', '0', 'constructor'],
  TRUST_PROXY: [
    'true', 'false', '1', '2', '0', 'yes', '*', 'all', 'proxy.example.com', 'face', '10.0.0', '10.0.0.256', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/', '/8', '10.0.0.0/x', '::1/129', 'fe80::%eth0/', '10.0.0.1,true', '10.0.0.1, 1',
    // Everybody's address.
    '0.0.0.0/0', '::/0', '0.0.0.0/1', '128.0.0.0/7', '::ffff:0:0/96', '::/64', '8000::/1'
  ]
}

for (const [name, values] of Object.entries(refused)) {
  t.test(`W12: a ${name} that can not be meant stops the start with one sentence`, async t => {
    for (const value of values) t.equal(optionErrorOf(() => serverOptionsFromEnv({ [name]: value })).option, name, value)
  })
}

t.test('without anything set the server is for this machine only', async t => {
  for (const value of [undefined, '', ' ']) {
    t.strictSame(serverOptionsFromEnv({ HOST: value, PORT: value, LOG_LEVEL: value, TRUST_PROXY: value }), {
      fastify: { logger: { level: 'info' } }, listen: { host: '127.0.0.1', port: 8080 }
    })
  }
})

t.test('HOST, PORT and LOG_LEVEL are taken as they are', async t => {
  t.strictSame(serverOptionsFromEnv({ HOST: '0.0.0.0', PORT: '65535', LOG_LEVEL: 'silent' }), { fastify: { logger: { level: 'silent' } }, listen: { host: '0.0.0.0', port: 65_535 } })
  t.equal(serverOptionsFromEnv({ PORT: '0' }).listen.port, 0)
})

t.test('W12: only the proxies that are named may say where a request comes from', async t => {
  const { fastify } = serverOptionsFromEnv({ LOG_LEVEL: 'silent', TRUST_PROXY: '127.0.0.1, 10.0.0.0/8 2001:db8::/32,::1/128 loopback' })
  t.strictSame(fastify.trustProxy, ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32', '::1/128', 'loopback'])
  const app = Fastify(fastify)
  t.teardown(() => app.close())
  app.get('/', async request => request.ip)
  const headers = { 'x-forwarded-for': '198.51.100.7, 203.0.113.9, 10.1.2.3' }
  t.equal((await app.inject({ url: '/', headers })).body, '203.0.113.9')
  t.equal((await app.inject({ url: '/', headers, remoteAddress: '192.0.2.1' })).body, '192.0.2.1')
})

t.test('the environment of the process is read where none is given', async t => {
  t.intercept(process, 'env', { value: { PORT: '1234' } })
  t.equal(serverOptionsFromEnv().listen.port, 1234)
})
