import t from 'tap'
import { examine } from '../../../lib/cli/doctor/examine.ts'
import { providerChecks } from '../../../lib/cli/doctor/provider.ts'
import { judgeAnswer } from '../../../lib/cli/doctor/redirect-uri.ts'
import { findFront, findSite } from '../../../lib/cli/doctor/server.ts'
import { google, microsoft } from '../../../lib/providers/index.ts'
import { startOidcProvider } from '../../fixtures/oidc-provider.ts'
import { cognitoOrigins, startCognitoDouble } from '../../fixtures/providers/cognito.ts'
import { sendJson, standInFor, type ProviderDouble } from '../../fixtures/providers/double.ts'
import { googleOrigins, startGoogleDouble } from '../../fixtures/providers/google.ts'
import { contoso, fabrikam, microsoftOrigins, startMicrosoftDouble } from '../../fixtures/providers/microsoft.ts'

t.setTimeout(180_000)

const callback = 'http://127.0.0.1:1/oauth/callback'

/** The server is not up: people come back to where it will be. */
async function look (env: Record<string, string>) {
  const site = findSite({ OAUTH_SERVER_URL: 'http://127.0.0.1:1' }, undefined)
  const findings = await examine([providerChecks(env, site, findFront(site))])
  return Object.fromEntries(findings.map(({ check, ...verdict }) => [check, verdict]))
}

async function openOidc (t: Parameters<typeof startOidcProvider>[0], options: Parameters<typeof startOidcProvider>[1] = { redirectUris: [callback] }) {
  const { issuer, clientId, clientSecret, close } = await startOidcProvider(t, options)
  return { close, env: { OAUTH_PROVIDER: 'oidc', OAUTH_ISSUER: issuer, OAUTH_CLIENT_ID: clientId, OAUTH_CLIENT_SECRET: clientSecret } }
}

const environmentFor = (OAUTH_PROVIDER: string, { clientId, clientSecret = '' }: ProviderDouble) => ({ OAUTH_PROVIDER, OAUTH_CLIENT_ID: clientId, OAUTH_CLIENT_SECRET: clientSecret })

t.test('doctor: an OpenID provider that knows us is green, and one that does not is told apart', async t => {
  const { env, close } = await openOidc(t)
  const found = await look(env)
  t.strictSame(Object.entries(found).filter(([, { status }]) => status !== 'ok'), [])
  t.match(found['provider'], { message: `at ${env.OAUTH_ISSUER}, keys: 1` })
  t.match((await look({ ...env, OAUTH_CLIENT_SECRET: 'another-one' }))['credentials'], { status: 'problem', message: /answers invalid_client: it does not take OAUTH_CLIENT_ID and OAUTH_CLIENT_SECRET$/, advice: /Copy both anew/ })
  t.match(await look({ ...env, OAUTH_CLIENT_ID: 'somebody-else' }), {
    credentials: { status: 'problem' }, 'redirect-uri': { status: 'problem', message: /does not know the client$/, advice: /OAUTH_CLIENT_ID/ }
  })
  t.match((await look({ ...env, OAUTH_TENANTS: contoso }))['tenant'], { status: 'warning', message: /^OAUTH_TENANTS means nothing to /, advice: /OAUTH_PROVIDER=microsoft/ })
  t.match((await look({ ...env, OAUTH_ISSUER: `${env.OAUTH_ISSUER}/` }))['provider'], { status: 'problem', message: /names another issuer/ })
  await close()
  // Of the connections that were kept alive, one may be tried before it is seen to be closed.
  await look(env)
  const { provider, ...others } = await look(env)
  t.match(provider, { status: 'problem', message: /ECONNREFUSED$/, advice: /Nothing listens there/ })
  t.strictSame(new Set(Object.values(others).map(({ status }) => status)), new Set(['skipped']))
})

t.test('doctor: an OpenID provider that does not know the redirect URI says so', async t => {
  const { env } = await openOidc(t, { redirectUris: [`${callback}/`] })
  t.match(await look(env), {
    provider: { status: 'ok' },
    credentials: { status: 'ok' },
    'redirect-uri': { status: 'problem', message: new RegExp(`does not know ${callback}$`), advice: /^Enter http:\/\/127\.0\.0\.1:1\/oauth\/callback as a redirect URI of the client at the provider, to the letter/ }
  })
})

