import t from 'tap'
import { google } from '../../lib/providers/index.ts'
import type { GoogleOptions } from '../../lib/providers/index.ts'
import { standInFor } from '../fixtures/providers/double.ts'
import { googleOrigins, startGoogleDouble } from '../fixtures/providers/google.ts'
import { callback, signIn, startSignIn } from '../fixtures/providers/sign-in.ts'

const real = {
  authorizationUrl: 'https://accounts.google.com/o/oauth2/v2/auth',
  tokenUrl: 'https://oauth2.googleapis.com/token',
  userinfoUrl: 'https://www.googleapis.com/oauth2/v2/userinfo'
}
const you = {
  issuer: 'https://accounts.google.com',
  subject: '110169484474386276334',
  email: 'you@example.com',
  emailVerified: true,
  name: 'You',
  picture: 'https://lh3.googleusercontent.com/a/photo=s96-c'
}

async function setUp (t: Parameters<typeof startGoogleDouble>[0], options: Partial<GoogleOptions> = {}) {
  const double = await startGoogleDouble(t)
  standInFor(t, googleOrigins, double)
  return { double, provider: google({ clientId: double.clientId, clientSecret: double.clientSecret ?? '', ...options }) }
}

t.test('I3, PX-07: email_verified counts only as the boolean true', async (t) => {
  const { double, provider } = await setUp(t)
  for (const value of [false, 'true', 'false', undefined]) {
    double.claims['email_verified'] = value
    t.match(await signIn(provider), { email: 'you@example.com', emailVerified: false }, String(value))
  }
})

t.test('I3, PX-07: verified_email of userinfo v2 counts only as the boolean true', async (t) => {
  const { double, provider } = await setUp(t, real)
  double.sign = undefined
  for (const value of [false, 'true', 'false', undefined]) {
    double.userinfoAnswer['verified_email'] = value
    double.userinfoAnswer['email_verified'] = true
    t.match(await signIn(provider), { email: 'you@example.com', emailVerified: false }, String(value))
  }
})

t.test('an id_token of another issuer, audience or nonce is untrusted, and userinfo does not stand in', async (t) => {
  const { double, provider } = await setUp(t, real)
  const wrong: Array<Record<string, unknown>> = [
    { iss: 'https://accounts.google.com/' }, { iss: 'http://accounts.google.com' }, { aud: 'other.apps.googleusercontent.com' }, { nonce: 'other' }
  ]
  for (const claims of wrong) {
    double.forge = (right) => ({ ...right, ...claims })
    await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' }, JSON.stringify(claims))
  }
  t.equal(double.count(double.userinfo), 0)
})

t.test('userinfo v2 of another subject is untrusted', async (t) => {
  const { double, provider } = await setUp(t, real)
  double.claims['email'] = undefined
  double.userinfoAnswer['id'] = '1'
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /another subject/ })
  delete double.userinfoAnswer['id']
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /another subject/ })
})

t.test('another spelling of the issuer is one issuer', async (t) => {
  const { double, provider } = await setUp(t)
  double.forge = (claims) => ({ ...claims, iss: 'accounts.google.com' })
  t.same(await signIn(provider), you)
})

t.test('the preset signs in by discovery, with select_account and the secret in the body', async (t) => {
  const { double, provider } = await setUp(t)
  t.match(provider, { id: 'google', name: 'Google', emailDomains: undefined })
  const { request } = startSignIn()
  const url = new URL(await provider.authorizationUrl(request))
  t.equal(`${url.origin}${url.pathname}`, real.authorizationUrl)
  t.match(Object.fromEntries(url.searchParams), { prompt: 'select_account', redirect_uri: callback, scope: 'openid email profile', code_challenge_method: 'S256' })
  t.notOk(url.searchParams.has('resource'), 'PX-09')
  t.same(await signIn(provider), you)
  t.equal(double.seen.find(({ path }) => path === double.token)?.form.get('client_secret'), double.clientSecret)
})

t.test('the guide\'s three URLs sign in; the id_token is verified by Google\'s keys', async (t) => {
  const { double, provider } = await setUp(t, real)
  t.same(await signIn(provider), you)
  t.equal(double.count(double.userinfo), 0)
  t.equal(double.count(double.jwks), 1)
})

t.test('userinfo v2 serves where no id_token comes, and is asked where it names no e-mail', async (t) => {
  const { double, provider } = await setUp(t, real)
  double.claims['email'] = undefined
  t.same(await signIn(provider), you)
  double.sign = undefined
  t.same(await signIn(provider), you)
  t.equal(double.count(double.userinfo), 2)
})

t.test('the newer userinfo endpoint has standard names', async (t) => {
  const { double, provider } = await setUp(t)
  double.sign = undefined
  double.userinfo = '/v1/userinfo'
  double.userinfoAnswer = { sub: '110169484474386276334', email: 'you@example.com', email_verified: true, name: 'You', picture: you.picture }
  t.same(await signIn(provider), you)
})

t.test('with another issuer, everything goes there', async (t) => {
  const double = await startGoogleDouble(t, { onLoopback: true })
  const { origin: issuer, clientId } = double
  const provider = google({ issuer, clientId, clientSecret: double.clientSecret ?? '', id: 'stand-in', name: 'Stand-in', emailDomains: ['Example.com'] })
  t.match(provider, { id: 'stand-in', name: 'Stand-in', emailDomains: ['example.com'] })
  t.same(await signIn(provider), { ...you, issuer })
  double.forge = (claims) => ({ ...claims, iss: 'accounts.google.com' })
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /another issuer/ }, 'Google\'s other spelling is not this issuer\'s')
})
