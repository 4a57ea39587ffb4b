import { mock } from 'node:test'
import t from 'tap'
import type { Test } from 'tap'
import { oidc } from '../../lib/providers/index.ts'
import { standInFor } from '../fixtures/providers/double.ts'
import { startOidcDouble } from '../fixtures/providers/oidc.ts'
import { signIn, startSignIn } from '../fixtures/providers/sign-in.ts'

const discovery = '/.well-known/openid-configuration'

async function setUp (t: Test) {
  const double = await startOidcDouble(t)
  const { origin: issuer, clientId, clientSecret } = double
  return { double, provider: oidc({ id: 'some', issuer, clientId, clientSecret }) }
}

/** The clock stands still; timers run. */
function stopClock (t: Test) {
  mock.timers.enable({ apis: ['Date'], now: Date.now() })
  t.teardown(() => mock.timers.reset())
  return { forward: (seconds: number) => mock.timers.setTime(Date.now() + seconds * 1_000) }
}

t.test('OpenID Connect Discovery §4.3: a document of another issuer is untrusted', async (t) => {
  const { double, provider } = await setUp(t)
  for (const issuer of ['https://evil.example', `${double.origin}/`, double.origin.toUpperCase(), [double.origin], undefined]) {
    double.document['issuer'] = issuer
    await t.rejects(provider.authorizationUrl(startSignIn().request), { reason: 'untrusted', message: /another issuer/ }, String(issuer))
  }
})

t.test('endpoints that are neither https nor loopback are untrusted', async (t) => {
  const { double, provider } = await setUp(t)
  for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri']) {
    const good = double.document[name]
    for (const address of ['http://example.com/x', '/relative', 'javascript:alert(1)', 'https://user@example.com/', 1, null, [good]]) {
      double.document[name] = address
      await t.rejects(provider.authorizationUrl(startSignIn().request), { reason: 'untrusted', message: `bad ${name}` }, `${name} ${address}`)
    }
    double.document[name] = good
  }
})

t.test('an https issuer can not send us to this machine', async (t) => {
  const issuer = 'https://sign-in.example.com'
  const double = await startOidcDouble(t, { document: () => ({ issuer, jwks_uri: `${issuer}/jwks` }) })
  standInFor(t, [issuer], double)
  const provider = oidc({ id: 'some', issuer, clientId: double.clientId, authorizationUrl: `${issuer}/authorize` })
  t.ok(await provider.authorizationUrl(startSignIn().request))
  for (const name of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri']) {
    const fresh = oidc({ id: 'some', issuer, clientId: double.clientId, authorizationUrl: `${issuer}/authorize` })
    const good = double.document[name]
    double.document[name] = 'http://127.0.0.1:8080/admin'
    await t.rejects(fresh.authorizationUrl(startSignIn().request), { reason: 'untrusted', message: `bad ${name}` }, name)
    double.document[name] = good
  }
})

t.test('a document that lacks what is needed is untrusted', async (t) => {
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri']) {
    const { double, provider } = await setUp(t)
    delete double.document[name]
    await t.rejects(signIn(provider), { reason: 'untrusted', message: `no ${name}` }, name)
  }
})

t.test('a failure is not kept: the next sign-in asks again', async (t) => {
  const { double, provider } = await setUp(t)
  double.instead.set(discovery, (_request, response) => response.writeHead(503).end())
  const { request } = startSignIn()
  const both = await Promise.allSettled([provider.authorizationUrl(request), provider.authorizationUrl(request)])
  t.match(both, [{ reason: { reason: 'unavailable' } }, { reason: { reason: 'unavailable' } }])
  t.equal(double.count(discovery), 1, 'those who wait share one request')
  double.instead.clear()
  t.ok(await provider.authorizationUrl(request))
  t.equal(double.count(discovery), 2)
})

t.test('the document is read at first use and once an hour', async (t) => {
  const clock = stopClock(t)
  const { double, provider } = await setUp(t)
  t.equal(double.count(discovery), 0)
  await Promise.all([signIn(provider), signIn(provider)])
  clock.forward(3_599)
  await signIn(provider)
  t.equal(double.count(discovery), 1)
  clock.forward(1)
  await signIn(provider)
  t.equal(double.count(discovery), 2)
})

t.test('upstream keys may rotate: an unknown kid is looked for again, at most every 30 seconds', async (t) => {
  const clock = stopClock(t)
  const { double, provider } = await setUp(t)
  await signIn(provider)
  t.equal(double.count('/jwks'), 1)

  await double.rotateKey()
  clock.forward(29)
  await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' })
  t.equal(double.count('/jwks'), 1, 'a flood of unknown keys asks nothing')

  clock.forward(1)
  t.match(await signIn(provider), { subject: 'subject-1' })
  t.equal(double.count('/jwks'), 2)
  await signIn(provider)
  t.equal(double.count('/jwks'), 2)
})

t.test('a key that is published no more verifies nothing once the keys are read again', async (t) => {
  const clock = stopClock(t)
  const { double, provider } = await setUp(t)
  await signIn(provider)
  double.published = []
  clock.forward(600)
  await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' })
})

t.test('OpenID Connect Discovery §4.1: a path and a slash at the end of the issuer are kept', async (t) => {
  for (const path of ['/tenant', '/tenant/', '/']) {
    const double = await startOidcDouble(t, {
      discovery: `${path.replace(/\/$/, '')}${discovery}`,
      tokenIssuer: (origin) => `${origin}${path}`
    })
    const issuer = `${double.origin}${path}`
    double.document['issuer'] = issuer
    const provider = oidc({ id: 'some', issuer, clientId: double.clientId, clientSecret: double.clientSecret })
    t.match(await signIn(provider), { issuer, subject: 'subject-1' }, path)
  }
})
