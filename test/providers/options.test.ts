import t from 'tap'
import { InvalidOptionError } from '../../lib/errors.ts'
import { cognito, google, microsoft, oidc } from '../../lib/providers/index.ts'
import type { IdentityProvider } from '../../lib/providers/index.ts'
import { startSignIn } from '../fixtures/providers/sign-in.ts'

type Options = Record<string, unknown>
type Factory = (options: Options) => IdentityProvider

/** As JavaScript calls it: with whatever it likes. */
function untyped (factory: (options: never) => IdentityProvider): Factory {
  return (options) => Reflect.apply(factory, undefined, [options])
}

const secret = 'GOCSPX-0123456789'
const factories: Record<string, { make: Factory, good: Options }> = {
  oidc: { make: untyped(oidc), good: { id: 'some', issuer: 'https://example.com', clientId: 'c' } },
  google: { make: untyped(google), good: { clientId: 'c', clientSecret: secret } },
  microsoft: { make: untyped(microsoft), good: { clientId: 'c' } },
  cognito: { make: untyped(cognito), good: { clientId: 'c', region: 'eu-west-1', userPoolId: 'eu-west-1_AbCdEfGhI' } }
}

const urls = ['authorizationUrl', 'tokenUrl', 'userinfoUrl']
const badUrls = ['', 'example.com', '/token', 'http://example.com/token', 'ftp://example.com/', 'javascript:alert(1)', 'https://user:pass@example.com/', 'https://example.com/#f', 1, null]

const wrong: Array<[string, unknown[]]> = [
  ['id', ['', 'a b', 'x'.repeat(51), 'ä', '../x', 1, null]],
  ['name', ['', 'a\nb', 'a\u202eb', 'x'.repeat(101), 1, null]],
  ['clientId', [undefined, '', ' ', 'c ', 'c\n', 'ä', 1, null]],
  ['clientSecret', ['', ' secret', 'secret\n', 'ä', 1, null]],
  ['scopes', ['openid', [], [''], ['openid email'], ['a"b'], [1], null]],
  ['issuer', [...badUrls, 'https://example.com/?tenant=a']],
  ...urls.map((key): [string, unknown[]] => [key, badUrls]),
  ['emailDomains', ['example.com', [], [''], ['@example.com'], ['you@example.com'], ['*.example.com'], ['example'], ['.example.com'], ['exämple.com'], [1], null]],
  ['prompt', ['', true, 'login ', 'a&b', 1, null]],
  ['tenantId', ['x']],
  ['scope', [undefined]],
  ['__proto__x', [1]]
]

for (const [name, { make, good }] of Object.entries(factories)) {
  t.test(`${name}: each wrong option stops the start and is named`, async (t) => {
    t.ok(make(good))
    for (const [option, values] of wrong) {
      for (const value of values) {
        const what = `${option}: ${JSON.stringify(value)}`
        t.throws(() => make({ ...good, [option]: value }), { name: 'InvalidOptionError', option: `${name}.${option}` }, what)
      }
    }
    for (const nothing of [undefined, null, 'options', 1]) {
      t.throws(() => Reflect.apply(make, undefined, [nothing]), { name: 'InvalidOptionError', option: name }, String(nothing))
    }
  })
}

t.test('oidc: id and issuer can not be left out', async (t) => {
  const make = untyped(oidc)
  t.throws(() => make({ issuer: 'https://example.com', clientId: 'c' }), { option: 'oidc.id', message: /name the provider/ })
  t.throws(() => make({ id: 'some', clientId: 'c' }), { option: 'oidc.issuer', message: /the URL of your OpenID provider/ })
})

t.test('google: the secret can not be left out', async (t) => {
  t.throws(() => untyped(google)({ clientId: 'c' }), { option: 'google.clientSecret', message: /is missing/ })
})

