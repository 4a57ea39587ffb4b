import t from 'tap'
import { optionsFromEnv, type Environment } from '../../lib/env.ts'
import { resolveOptions } from '../../lib/resolve-options.ts'
import { MemoryStorage } from '../../lib/storage/memory/storage.ts'
import { optionErrorOf } from '../fixtures/option-error.ts'
import { secret } from '../fixtures/world.ts'

const older = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
const endpoints = { OAUTH_AUTH_URL: 'https://idp.example/authorize', OAUTH_TOKEN_URL: 'https://idp.example/token', OAUTH_USERINFO_URL: 'https://idp.example/userinfo' }
const google: Environment = { OAUTH_SERVER_URL: 'https://api.example.com', JWT_SECRET: secret, OAUTH_PROVIDER: 'google', OAUTH_CLIENT_ID: 'id-1', OAUTH_CLIENT_SECRET: 'secret-1', ...endpoints }

function resolve (env: Environment) {
  return resolveOptions({ ...optionsFromEnv(env), storage: new MemoryStorage(), protect: ['/mcp'] })
}

async function signInUrl (env: Environment): Promise<URL> {
  const [provider] = optionsFromEnv(env).providers
  return new URL(await provider?.authorizationUrl({ redirectUri: 'https://api.example.com/oauth/callback', state: 's', nonce: 'n', codeChallenge: 'c', prompts: [], maxAge: null, loginHint: null }) ?? '')
}

for (const name of ['OAUTH_SERVER_URL', 'JWT_SECRET', 'OAUTH_PROVIDER', 'OAUTH_CLIENT_ID', 'OAUTH_CLIENT_SECRET']) {
  t.test(`without ${name}, or with an empty one, the start stops with one sentence that names it`, async t => {
    for (const value of [undefined, '', ' ', '\n']) t.match(optionErrorOf(() => resolve({ ...google, [name]: value })).message, `${name}: is not set; `)
  })
}

const mistakes: Record<string, { env: Environment, says: RegExp }> = {
  'W11: a misspelt provider': { env: { OAUTH_PROVIDER: 'gogle' }, says: /^OAUTH_PROVIDER: is "gogle"; it must be one of google, microsoft, cognito, oidc$/ },
  'a provider in upper case': { env: { OAUTH_PROVIDER: 'Google' }, says: /^OAUTH_PROVIDER: / },
  'the name of an object member as provider': { env: { OAUTH_PROVIDER: 'constructor' }, says: /^OAUTH_PROVIDER: / },
  'oidc without its issuer': { env: { OAUTH_PROVIDER: 'oidc' }, says: /^OAUTH_ISSUER: is not set; it is the URL of your OpenID provider$/ },
  'cognito with neither pool nor endpoints': { env: { OAUTH_PROVIDER: 'cognito', OAUTH_TOKEN_URL: '' }, says: /^OAUTH_ISSUER: is not set; .*OAUTH_AUTH_URL, OAUTH_TOKEN_URL, OAUTH_USERINFO_URL are all set$/ },
  'an endpoint that is no https URL': { env: { OAUTH_AUTH_URL: 'http://idp.example/authorize' }, says: /authorizationUrl: must be an absolute https URL/ },
  'an issuer that is no URL': { env: { OAUTH_ISSUER: 'idp.example' }, says: /issuer: must be an absolute https URL/ },
  'a scope with a quote': { env: { OAUTH_SCOPES: 'openid "email"' }, says: /scopes: must hold scopes/ },
  'a tenant that is no id': { env: { OAUTH_PROVIDER: 'microsoft', OAUTH_TENANTS: 'contoso' }, says: /tenants: must hold tenant ids/ },
  'a short secret': { env: { JWT_SECRET: 'short' }, says: /JWT_SECRET.*: must have at least 32 random characters; make one with: openssl rand -base64 32$/ },
  'I10: the guide\'s placeholder': { env: { JWT_SECRET: 'generate-a-secure-random-string-at-least-32-chars' }, says: /JWT_SECRET.*: is a placeholder/ },
  'a previous secret that is short': { env: { JWT_SECRET_PREVIOUS: `${older},short` }, says: /JWT_SECRET/ },
  'a previous secret that is the present one': { env: { JWT_SECRET_PREVIOUS: secret }, says: /same secret twice/ },
  'AS-09: a public URL without TLS': { env: { OAUTH_SERVER_URL: 'http://api.example.com' }, says: /OAUTH_SERVER_URL.*: must start with https/ },
  'a public URL with a slash': { env: { OAUTH_SERVER_URL: 'https://api.example.com/' }, says: /OAUTH_SERVER_URL.*: must not end with a slash/ },
  'an algorithm that there is not': { env: { SIGNING_ALGORITHM: 'none' }, says: /^SIGNING_ALGORITHM: must be one of HS256, RS256, ES256, EdDSA$/ },
  'an administrator without an address': { env: { DEFAULT_ADMIN_EMAIL: 'you' }, says: /DEFAULT_ADMIN_EMAIL.*: must be/ },
  'a Redis that is no URL of one': { env: { REDIS_URL: 'localhost:6379' }, says: /^rateLimit\.redis \(REDIS_URL\): must be a client of ioredis, or a URL/ },
  'a lifetime of nothing': { env: { ACCESS_TOKEN_LIFETIME: '0' }, says: /accessTokenLifetime: must be a whole number/ }
}

