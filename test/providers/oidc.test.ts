import t from 'tap'
import type { Test } from 'tap'
import { oidc } from '../../lib/providers/index.ts'
import type { OidcOptions } from '../../lib/providers/index.ts'
import type { DoubleShape } from '../fixtures/providers/double.ts'
import { startOidcDouble } from '../fixtures/providers/oidc.ts'
import { callback, signIn, startSignIn } from '../fixtures/providers/sign-in.ts'

async function setUp (t: Test, options: Partial<OidcOptions> = {}, shape: Partial<DoubleShape> = {}) {
  const double = await startOidcDouble(t, shape)
  const { origin: issuer, clientId, clientSecret } = double
  return { double, provider: oidc({ id: 'some', issuer, clientId, clientSecret, ...options }) }
}

const tokenRequest = (double: Awaited<ReturnType<typeof startOidcDouble>>) => double.seen.find(({ path }) => path === double.token)

t.test('RFC 9207 §2.4: a wrong iss is untrusted before the code is exchanged', async (t) => {
  const { double, provider } = await setUp(t)
  for (const iss of ['https://evil.example', `${double.origin}/`, '']) {
    await t.rejects(signIn(provider, { issuer: iss }), { reason: 'untrusted', message: /another issuer/ }, iss)
  }
  t.equal(double.count('/token'), 0)
})

t.test('RFC 9207 §2.4: a missing iss is untrusted where the provider says that it sends one', async (t) => {
  const { double, provider } = await setUp(t)
  double.document['authorization_response_iss_parameter_supported'] = true
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /lacks its issuer/ })
  t.equal(double.count('/token'), 0)
  double.responseIssuer = double.origin
  t.match(await signIn(provider), { subject: 'subject-1' })
})

t.test('OpenID Connect Core §5.3.2: userinfo of another subject is untrusted', async (t) => {
  const { double, provider } = await setUp(t, {}, { claims: { sub: 'subject-1' } })
  for (const sub of ['subject-2', '', undefined, ['subject-1']]) {
    double.userinfoAnswer['sub'] = sub
    await t.rejects(signIn(provider), { reason: 'untrusted', message: /another subject/ }, String(sub))
  }
})

t.test('an access token that can not be sent is untrusted', async (t) => {
  const { double, provider } = await setUp(t)
  for (const accessToken of [undefined, 1, '', 'with space', 'line\r\nbreak', 'ä']) {
    double.instead.set('/token', (_request, response) => response.end(JSON.stringify({ access_token: accessToken })))
    await t.rejects(signIn(provider), { reason: 'untrusted', message: /access_token/ }, String(accessToken))
  }
})

t.test('without an id_token and a userinfo endpoint nobody signs in', async (t) => {
  const { double, provider } = await setUp(t)
  double.sign = undefined
  delete double.document['userinfo_endpoint']
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /neither an id_token nor a userinfo endpoint/ })
})

t.test('a subject that is empty, too long or unclean is untrusted', async (t) => {
  const { double, provider } = await setUp(t)
  for (const sub of ['', 'x'.repeat(256), 'a\u0000b', 'a\nb', '\ud800', 1, null, ['x']]) {
    double.claims['sub'] = sub
    await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' }, JSON.stringify(sub))
  }
  double.sign = undefined
  for (const sub of ['', undefined, 1, 'x'.repeat(256)]) {
    double.userinfoAnswer['sub'] = sub
    await t.rejects(signIn(provider), { reason: 'untrusted', message: /no usable sub/ }, JSON.stringify(sub))
  }
  double.userinfoAnswer['sub'] = 'x'.repeat(255)
  t.match(await signIn(provider), { subject: 'x'.repeat(255) })
})

t.test('a provider that takes client secrets in neither way is refused', async (t) => {
  const { double, provider } = await setUp(t)
  double.document['token_endpoint_auth_methods_supported'] = ['private_key_jwt', 'none']
  await t.rejects(signIn(provider), { reason: 'refused', message: /client_secret_basic/ })
  t.equal(double.count('/token'), 0)
})