t.test('cognito: the pool, the domain or all three URLs must be there', async (t) => {
  const base = 'https://shop.auth.eu-west-1.amazoncognito.com/oauth2'
  const all = { authorizationUrl: `${base}/authorize`, tokenUrl: `${base}/token`, userinfoUrl: `${base}/userInfo` }
  const missing: Array<[Options, string, RegExp]> = [
    [{}, 'userPoolId', /give region and userPoolId, or authorizationUrl, tokenUrl and userinfoUrl/],
    [{ region: 'eu-west-1' }, 'userPoolId', /is missing/],
    ...urls.map((key): [Options, string, RegExp] => [{ ...all, [key]: undefined }, 'userPoolId', /is missing/]),
    [{ userPoolId: 'eu-west-1_AbCdEfGhI' }, 'region', /first part of userPoolId/],
    [{ region: 'us-east-1', userPoolId: 'eu-west-1_AbCdEfGhI' }, 'region', /first part of userPoolId/],
    [{ domain: 'shop' }, 'region', /domain prefix needs it/],
    [{ region: 'Ireland' }, 'region', /such as eu-west-1/],
    [{ region: 'eu-west-1', userPoolId: 'AbCdEfGhI' }, 'userPoolId', /such as eu-west-1_AbCdEfGhI/],
    [{ region: 'eu-west-1', userPoolId: 'eu-west-1_AbC/../x' }, 'userPoolId', /must be/],
    [{ domain: 'https://auth.example.com' }, 'domain', /without https/],
    [{ domain: 'auth.example.com/x' }, 'domain', /without https/],
    [{ domain: '' }, 'domain', /must be/]
  ]
  for (const [options, option, message] of missing) {
    t.throws(() => untyped(cognito)({ clientId: 'c', ...options }), { name: 'InvalidOptionError', option: `cognito.${option}`, message }, JSON.stringify(options))
  }
})

t.test('a wrong secret is not told', async (t) => {
  for (const { make, good } of Object.values(factories)) {
    const error = await Promise.resolve().then(() => make({ ...good, clientSecret: ` ${secret}` })).catch((error: unknown) => error)
    t.ok(error instanceof InvalidOptionError)
    t.notMatch(String(error), secret)
  }
})

t.test('good options are taken, an undefined one is not there', async (t) => {
  const { request } = startSignIn()
  for (const { make, good } of Object.values(factories)) {
    const provider = make({
      ...good,
      id: 'My-Id_2',
      name: 'Nürnberg & Söhne',
      scopes: ['openid', 'email', 'https://www.googleapis.com/auth/userinfo.profile'],
      emailDomains: ['Example.com', 'xn--exmple-cua.com'],
      authorizationUrl: 'http://localhost:3000/authorize?x=y',
      prompt: undefined,
      userinfoUrl: undefined
    })
    t.match(provider, { id: 'My-Id_2', name: 'Nürnberg & Söhne', emailDomains: ['example.com', 'xn--exmple-cua.com'] })
    t.ok(Object.isFrozen(provider))
    const withoutPrompt = make({ ...good, authorizationUrl: 'http://[::1]:3000/authorize', prompt: false })
    t.match(await withoutPrompt.authorizationUrl(request), /^http:\/\/\[::1\]:3000\/authorize\?response_type=code&client_id=c&/)
    t.notOk('emailDomains' in withoutPrompt)
  }
})

t.test('oidc is named for the issuer\'s host where no name is given', async (t) => {
  t.equal(oidc({ id: 'some', issuer: 'https://login.example.com:8443/t', clientId: 'c' }).name, 'login.example.com:8443')
})

t.test('options that change later change nothing', async (t) => {
  const options = { id: 'some', issuer: 'https://example.com', clientId: 'c', authorizationUrl: 'https://example.com/a', prompt: false as const, scopes: ['openid'] }
  const provider = oidc(options)
  options.scopes.push('admin')
  options.authorizationUrl = 'https://evil.example/'
  const url = new URL(await provider.authorizationUrl(startSignIn().request))
  t.equal(url.host, 'example.com')
  t.equal(url.searchParams.get('scope'), 'openid')
})
