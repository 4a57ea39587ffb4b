import t from 'tap'
import { cognito } from '../../lib/providers/index.ts'
import type { CognitoOptions } from '../../lib/providers/index.ts'
import { cognitoOrigins, region, startCognitoDouble, userPoolId } from '../fixtures/providers/cognito.ts'
import { standInFor } from '../fixtures/providers/double.ts'
import { signIn, startSignIn } from '../fixtures/providers/sign-in.ts'

const base = `https://shop.auth.${region}.amazoncognito.com/oauth2`
const urls = { authorizationUrl: `${base}/authorize`, tokenUrl: `${base}/token`, userinfoUrl: `${base}/userInfo` }
const custom = 'https://auth.example.com/oauth2'
const customUrls = { authorizationUrl: `${custom}/authorize`, tokenUrl: `${custom}/token`, userinfoUrl: `${custom}/userInfo` }
const issuer = `https://cognito-idp.${region}.amazonaws.com/${userPoolId}`
const you = {
  issuer,
  subject: '7c9ce4e0-1d8d-4a5b-8f2f-aaaabbbbcccc',
  email: 'you@example.com',
  emailVerified: true,
  name: 'You',
  picture: undefined,
  authenticatedAt: new Date(1_700_000_000_000)
}

async function setUp (t: Parameters<typeof startCognitoDouble>[0], options: Partial<CognitoOptions>) {
  const double = await startCognitoDouble(t)
  standInFor(t, [...cognitoOrigins, 'https://auth.example.com', 'https://cognito-idp.us-east-1.amazonaws.com'], double)
  return { double, provider: cognito({ clientId: double.clientId, clientSecret: double.clientSecret, ...options }) }
}

t.test('with only the URLs, an id_token that is of no pool of that region is untrusted, and userinfo does not stand in', async (t) => {
  const { double, provider } = await setUp(t, urls)
  const wrong = [
    'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEfGhI',
    `https://cognito-idp.${region}.amazonaws.com/us-east-1_AbCdEfGhI`,
    `https://cognito-idp.${region}.amazonaws.com.evil.example/${userPoolId}`,
    `https://cognito-idp.${region}.amazonaws.com/${userPoolId}/`,
    `https://cognito-idp.${region}.amazonaws.com/${userPoolId}/../x`,
    `https://cognito-idp-${region}.amazonaws.com/${userPoolId}`,
    `http://cognito-idp.${region}.amazonaws.com/${userPoolId}`,
    '', undefined
  ]
  for (const iss of wrong) {
    double.forge = (claims) => ({ ...claims, iss })
    await t.rejects(signIn(provider), { reason: 'untrusted', message: /not of a user pool/ }, String(iss))
  }
  t.equal(double.count(double.jwks), 0)
  t.equal(double.count(double.userinfo), 0)
})

t.test('with only the URLs, an id_token that the pool\'s keys did not sign is untrusted', async (t) => {
  const { double, provider } = await setUp(t, urls)
  await double.rotateKey()
  double.published = []
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /does not verify/ })
  t.equal(double.count(double.userinfo), 0)
})

t.test('with userPoolId, an id_token of another pool is untrusted', async (t) => {
  const { double, provider } = await setUp(t, { region, userPoolId, domain: 'shop' })
  double.forge = (claims) => ({ ...claims, iss: `https://cognito-idp.${region}.amazonaws.com/${region}_Other` })
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /another issuer/ })
})

t.test('RFC 9207: an iss that is of no such pool is untrusted before the code is exchanged', async (t) => {
  const wrong: Array<[Partial<CognitoOptions>, string]> = [
    [{ region, userPoolId }, `${issuer}0`], [urls, 'https://evil.example'], [customUrls, issuer]
  ]
  for (const [options, iss] of wrong) {
    const { double, provider } = await setUp(t, options)
    await t.rejects(signIn(provider, { issuer: iss }), { reason: 'untrusted', message: /another issuer/ }, iss)
    t.equal(double.count(double.token), 0)
  }
  const { provider } = await setUp(t, urls)
  await t.rejects(signIn(provider, { issuer: `${issuer}0` }), { reason: 'untrusted', message: /different issuers/ }, 'a pool, but not the id_token\'s')
  t.same(await signIn(provider, { issuer }), you)
})

