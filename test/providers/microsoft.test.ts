import t from 'tap'
import type { Test } from 'tap'
import { microsoft } from '../../lib/providers/index.ts'
import type { MicrosoftOptions } from '../../lib/providers/index.ts'
import { standInFor } from '../fixtures/providers/double.ts'
import { contoso, fabrikam, microsoftOrigins, startMicrosoftDouble } from '../fixtures/providers/microsoft.ts'
import { signIn, startSignIn } from '../fixtures/providers/sign-in.ts'

const cloud = 'https://login.microsoftonline.com'
const graph = 'https://graph.microsoft.com/v1.0/me'
const consumers = '9188040d-6c67-4c5b-b112-36a304b66dad'
const urlsOf = (tenant: string, base = cloud) => ({
  authorizationUrl: `${base}/${tenant}/oauth2/v2.0/authorize`,
  tokenUrl: `${base}/${tenant}/oauth2/v2.0/token`,
  userinfoUrl: graph
})
const you = {
  issuer: `${cloud}/${contoso}/v2.0`,
  subject: '00000000-0000-0000-66f3-3332eca7ea81',
  email: 'you@example.com',
  emailVerified: true,
  name: 'You',
  picture: undefined
}

async function setUp (t: Test, options: Partial<MicrosoftOptions> = {}, tenant = options.tenant ?? 'common') {
  const double = await startMicrosoftDouble(t, { tenant })
  standInFor(t, microsoftOrigins, double)
  return { double, provider: microsoft({ clientId: double.clientId, clientSecret: double.clientSecret, ...options }) }
}

t.test('I4, PX-07: where any tenant may come, an e-mail counts only with xms_edov', async (t) => {
  for (const tenant of ['common', 'organizations', 'consumers']) {
    const { double, provider } = await setUp(t, { tenant })
    for (const edov of [undefined, false, 'false', 0, '0', 'True', 'yes', 2, null, [true], {}]) {
      double.claims['xms_edov'] = edov
      double.claims['email_verified'] = true
      t.same(await signIn(provider), { ...you, emailVerified: false }, `${tenant}: ${JSON.stringify(edov)}`)
    }
    for (const edov of [true, 'true', 1, '1']) {
      double.claims['xms_edov'] = edov
      t.same(await signIn(provider), you, `${tenant}: ${JSON.stringify(edov)}`)
    }
  }
})

t.test('PX-07: xms_edov speaks of the id_token\'s e-mail, not of the userinfo endpoint\'s', async (t) => {
  const { double, provider } = await setUp(t)
  double.claims['xms_edov'] = true
  double.claims['email'] = undefined
  t.same(await signIn(provider), { ...you, emailVerified: false })
  double.userinfoAnswer = { sub: double.claims['sub'], email: 'you@example.com', email_verified: true, xms_edov: true }
  t.same(await signIn(provider), { ...you, emailVerified: false })
})

t.test('PX-07: a UPN or preferred_username is never an e-mail', async (t) => {
  const { double, provider } = await setUp(t, { tenant: contoso })
  double.claims['email'] = undefined
  double.claims['upn'] = 'upn@contoso.onmicrosoft.com'
  double.userinfoAnswer['mail'] = null
  t.same(await signIn(provider), { ...you, email: undefined, emailVerified: false })
})

t.test('PX-07: a tenant that is not one of tenants is refused', async (t) => {
  for (const tenants of [[fabrikam], [contoso.replace('8', '9')]]) {
    const { double, provider } = await setUp(t, { tenants })
    double.claims['xms_edov'] = true
    await t.rejects(signIn(provider), { reason: 'untrusted', message: `the tenant ${contoso} is not one of tenants` })
  }
  const { provider } = await setUp(t, { tenant: contoso, tenants: [fabrikam] })
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /not one of tenants/ }, 'with a fixed tenant too')
})