t.test('doctor: settings of the provider that are wrong or not there', async t => {
  const none = await look({})
  t.strictSame(new Set(Object.values(none).map(({ status }) => status)), new Set(['skipped']))
  t.match(none['redirect-uri'], { message: /^OAUTH_PROVIDER is not set; / })
  t.match(await look({ OAUTH_PROVIDR: 'google' }), { provider: { status: 'problem', message: /^OAUTH_PROVIDER: is not set/ }, tenant: { status: 'skipped' } })
  t.match((await look({ OAUTH_PROVIDER: 'gogle', OAUTH_CLIENT_ID: 'x', OAUTH_CLIENT_SECRET: 'y' }))['provider'], { status: 'problem', message: /is "gogle"/, advice: /^Correct that/ })
})

t.test('doctor: Google, and what it answers to a redirect URI that it does not know', async t => {
  const double = await startGoogleDouble(t)
  standInFor(t, googleOrigins, double)
  double.instead.set(double.authorize, (_, response) => { response.writeHead(302, { location: 'https://accounts.google.com/v3/signin/identifier?opparams=%253F' }).end() })
  const env = environmentFor('google', double)
  t.strictSame(Object.entries(await look(env)).filter(([, { status }]) => status !== 'ok'), [])
  const authError = Buffer.from('\n\x15redirect_uri_mismatch\x12\xb0\x01You can\'t sign in').toString('base64url')
  double.instead.set(double.authorize, (_, response) => { response.writeHead(302, { location: `https://accounts.google.com/signin/oauth/error?authError=${authError}&client_id=x` }).end() })
  t.match((await look(env))['redirect-uri'], { status: 'problem', message: `Google does not know ${callback}` })
  double.instead.set(double.token, (_, response) => { sendJson(response, { error: 'redirect_uri_mismatch' }, 400) })
  t.match((await look(env))['credentials'], { status: 'skipped', message: 'Google answers redirect_uri_mismatch: only a sign-in shows' })
  double.instead.set(double.token, (_, response) => { response.writeHead(400).end('no') })
  t.match((await look(env))['credentials'], { status: 'skipped', message: 'Google answers no error code: only a sign-in shows' })
  double.instead.set(double.token, (_, response) => { sendJson(response, { access_token: 'x' }) })
  t.match((await look(env))['credentials'], { status: 'problem', message: 'the token endpoint gave a token for a code that there is not' })
  double.instead.set(double.authorize, (_, response) => { response.writeHead(302, { date: 'Thu, 01 Jan 2026 00:00:00 GMT', location: `${callback}?code=x` }).end() })
  t.match((await look(env))['provider-clock'], { status: 'problem', message: /^the clock of Google is \d+ seconds behind/ })
  double.published = []
  t.match((await look(env))['provider'], { status: 'problem', message: 'https://accounts.google.com publishes no keys' })
})

t.test('doctor: Cognito by its URLs names no issuer before a sign-in', async t => {
  const double = await startCognitoDouble(t)
  standInFor(t, cognitoOrigins, double)
  const found = await look({ ...environmentFor('cognito', double), OAUTH_ISSUER: String(double.document['issuer']) })
  t.match(found, { provider: { status: 'ok' }, credentials: { status: 'ok' } })
  const base = 'https://mcp-restaurant.auth.eu-west-1.amazoncognito.com/oauth2'
  const byUrls = { ...environmentFor('cognito', double), OAUTH_AUTH_URL: `${base}/authorize`, OAUTH_TOKEN_URL: `${base}/token`, OAUTH_USERINFO_URL: `${base}/userInfo` }
  t.match((await look(byUrls))['provider'], { status: 'ok', message: 'Cognito has its endpoints; whose id_tokens count, only a sign-in shows' })
})

t.test('doctor: the settings of Entra\'s tenants', async t => {
  const double = await startMicrosoftDouble(t, { tenant: contoso })
  standInFor(t, microsoftOrigins, double)
  double.instead.set(double.authorize, (_, response) => { response.writeHead(200, { 'content-type': 'text/html' }).end('<form action="?redirect_uri=x">') })
  const env = { ...environmentFor('microsoft', double), OAUTH_ISSUER: `https://login.microsoftonline.com/${contoso}/v2.0` }
  t.match(await look(env), {
    provider: { status: 'ok' },
    tenant: { status: 'ok', message: `people of the tenant ${contoso}` },
    credentials: { status: 'skipped', message: /may have looked at the code only/ },
    'redirect-uri': { status: 'skipped', message: /may look only after a sign-in$/ }
  })
  t.match((await look({ ...env, OAUTH_TENANTS: contoso }))['tenant'], { status: 'ok' })
  t.match((await look({ ...env, OAUTH_TENANTS: fabrikam }))['tenant'], { status: 'problem', message: /nobody gets in$/, advice: `Put ${contoso} into OAUTH_TENANTS, or leave that empty.` })
  t.match((await look({ ...env, OAUTH_CLIENT_SECRET: fabrikam }))['tenant'], { status: 'warning', message: /looks like the ID of a secret/, advice: /Copy its Value/ })
  double.instead.set(double.authorize, (_, response) => { response.writeHead(200, { 'content-type': 'text/html' }).end('"strServiceExceptionMessage":"AADSTS50011: The redirect URI …"') })
  t.match((await look(env))['redirect-uri'], { status: 'problem', message: `Microsoft does not know ${callback}` })
})