t.test('I3: email_verified counts only as the boolean true', async (t) => {
  const { double, provider } = await setUp(t)
  for (const value of [false, 'true', 'false', 1, null, undefined]) {
    double.claims['email_verified'] = value
    t.match(await signIn(provider), { email: 'you@example.com', emailVerified: false }, JSON.stringify(value))
  }
  double.claims['email_verified'] = true
  t.match(await signIn(provider), { email: 'you@example.com', emailVerified: true })
})

t.test('an e-mail at the userinfo endpoint counts by what that endpoint says, not the id_token', async (t) => {
  const { double, provider } = await setUp(t, {}, { claims: { sub: 'subject-1', email_verified: true } })
  double.userinfoAnswer['email_verified'] = false
  t.match(await signIn(provider), { email: 'you@example.com', emailVerified: false })
  double.userinfoAnswer['email_verified'] = true
  t.match(await signIn(provider), { email: 'you@example.com', emailVerified: true })
})

t.test('no e-mail, or one that is no string, is none, and not verified', async (t) => {
  const { double, provider } = await setUp(t)
  for (const email of [undefined, '', 1, ['you@example.com']]) {
    double.claims['email'] = email
    double.userinfoAnswer['email'] = email
    t.match(await signIn(provider), { email: undefined, emailVerified: false }, JSON.stringify(email))
  }
  delete double.document['userinfo_endpoint']
  const { origin: issuer, clientId, clientSecret } = double
  const other = oidc({ id: 'some', issuer, clientId, clientSecret })
  t.match(await signIn(other), { subject: 'subject-1', email: undefined, emailVerified: false }, 'no userinfo endpoint')
})

t.test('PX-08: the e-mail comes as the provider gave it', async (t) => {
  const { double, provider } = await setUp(t)
  for (const email of [' You@Example.COM ', 'a@evil.com@company.com', 'you\uff20example.com']) {
    double.claims['email'] = email
    t.match(await signIn(provider), { email })
  }
})

t.test('PX-10: names and pictures are cleaned, cut or left out', async (t) => {
  const { double, provider } = await setUp(t)
  const names: Array<[unknown, string | undefined]> = [
    ['You', 'You'], [' You\u0000\nThere\u202e ', 'You There'], ['', undefined], ['\u0000', undefined], [1, undefined], [{}, undefined]
  ]
  for (const [given, name] of names) {
    double.claims['name'] = given
    t.equal((await signIn(provider)).name, name, JSON.stringify(given))
  }
  double.claims['name'] = '😀'.repeat(10_000)
  t.equal(Array.from((await signIn(provider)).name ?? '').length, 200)

  const long = `https://example.com/${'x'.repeat(2_028)}`
  const pictures: Array<[unknown, string | undefined]> = [
    ['https://example.com/a b.png', 'https://example.com/a%20b.png'], [long, long], [`${long}x`, undefined], ['http://example.com/a.png', undefined],
    ['javascript:alert(1)', undefined], ['data:image/png;base64,AA', undefined], ['https://user@example.com/', undefined],
    ['https://:pass@example.com/', undefined], ['a.png', undefined], ['', undefined], [1, undefined]
  ]
  for (const [given, picture] of pictures) {
    double.claims['picture'] = given
    t.equal((await signIn(provider)).picture, picture, JSON.stringify(given))
  }
})

t.test('PX-06, PX-09: the authorization request has PKCE, nonce and state, and neither resource nor an unknown prompt', async (t) => {
  const { double, provider } = await setUp(t)
  const { request } = startSignIn()
  const url = new URL(await provider.authorizationUrl(request))
  t.equal(`${url.origin}${url.pathname}`, `${double.origin}/authorize`)
  t.same(Object.fromEntries(url.searchParams), {
    response_type: 'code',
    client_id: 'our-client',
    redirect_uri: callback,
    scope: 'openid email profile',
    state: request.state,
    nonce: request.nonce,
    code_challenge: request.codeChallenge,
    code_challenge_method: 'S256'
  })
})