t.test('I3, PX-07: email_verified counts as true and as the string "true" only', async (t) => {
  const { double, provider } = await setUp(t, customUrls)
  for (const value of ['false', 'True', '1', 1, false, null, undefined]) {
    double.userinfoAnswer['email_verified'] = value
    t.match(await signIn(provider), { email: 'you@example.com', emailVerified: false }, JSON.stringify(value))
  }
  for (const value of ['true', true]) {
    double.userinfoAnswer['email_verified'] = value
    t.match(await signIn(provider), { email: 'you@example.com', emailVerified: true }, JSON.stringify(value))
  }
})

t.test('userinfo of another subject is untrusted', async (t) => {
  const { double, provider } = await setUp(t, urls)
  double.claims['email'] = undefined
  t.same(await signIn(provider), you)
  double.userinfoAnswer['sub'] = 'other'
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /another subject/ })
})

const forms: Record<string, Partial<CognitoOptions>> = {
  'region and userPoolId, by discovery': { region, userPoolId },
  'region, userPoolId and domain': { region, userPoolId, domain: 'shop' },
  'region and domain': { region, domain: 'shop' },
  'the guide\'s three URLs': urls,
  'the three URLs and the issuer': { ...urls, issuer },
  'the issuer alone': { issuer },
  'a custom domain and the pool': { region, userPoolId, domain: 'auth.example.com' }
}

t.test('each form of the options signs in, and the id_token is verified', async (t) => {
  for (const [what, options] of Object.entries(forms)) {
    const { double, provider } = await setUp(t, options)
    t.match(provider, { id: 'cognito', name: 'Cognito' })
    const url = await provider.authorizationUrl(startSignIn().request)
    t.ok(url.startsWith(options.domain === 'auth.example.com' ? `${custom}/authorize?` : `${base}/authorize?`), what)
    t.match(url, /[?&]prompt=select_account(?:&|$)/)
    t.same(await signIn(provider), you, what)
    t.equal(double.count(double.userinfo), 0)
    t.equal(double.count(double.jwks), 1)
    t.equal(double.seen.find(({ path }) => path === double.token)?.form.get('client_secret'), double.clientSecret)
  }
})

t.test('under a custom domain without the pool, userinfo serves', async (t) => {
  for (const options of [customUrls, { domain: 'auth.example.com' }]) {
    const { double, provider } = await setUp(t, options)
    t.same(await signIn(provider), { ...you, issuer: 'https://auth.example.com', authenticatedAt: undefined })
    t.equal(double.count(double.userinfo), 1)
    t.equal(double.count(double.jwks), 0)
  }
})

t.test('a public app client sends no secret', async (t) => {
  const double = await startCognitoDouble(t, { onLoopback: true })
  double.clientSecret = undefined
  const provider = cognito({ clientId: double.clientId, issuer: `${double.origin}/${userPoolId}` })
  t.same(await signIn(provider), { ...you, issuer: `${double.origin}/${userPoolId}` })
})

t.test('all three URLs on loopback sign in by userinfo', async (t) => {
  const double = await startCognitoDouble(t, { onLoopback: true })
  const { origin, clientId, clientSecret } = double
  const provider = cognito({
    clientId, clientSecret, authorizationUrl: `${origin}/oauth2/authorize`, tokenUrl: `${origin}/oauth2/token`, userinfoUrl: `${origin}/oauth2/userInfo`
  })
  t.same(await signIn(provider), { ...you, issuer: origin, authenticatedAt: undefined })
})