t.test('I4: the tid must be the tenant of the issuer', async (t) => {
  const wrong: Array<Record<string, unknown>> = [
    { tid: fabrikam }, { iss: `${cloud}/${fabrikam}/v2.0` }, { tid: undefined }, { tid: '' }, { tid: [contoso] }, { tid: 1 },
    { tid: 'common', iss: `${cloud}/common/v2.0` }, { tid: '{tenantid}', iss: `${cloud}/{tenantid}/v2.0` },
    { tid: `${contoso}/x`, iss: `${cloud}/${contoso}/x/v2.0` }, { tid: contoso.toUpperCase(), iss: `${cloud}/${contoso.toUpperCase()}/v2.0` },
    { iss: `https://sts.windows.net/${contoso}/` }, { iss: `${cloud}/${contoso}/v2.0/` }, { iss: `https://evil.example/${contoso}/v2.0` }
  ]
  for (const tenant of ['common', contoso, 'contoso.onmicrosoft.com']) {
    const { double, provider } = await setUp(t, { tenant })
    for (const claims of wrong) {
      double.forge = (right) => ({ ...right, xms_edov: true, ...claims })
      await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' }, `${tenant}: ${JSON.stringify(claims)}`)
    }
    t.equal(double.count(double.userinfo), 0)
  }
})

t.test('a fixed tenant admits no other tenant', async (t) => {
  for (const tenant of [contoso, 'contoso.onmicrosoft.com']) {
    const { double, provider } = await setUp(t, { tenant })
    double.forge = (claims) => ({ ...claims, tid: fabrikam, iss: `${cloud}/${fabrikam}/v2.0` })
    await t.rejects(signIn(provider), { reason: 'untrusted', message: /another issuer/ }, tenant)
  }
})

t.test('Discovery §4.3: a document of another tenant, or one that leaves a fixed tenant open, is untrusted', async (t) => {
  const wrong: Array<[string, string]> = [
    [contoso, `${cloud}/${fabrikam}/v2.0`], [contoso, `${cloud}/{tenantid}/v2.0`], ['contoso.onmicrosoft.com', `${cloud}/{tenantid}/v2.0`],
    ['contoso.onmicrosoft.com', `https://evil.example/${contoso}/v2.0`], ['consumers', `${cloud}/{tenantid}/v2.0`],
    ['common', `${cloud}/${contoso}/v2.0`], ['common', `${cloud}/common/v2.0`], ['organizations', 'https://evil.example/{tenantid}/v2.0']
  ]
  for (const [tenant, issuer] of wrong) {
    const { double, provider } = await setUp(t, { tenant })
    double.document['issuer'] = issuer
    await t.rejects(provider.authorizationUrl(startSignIn().request), { reason: 'untrusted', message: /another issuer/ }, `${tenant}: ${issuer}`)
  }
})

t.test('a key that Entra publishes for another issuer does not sign', async (t) => {
  const { double, provider } = await setUp(t)
  const { jwk } = double.key
  for (const issuer of [`${cloud}/${fabrikam}/v2.0`, 'https://login.microsoftonline.us/{tenantid}/v2.0']) {
    double.published = [{ ...jwk, issuer }]
    const fresh = microsoft({ clientId: double.clientId, clientSecret: double.clientSecret })
    await t.rejects(signIn(fresh), { reason: 'untrusted', message: /key of another issuer/ }, issuer)
  }
  for (const issuer of [`${cloud}/${contoso}/v2.0`, `${cloud}/{tenantid}/v2.0`]) {
    double.published = [{ ...jwk, issuer }]
    const fresh = microsoft({ clientId: double.clientId, clientSecret: double.clientSecret })
    t.match(await signIn(fresh), { subject: you.subject }, issuer)
  }
  double.published = [jwk]
  t.match(await signIn(provider), { subject: you.subject }, 'a key without an issuer')
})

t.test('userinfo of another person is untrusted', async (t) => {
  const { double, provider } = await setUp(t, { tenant: contoso })
  double.claims['email'] = undefined
  t.same(await signIn(provider), you, 'Graph names the object id')
  double.userinfoAnswer['id'] = 'other'
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /another subject/ })
  double.userinfoAnswer = { sub: double.claims['sub'], email: 'you@example.com', name: 'You' }
  t.same(await signIn(provider), you, 'the OpenID endpoint names the subject')
  double.userinfoAnswer['sub'] = 'other'
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /another subject/ })
})

t.test('an id_token without oid names nobody', async (t) => {
  const { double, provider } = await setUp(t, { tenant: contoso })
  double.claims['oid'] = undefined
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /no usable oid/ })
  double.claims['email'] = undefined
  delete double.userinfoAnswer['id']
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /no usable oid/ })
})