for (const [what, { env, says }] of Object.entries(mistakes)) {
  t.test(`${what} stops the start with one sentence`, async t => {
    t.match(optionErrorOf(() => resolve({ ...google, ...env })).message, says)
  })
}

for (const name of ['ACCESS_TOKEN_LIFETIME', 'REFRESH_TOKEN_LIFETIME']) {
  t.test(`${name}: what is no number of seconds stops the start with one sentence`, async t => {
    for (const value of ['7d', '1h', '-1', '1.5', '1e3', '0x10', 'NaN', 'Infinity', '60 s', '1,000', '99999999999']) {
      t.equal(optionErrorOf(() => optionsFromEnv({ ...google, [name]: value })).message, `${name}: must be a whole number of seconds`, value)
    }
  })
}

t.test('what is not set, or empty, leaves the default', async t => {
  const optional = ['JWT_SECRET_PREVIOUS', 'ACCESS_TOKEN_LIFETIME', 'REFRESH_TOKEN_LIFETIME', 'OAUTH_ISSUER', 'OAUTH_SCOPES', 'OAUTH_TENANTS', 'DEFAULT_ADMIN_EMAIL', 'DEFAULT_ADMIN_NAME', 'SIGNING_ALGORITHM', 'REDIS_URL']
  for (const value of [undefined, '', '  ']) {
    const options = optionsFromEnv({ ...google, ...Object.fromEntries(optional.map(name => [name, value])) })
    t.strictSame(Object.keys(options).sort(), ['issuer', 'providers', 'secret'])
    t.strictSame(options.secret, [secret])
  }
  t.notOk('firstAdmin' in optionsFromEnv({ ...google, DEFAULT_ADMIN_NAME: 'You' }), 'a name alone is nobody')
})

t.test('every variable has its option', async t => {
  t.match(resolve({
    ...google,
    JWT_SECRET: ` ${secret}\n`,
    JWT_SECRET_PREVIOUS: older,
    ACCESS_TOKEN_LIFETIME: '3600',
    REFRESH_TOKEN_LIFETIME: ' 86400 ',
    DEFAULT_ADMIN_EMAIL: 'You@Example.com',
    DEFAULT_ADMIN_NAME: 'You',
    REDIS_URL: 'rediss://cache.example:6380',
    SIGNING_ALGORITHM: ' ES256 '
  }), {
    issuer: 'https://api.example.com',
    secrets: [secret, older],
    accessTokenLifetime: 3600,
    refreshTokenLifetime: 86_400,
    signingAlgorithm: 'ES256',
    firstAdmin: { email: 'you@example.com', name: 'You' },
    rateLimit: { max: 1000, redis: 'rediss://cache.example:6380' }
  })
  t.equal(resolve({ ...google, DEFAULT_ADMIN_EMAIL: 'you@example.com' }).firstAdmin?.name, 'you@example.com')
})

t.test('the provider is the one that is named, with its client and its endpoints', async t => {
  const pool = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI'
  const environments: Record<string, Environment> = {
    google: {}, microsoft: { OAUTH_TENANTS: '11111111-2222-3333-4444-555555555555' }, cognito: {}, oidc: { OAUTH_ISSUER: 'https://idp.example' }
  }
  for (const [name, more] of Object.entries(environments)) {
    const env = { ...google, OAUTH_PROVIDER: name, ...more }
    t.strictSame([...resolve(env).providers.keys()], [name])
    if (name === 'oidc') continue
    const url = await signInUrl(env)
    t.equal(url.origin + url.pathname, 'https://idp.example/authorize', name)
    t.equal(url.searchParams.get('client_id'), 'id-1')
  }
  const { OAUTH_AUTH_URL, OAUTH_TOKEN_URL, OAUTH_USERINFO_URL, ...bare } = google
  t.strictSame([...resolve({ ...bare, OAUTH_PROVIDER: 'cognito', OAUTH_ISSUER: pool }).providers.keys()], ['cognito'], 'a user pool needs no endpoints')
})

t.test('OAUTH_SCOPES are separated by commas or spaces', async t => {
  for (const scopes of ['openid,email', 'openid email', ' openid, email ', 'openid ,\temail']) t.equal((await signInUrl({ ...google, OAUTH_SCOPES: scopes })).searchParams.get('scope'), 'openid email', scopes)
})

t.test('the environment of the process is read where none is given', async t => {
  t.intercept(process, 'env', { value: google })
  t.equal(optionsFromEnv().issuer, 'https://api.example.com')
})