t.test('doctor: everybody at Microsoft is a warning, some tenants are not', async t => {
  const double = await startMicrosoftDouble(t)
  standInFor(t, microsoftOrigins, double)
  const env = environmentFor('microsoft', double)
  t.match((await look(env))['tenant'], { status: 'warning', message: /^everybody at Microsoft may come \(common\), .* xms_edov count$/, advice: /OAUTH_TENANTS/ })
  t.match((await look({ ...env, OAUTH_TENANTS: `${contoso} ${fabrikam}` }))['tenant'], { status: 'ok', message: `people of ${contoso}, ${fabrikam}` })
  const byDomain = await startMicrosoftDouble(t, { tenant: 'contoso.com' })
  standInFor(t, microsoftOrigins, byDomain)
  const url = 'https://login.microsoftonline.com/contoso.com/v2.0'
  t.match((await look({ ...env, OAUTH_ISSUER: url, OAUTH_TENANTS: contoso }))['tenant'], { status: 'ok' })
  t.match((await look({ ...env, OAUTH_ISSUER: url, OAUTH_TENANTS: fabrikam }))['tenant'], { status: 'problem' })
})

const [some, entra] = [google({ clientId: 'id', clientSecret: 'secret' }), microsoft({ clientId: 'id', clientSecret: 'secret' })]
const answers: Record<string, [status: number, location: string, text: string | undefined, expected: string, says: RegExp]> = {
  'a sign-in page': [200, '', '<form action="/login?redirect_uri=https%3A%2F%2Fx">', 'ok', /no objection/],
  'a way to a sign-in page': [302, 'https://p.example/login?redirect_uri=x', '', 'ok', /no objection/],
  'a way without an origin': [302, '/login?redirect_uri=x', '', 'ok', /no objection/],
  'a page that is too long': [200, '', undefined, 'ok', /no objection/],
  'a code': [302, `${callback}?code=x&state=y`, '', 'ok', /knows http/],
  'nobody is signed in': [302, `${callback}?error=login_required&state=y`, '', 'ok', /knows http/],
  'a scope that there is not': [302, `${callback}?state=y&error=invalid_scope`, '', 'problem', /knows .*, and answers invalid_scope$/],
  'Cognito: redirect_mismatch': [302, 'https://x.auth.eu-west-1.amazoncognito.com/error?error=redirect_mismatch&client_id=x', '', 'problem', /does not know http/],
  'Okta, Keycloak': [400, '', "The 'redirect_uri' parameter must be a Login redirect URI in the client app settings", 'problem', /does not know http/],
  Auth0: [403, '', 'Callback URL mismatch', 'problem', /does not know http/],
  'a client that is gone': [401, '', 'Error 401: deleted_client', 'problem', /does not know the client/],
  'a refusal without a reason': [400, '', 'Bad request', 'problem', /answers 400 to a sign-in$/],
  'a provider that is down': [503, '', '', 'skipped', /answers 503$/]
}

for (const [what, [status, location, text, expected, says]] of Object.entries(answers)) {
  t.test(`doctor: what a provider answers: ${what}`, async t => {
    t.match(judgeAnswer(some, callback, { status, headers: location === '' ? {} : { location }, text }), { status: expected, message: says })
  })
}

t.test('doctor: Entra\'s codes', async t => {
  const says = (text: string) => judgeAnswer(entra, callback, { status: 200, headers: {}, text })
  t.match(says('AADSTS500113: No reply address'), { status: 'problem', message: /does not know http/ })
  t.match(says('AADSTS700016: Application not found'), { status: 'problem', message: /does not know the client/ })
  t.match(says('AADSTS5001100'), { status: 'skipped' })
})
