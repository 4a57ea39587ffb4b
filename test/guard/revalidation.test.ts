import nodeCrypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { mock } from 'node:test'
import t from 'tap'
import { appOfAnn } from '../fixtures/app-of-ann.ts'

const start = Date.parse('2026-01-01T00:00:00Z')

t.beforeEach(() => { mock.timers.enable({ apis: ['Date'], now: start }) })
t.afterEach(() => { mock.timers.reset() })

for (const [revalidateAfter, lookUps] of [[0, 7], [5, 3], [60, 1]] as const) {
  t.test(`revalidateAfter ${revalidateAfter}: seven requests within ten seconds are ${lookUps} look-ups`, async t => {
    const { watch, call } = await appOfAnn(t, { revalidateAfter })
    for (const seconds of [0, 0, 4.999, 5, 9, 9.999, 10]) {
      mock.timers.setTime(start + seconds * 1000)
      t.equal(await call(), 200)
    }
    t.strictSame(watch.calls, Array(lookUps).fill('findToken'))
  })
}

t.test('revalidateAfter is five seconds by default', async t => {
  const { watch, call } = await appOfAnn(t, {})
  for (const seconds of [0, 4.999, 5]) {
    mock.timers.setTime(start + seconds * 1000)
    await call()
  }
  t.equal(watch.calls.length, 2)
})

t.test('within revalidateAfter there is no cryptography either', async t => {
  const { call } = await appOfAnn(t, {})
  const names = ['createHmac', 'createHash', 'createSecretKey', 'hkdfSync', 'timingSafeEqual', 'verify', 'sign', 'randomBytes'] as const
  const spies = [
    ...names.map(name => mock.method(nodeCrypto, name)),
    mock.method(globalThis.crypto.subtle, 'verify'),
    mock.method(globalThis.crypto.subtle, 'importKey'),
    mock.method(globalThis.crypto.subtle, 'digest')
  ]
  syncBuiltinESMExports()
  t.teardown(() => {
    mock.restoreAll()
    syncBuiltinESMExports()
  })
  const operations = () => spies.reduce((sum, spy) => sum + spy.mock.callCount(), 0)
  t.equal(await call(), 200)
  const first = operations()
  t.ok(first > 0, 'the first request verifies the signature')
  t.equal(await call(), 200)
  t.equal(operations(), first)
})

t.test('other claims before the signature of a token that is known are not known', async t => {
  const { app, call, headers } = await appOfAnn(t, {})
  t.equal(await call(), 200)
  const [head, , signature] = headers.authorization.split('.')
  const claims = Buffer.from(JSON.stringify({ sub: 'bob', role: 'admin' })).toString('base64url')
  const forged = { authorization: `${head}.${claims}.${signature}` }
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: forged })).statusCode, 401)
  t.equal(await call(), 200, 'nor do they push it out')
})

t.test('RS-04: a token that expires within revalidateAfter is refused at its end', async t => {
  const { call, watch } = await appOfAnn(t, { revalidateAfter: 60, accessTokenLifetime: 30 })
  t.equal(await call(), 200)
  mock.timers.setTime(start + 29_999)
  t.equal(await call(), 200)
  t.equal(watch.calls.length, 1)
  mock.timers.setTime(start + 30_000)
  t.equal(await call(), 401)
})

t.test('RS-04: so is one whose grant ends', async t => {
  const { call } = await appOfAnn(t, { revalidateAfter: 3600, grantLifetime: 60 })
  t.equal(await call(), 200)
  mock.timers.setTime(start + 60_000)
  t.equal(await call(), 401)
})

t.test('a header that no token was found for is looked up each time and pushes nobody out', async t => {
  const { app, call, watch } = await appOfAnn(t, { revalidateAfter: 60 })
  await call()
  for (let index = 0; index < 20; index++) {
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: `Bearer made.up.${index}` } })).statusCode, 401)
  }
  t.equal((await app.inject({ method: 'POST', url: '/mcp' })).statusCode, 401)
  t.strictSame(watch.calls, ['findToken'], 'a forged signature does not reach the storage')
  t.equal(await call(), 200)
  t.equal(watch.calls.length, 1)
})

t.test('a token is remembered in one spelling of its header', async t => {
  const { app, call, watch, headers } = await appOfAnn(t, { revalidateAfter: 60 })
  const authorization = headers.authorization.replace(' ', '  ')
  const callSpaced = async () => (await app.inject({ method: 'POST', url: '/mcp', headers: { authorization } })).statusCode
  t.equal(await callSpaced(), 200)
  t.equal(await callSpaced(), 200)
  t.equal(watch.calls.length, 2)
  await call()
  await call()
  t.equal(watch.calls.length, 3)
})