t.test('RFC 9207: an iss of no tenant, or of another than the id_token\'s, is untrusted', async (t) => {
  const wrong: Array<[string, string]> = [
    ['common', 'https://evil.example'], ['common', `${cloud}/common/v2.0`], ['common', `${cloud}/{tenantid}/v2.0`], [contoso, `${cloud}/${fabrikam}/v2.0`]
  ]
  for (const [tenant, iss] of wrong) {
    const { double, provider } = await setUp(t, { tenant })
    await t.rejects(signIn(provider, { issuer: iss }), { reason: 'untrusted', message: /another issuer/ }, `${tenant}: ${iss}`)
    t.equal(double.count(double.token), 0)
  }
  const { provider } = await setUp(t, { tenants: [contoso] })
  await t.rejects(signIn(provider, { issuer: `${cloud}/${fabrikam}/v2.0` }), { reason: 'untrusted', message: /different issuers/ })
  t.same(await signIn(provider, { issuer: you.issuer }), you)
})

t.test('PX-07: with any tenant and no id_token, nobody signs in', async (t) => {
  for (const options of [{}, { tenants: [contoso] }]) {
    const { double, provider } = await setUp(t, options)
    double.sign = undefined
    await t.rejects(signIn(provider), { reason: 'untrusted', message: /nothing tells the tenant/ })
  }
})

t.test('PX-07: no way to verify stops the start', async (t) => {
  for (const tenant of ['common', 'organizations', 'consumers', consumers, undefined]) {
    t.throws(() => microsoft({ clientId: 'c', tenant, tenants: [contoso], scopes: ['User.Read'] }), {
      name: 'InvalidOptionError', option: 'microsoft.scopes', message: /must hold openid/
    }, String(tenant))
  }
  t.throws(() => microsoft({ clientId: 'c', ...urlsOf('common'), scopes: ['email', 'profile'] }), { name: 'InvalidOptionError', option: 'microsoft.scopes' })
})

t.test('a tenant that is said twice must be the same', async (t) => {
  const wrong: Array<Partial<MicrosoftOptions>> = [
    { tenant: contoso, ...urlsOf('common') },
    { tenant: 'common', ...urlsOf(contoso) },
    { ...urlsOf('common'), tokenUrl: urlsOf(contoso).tokenUrl },
    { ...urlsOf('common'), tokenUrl: urlsOf('common', 'https://login.microsoftonline.us').tokenUrl },
    { issuer: `${cloud}/${contoso}/v2.0`, ...urlsOf(fabrikam) },
    { tenant: fabrikam, issuer: `${cloud}/${contoso}/v2.0` },
    { ...urlsOf('common'), authorizationUrl: 'https://proxy.example.com/authorize', tenant: contoso }
  ]
  for (const options of wrong) {
    t.throws(() => microsoft({ clientId: 'c', ...options }), { name: 'InvalidOptionError', option: 'microsoft.tenant', message: /all must name the same/ }, JSON.stringify(options))
  }
})

t.test('a tenant, tenants or issuer of no known form stops the start', async (t) => {
  const wrong: Array<[Partial<MicrosoftOptions>, string]> = [
    [{ tenant: '' }, 'tenant'], [{ tenant: 'contoso' }, 'tenant'], [{ tenant: '../common' }, 'tenant'], [{ tenant: '{tenantid}' }, 'tenant'],
    [urlsOf('{tenantid}'), 'tenant'], [urlsOf('nonsense'), 'tenant'],
    [{ tenants: [] }, 'tenants'], [{ tenants: ['contoso.onmicrosoft.com'] }, 'tenants'], [{ tenants: ['common'] }, 'tenants'],
    [{ issuer: 'https://login.microsoftonline.com' }, 'issuer'], [{ issuer: `https://sts.windows.net/${contoso}/` }, 'issuer'],
    [{ issuer: `${cloud}/${contoso}/v2.0?x=y` }, 'issuer']
  ]
  for (const [options, option] of wrong) {
    t.throws(() => microsoft({ clientId: 'c', ...options }), { name: 'InvalidOptionError', option: `microsoft.${option}` }, JSON.stringify(options))
  }
})

t.test('the preset asks common by discovery, with select_account and the secret in the body', async (t) => {
  const { double, provider } = await setUp(t)
  double.claims['xms_edov'] = true
  t.match(provider, { id: 'microsoft', name: 'Microsoft' })
  const url = new URL(await provider.authorizationUrl(startSignIn().request))
  t.equal(`${url.origin}${url.pathname}`, `${cloud}/common/oauth2/v2.0/authorize`)
  t.match(Object.fromEntries(url.searchParams), { prompt: 'select_account', scope: 'openid email profile' })
  t.notOk(url.searchParams.has('resource'), 'PX-09: Entra refuses it')
  t.same(await signIn(provider), you)
  t.equal(double.seen.find(({ path }) => path === double.token)?.form.get('client_secret'), double.clientSecret)
  t.equal(double.count(double.userinfo), 0)
})