t.test('PX-09: prompt is what the options say, else select_account where the provider knows it', async (t) => {
  const { double, provider } = await setUp(t)
  double.document['prompt_values_supported'] = ['none', 'login', 'select_account']
  double.document['authorization_endpoint'] = `${double.origin}/authorize?audience=ours&state=theirs`
  const { request } = startSignIn()
  const { searchParams } = new URL(await provider.authorizationUrl(request))
  t.equal(searchParams.get('prompt'), 'select_account')
  t.equal(searchParams.get('audience'), 'ours', 'RFC 6749 §3.1: a query of the endpoint is kept')
  t.same(searchParams.getAll('state'), [request.state])

  const common = { id: 'some', issuer: double.origin, clientId: 'c', authorizationUrl: 'https://sign-in.example.com/' }
  const login = oidc({ ...common, prompt: 'login consent', scopes: ['openid', 'email'] })
  t.match(new URL(await login.authorizationUrl(request)).search, /scope=openid\+email&.*prompt=login\+consent$/)
  t.notMatch(await oidc({ ...common, prompt: false }).authorizationUrl(request), /prompt/)
  t.equal(double.count('/.well-known/openid-configuration'), 1, 'with all said by options, nothing is asked')
})

t.test('RFC 6749 §2.3.1: the client authenticates as the provider says, Basic by default', async (t) => {
  const methods: Array<[unknown, boolean]> = [
    [undefined, true], [[], true], ['client_secret_post', true], [['client_secret_post', 'client_secret_basic'], true], [['client_secret_post'], false]
  ]
  for (const [supported, usesBasic] of methods) {
    const { double, provider } = await setUp(t)
    double.document['token_endpoint_auth_methods_supported'] = supported
    t.match(await signIn(provider), { subject: 'subject-1' })
    const { headers, form } = tokenRequest(double) ?? {}
    t.equal(headers?.authorization?.startsWith('Basic '), usesBasic ? true : undefined, JSON.stringify(supported))
    t.equal(form?.get('client_secret'), usesBasic ? null : double.clientSecret)
    t.same(new Set(form?.keys()), new Set(['grant_type', 'code', 'redirect_uri', 'code_verifier', ...usesBasic ? [] : ['client_id', 'client_secret']]))
  }
})

t.test('a public client sends its id and no secret', async (t) => {
  const { double, provider } = await setUp(t, { clientSecret: undefined }, { clientSecret: undefined })
  double.document['token_endpoint_auth_methods_supported'] = ['none']
  t.match(await signIn(provider), { subject: 'subject-1' })
  t.same([...tokenRequest(double)?.form.keys() ?? []], ['grant_type', 'code', 'redirect_uri', 'code_verifier', 'client_id'])
  t.equal(tokenRequest(double)?.headers.authorization, undefined)
})

t.test('userinfo serves where no id_token comes', async (t) => {
  const { double, provider } = await setUp(t)
  double.sign = undefined
  t.same(await signIn(provider), {
    issuer: double.origin,
    subject: 'subject-1',
    email: 'you@example.com',
    emailVerified: true,
    name: 'You',
    picture: 'https://example.com/you.png'
  })
})

t.test('overridden endpoints go before the discovery document', async (t) => {
  const { double, provider: plain } = await setUp(t)
  double.document['authorization_endpoint'] = 'https://nowhere.example/a'
  double.document['token_endpoint'] = 'https://nowhere.example/t'
  double.document['userinfo_endpoint'] = 'https://nowhere.example/u'
  double.claims['email'] = undefined
  const { origin: issuer, clientId, clientSecret } = double
  const provider = oidc({
    id: 'some', issuer, clientId, clientSecret, authorizationUrl: `${issuer}/authorize`, tokenUrl: `${issuer}/token`, userinfoUrl: `${issuer}/userinfo`
  })
  t.match(await signIn(provider), { issuer, subject: 'subject-1', email: 'you@example.com', emailVerified: true })
  t.match(await plain.authorizationUrl(startSignIn().request), /^https:\/\/nowhere\.example\/a\?/)
})
