import t from 'tap'
import { cognito, google, microsoft, oidc, type IdentityProvider } from '../../lib/index.ts'
import type { Prompt } from '../../lib/oauth/authentication-request.ts'
import { startOidcDouble } from '../fixtures/providers/oidc.ts'
import { signIn, startSignIn } from '../fixtures/providers/sign-in.ts'

type Asked = Parameters<typeof startSignIn>[0]

async function sent (provider: IdentityProvider, asked: Asked): Promise<URLSearchParams> {
  return new URL(await provider.authorizationUrl(startSignIn(asked).request)).searchParams
}

const endpoints = { authorizationUrl: 'https://idp.example/authorize', tokenUrl: 'https://idp.example/token' }
const credentials = { clientId: 'c', clientSecret: 's', ...endpoints }

t.test('AZ-13, PX-09: a prompt is passed on where the provider knows it, beside its usual one', async t => {
  const presets = {
    google: google(credentials),
    microsoft: microsoft({ clientId: 'c', clientSecret: 's', tenant: 'contoso.example', authorizationUrl: 'https://login.microsoftonline.com/contoso.example/oauth2/v2.0/authorize' }),
    cognito: cognito({ ...credentials, region: 'eu-west-1', userPoolId: 'eu-west-1_AbCdEfGhI' }),
    own: oidc({ ...credentials, id: 'own', issuer: 'https://idp.example', prompt: false })
  }
  const rows: Array<[prompts: Prompt[], google: string, microsoft: string, cognito: string]> = [
    [[], 'select_account', 'select_account', 'select_account'],
    [['login'], 'select_account', 'login', 'login'],
    [['consent'], 'select_account consent', 'select_account', 'select_account consent'],
    [['select_account'], 'select_account', 'select_account', 'select_account'],
    [['login', 'consent', 'select_account'], 'select_account consent', 'login', 'login consent']
  ]
  for (const [prompts, ...expected] of rows) {
    const found = await Promise.all([presets.google, presets.microsoft, presets.cognito].map(async provider => (await sent(provider, { prompts })).get('prompt')))
    t.strictSame(found, expected, prompts.join(' '))
    t.notOk((await sent(presets.own, { prompts })).has('prompt'), 'prompt: false sends none')
  }
})

t.test('AZ-13: with oidc() the discovery document says what the provider knows', async t => {
  const double = await startOidcDouble(t)
  const { clientId, clientSecret, origin: issuer } = double
  const promptFor = async (listed: string[] | undefined, prompts: Prompt[], prompt?: string) => {
    double.document['prompt_values_supported'] = listed
    const provider = oidc({ id: 'some', issuer, clientId, clientSecret, ...(prompt === undefined ? {} : { prompt }) })
    return (await sent(provider, { prompts })).get('prompt')
  }
  t.equal(await promptFor(undefined, []), null)
  t.equal(await promptFor(undefined, ['login', 'consent', 'select_account']), 'login', 'OIDC Core §15.1: who lists nothing knows login')
  t.equal(await promptFor(['none', 'select_account'], ['login', 'consent']), 'select_account')
  t.equal(await promptFor(['login', 'consent', 'select_account'], ['consent']), 'select_account consent')
  t.equal(await promptFor(['login', 'consent', 'select_account'], ['login', 'select_account']), 'login')
  t.equal(await promptFor(['login', 'consent'], ['consent'], 'login'), 'login consent', 'beside what the options say')
  t.equal(await promptFor(['none'], ['consent'], 'login'), 'login')
})

t.test('AZ-13: max_age and login_hint are passed on, and left out where the client sent none', async t => {
  const provider = google(credentials)
  const parameters = await sent(provider, { maxAge: 0, loginHint: 'a&b=c@example.com' })
  t.equal(parameters.get('max_age'), '0')
  t.equal(parameters.get('login_hint'), 'a&b=c@example.com')
  const without = await sent(provider, {})
  t.notOk(without.has('max_age'))
  t.notOk(without.has('login_hint'))
})

t.test('OIDC Core §2: when the person signed in is read from the id_token alone', async t => {
  const double = await startOidcDouble(t)
  const provider = oidc({ id: 'some', issuer: double.origin, clientId: double.clientId, clientSecret: double.clientSecret })
  double.userinfoAnswer['auth_time'] = 1_600_000_000
  for (const authTime of [undefined, '1700000000', null]) {
    double.claims['auth_time'] = authTime
    t.equal((await signIn(provider)).authenticatedAt, undefined, String(authTime))
  }
  double.claims['auth_time'] = 1_700_000_000
  t.strictSame((await signIn(provider)).authenticatedAt, new Date(1_700_000_000_000))
})