const trusted: Record<string, [Partial<MicrosoftOptions>, string]> = {
  'a tenant id': [{ tenant: contoso }, contoso],
  'a tenant id in capitals': [{ tenant: contoso.toUpperCase() }, contoso],
  'a domain': [{ tenant: 'contoso.onmicrosoft.com' }, 'contoso.onmicrosoft.com'],
  'one of tenants': [{ tenants: [fabrikam, contoso.toUpperCase()] }, 'common'],
  'one of tenants, by organizations': [{ tenant: 'organizations', tenants: [contoso] }, 'organizations'],
  'a tenant id in the URLs': [urlsOf(contoso), contoso],
  'a tenant id in an URL with a query': [{ authorizationUrl: `${urlsOf(contoso).authorizationUrl}?domain_hint=example.com` }, contoso],
  'a domain in the URLs': [urlsOf('contoso.onmicrosoft.com'), 'contoso.onmicrosoft.com'],
  'the guide\'s three URLs and tenants': [{ ...urlsOf('common'), tenants: [contoso] }, 'common'],
  'a tenant id in the issuer': [{ issuer: `${cloud}/${contoso}/v2.0` }, contoso],
  'all the same': [{ tenant: contoso, tenants: [contoso], issuer: `${cloud}/${contoso}/v2.0`, ...urlsOf(contoso) }, contoso]
}

t.test('PX-07: the e-mail of a trusted tenant counts; people are known by tid and oid', async (t) => {
  for (const [what, [options, tenant]] of Object.entries(trusted)) {
    const { double, provider } = await setUp(t, options, tenant)
    double.claims['xms_edov'] = false
    t.same(await signIn(provider), you, what)
    t.match(await provider.authorizationUrl(startSignIn().request), `${cloud}/${tenant}/oauth2/v2.0/authorize`)
  }
})

t.test('with one fixed tenant, Graph serves where no id_token comes', async (t) => {
  for (const tenant of [contoso, 'contoso.onmicrosoft.com']) {
    const { double, provider } = await setUp(t, { tenant, scopes: ['User.Read'] })
    double.sign = undefined
    t.same(await signIn(provider), you, tenant)
    double.userinfoAnswer = { sub: 'pairwise', email: 'you@example.com' }
    await t.rejects(signIn(provider), { reason: 'untrusted', message: /no usable oid/ }, 'not by the subject of another endpoint')
  }
  const { double, provider } = await setUp(t, { tenant: contoso, tenants: [fabrikam] })
  double.sign = undefined
  await t.rejects(signIn(provider), { reason: 'untrusted', message: /not one of tenants/ })
})

t.test('personal accounts are no tenant whose e-mails count by themselves, by whatever name', async (t) => {
  const { double, provider } = await setUp(t, { tenant: consumers }, 'consumers')
  const issuer = `${cloud}/${consumers}/v2.0`
  double.document['issuer'] = issuer
  double.forge = (claims) => ({ ...claims, tid: consumers, iss: issuer })
  t.same(await signIn(provider), { ...you, issuer, emailVerified: false })
})

t.test('another cloud answers by its own address, also for userinfo', async (t) => {
  const double = await startMicrosoftDouble(t, { tenant: contoso, onLoopback: true })
  const { origin, clientId, clientSecret } = double
  const issuer = `${origin}/${contoso}/v2.0`
  double.userinfo = '/oidc/userinfo'
  double.userinfoAnswer = { sub: double.claims['sub'], email: 'you@example.com' }
  double.claims['email'] = undefined
  for (const options of [{ issuer }, urlsOf(contoso, origin)]) {
    const provider = microsoft({ clientId, clientSecret, ...options, userinfoUrl: undefined })
    t.same(await signIn(provider), { ...you, issuer })
  }
})

t.test('PX-07: personal accounts are a tenant of everybody, also among tenants', async (t) => {
  for (const options of [{ tenants: [consumers] }, { tenants: [contoso, consumers] }]) {
    const { double, provider } = await setUp(t, options)
    double.claims['tid'] = consumers
    double.claims['iss'] = `${cloud}/${consumers}/v2.0`
    t.match(await signIn(provider), { emailVerified: false }, JSON.stringify(options))
    double.claims['xms_edov'] = true
    t.match(await signIn(provider), { emailVerified: true }, JSON.stringify(options))
  }
})
