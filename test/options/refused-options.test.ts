import t from 'tap'
import { resolveOptions } from '../../lib/resolve-options.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { pluginOptions } from '../fixtures/guarded-app.ts'
import { optionErrorOf } from '../fixtures/option-error.ts'
import { secret } from '../fixtures/world.ts'

const { authorizationUrl, identify } = scriptedProvider()

interface Mistake { option: string, values: readonly unknown[], says: RegExp, beside?: object }

const issuer = 'issuer (OAUTH_SERVER_URL)'
const mistakes: Record<string, Record<string, Mistake>> = {
  issuer: {
    'no URL': { option: issuer, values: [undefined, null, 1, '', 'api.example.com', '/api', 'https://', ['https://api.example.com'], new URL('https://api.example.com')], says: /must be a URL such as/ },
    'AS-09: http that leaves this machine': { option: issuer, values: ['http://api.example.com', 'http://127.0.0.1.example.com', 'http://127.0.0.2:8080', 'ftp://api.example.com', 'javascript:alert(1)', 'http://localhost.example.com'], says: /must start with https:\/\// },
    'AS-02: another spelling of itself': {
      option: issuer,
      values: ['https://API.example.com', 'HTTPS://api.example.com', 'https://api.example.com:443', 'https://user:pw@api.example.com', 'https://api.example.com?x=1', 'https://api.example.com#', 'https://api.example.com/t?', ' https://api.example.com', 'https://api.example.com/a/../b'],
      says: /must be written as https:\/\/api\.example\.com/
    },
    'AS-02: a slash at the end': { option: issuer, values: ['https://api.example.com/', 'https://api.example.com/t/', 'http://localhost:8080/'], says: /must not end with a slash: write http.*[^/]$/ },
    'a path that a router would fold': { option: issuer, values: ['https://api.example.com/:tenant', 'https://api.example.com/*', 'https://api.example.com/a//b', 'https://api.example.com/%7Eme', 'https://api.example.com/a;b'], says: /must have a path of letters/ }
  },
  secret: {
    'none, a short one or a placeholder': { option: 'secret (JWT_SECRET)', values: [undefined, '', 'short', [], ['short'], 'generate-a-secure-random-string-at-least-32-chars'], says: /openssl rand -base64 32$/ }
  },
  providers: {
    none: { option: 'providers', values: [undefined, null, [], {}, 'google', scriptedProvider()], says: /at least one provider, such as google/ },
    'what is no provider': {
      option: 'providers',
      values: [
        [null], [undefined], ['google'], [{}], [{ id: 'x', name: 'X', authorizationUrl }], [{ id: 'x', name: 'X', identify }], [{ name: 'X', authorizationUrl, identify }], [{ id: 'x', authorizationUrl, identify }],
        ...['', 'a b', 'ü', 'x'.repeat(51), 5].map(id => [{ id, name: 'X', authorizationUrl, identify }]), [{ id: 'x', name: 'X', authorizationUrl, identify, emailDomains: 'example.com' }]
      ],
      says: /must be made by google\(\), microsoft\(\), cognito\(\) or oidc\(\)/
    },
    'PX-07: two with one id': { option: 'providers', values: [[scriptedProvider(), scriptedProvider()]], says: /two with the id local/ }
  },
  storage: {
    'what is no storage': { option: 'storage', values: [undefined, null, {}, 'memory'], says: /such as new KyselyStorage\(db\)/ }
  },
  protect: {
    'no list': { option: 'protect', values: ['/mcp', { url: '/mcp' }, null, true], says: /list of route patterns/ },
    'what is no pattern': { option: 'protect', values: [['mcp'], [''], [null], [1], [{}], [{ url: 1 }], [{ url: 'mcp' }], ['https://api.example.com/mcp'], ['/mcp', undefined], [['/mcp']]], says: /start with a slash/ },
    'an unknown member': { option: 'protect.scope', values: [[{ url: '/mcp', scope: 'x' }]], says: /is not an option; .* url, exact, constraints, scopes, roles, tools, resource/ },
    'roles that are none': { option: 'protect.roles', values: ['admin', [], ['owner'], ['admin', 'owner'], [null]].map(roles => [{ url: '/mcp', roles }]), says: /must be a list of roles out of 'user' and 'admin'/ },
    'exact that is no boolean': { option: 'protect.exact', values: ['true', 1, null].map(exact => [{ url: '/mcp', exact }]), says: /must be true or false/ }
  },
  resource: {
    'no URL for clients': { option: 'resource', values: [null, 'mcp', '/mcp', 'http://api.example.com/mcp', 'https://api.example.com/mcp#x', 'https://api.example.com/mcp?x=1', 'https://API.example.com/mcp'], says: /must/ },
    'none beside several patterns': { option: 'resource', values: [undefined], says: /unless protect is one plain path/, beside: { protect: ['/mcp', '/api'] } },
    'none beside no pattern': { option: 'resource', values: [undefined], says: /unless protect is one plain path/, beside: { protect: [] } },
    'none beside a parameter': { option: 'resource', values: [undefined], says: /unless protect is one plain path/, beside: { protect: ['/:tenant/mcp'] } },
    'none beside a wildcard': { option: 'resource', values: [undefined], says: /unless protect is one plain path/, beside: { protect: ['/mcp/*'] } }
  },
  scopes: {
    'no object': { option: 'scopes', values: [null, 'notes', 1, ['notes'], []], says: /must be an object such as/ },
    'a name or words that can not be': { option: 'scopes', values: [{ 'two words': 'x' }, { '': 'x' }, { 'a"b': 'x' }, { ü: 'x' }, { notes: '' }, { notes: 1 }, { notes: undefined }], says: /needs a name without spaces or quotes, and words/ }
  },
  firstAdmin: {
    'no plain e-mail': { option: 'firstAdmin (DEFAULT_ADMIN_EMAIL)', values: [null, 'you@example.com', {}, { email: '' }, { email: 'you' }, { email: 'a@b@example.com' }, { email: 1 }, { name: 'You' }, { email: 'ａ@example.com' }], says: /one plain e-mail address/ },
    'an unknown member': { option: 'firstAdmin.role', values: [{ email: 'you@example.com', role: 'admin' }], says: /is not an option/ },
    'a name that is none': { option: 'firstAdmin.name', values: [1, '', null].map(name => ({ email: 'you@example.com', name })), says: /must be a name/ }
  },
  metrics: {
    'no yes, no, or object': { option: 'metrics', values: [null, 'on', 1, [], () => true], says: /must be true, false, or an object such as \{ registry \}/ },
    'an unknown member': { option: 'metrics.register', values: [{ register: {} }], says: /is not an option; .* registry/ },
    'what is no registry': { option: 'metrics.registry', values: [null, {}, true, { registerMetric () {} }, { removeSingleMetric () {} }].map(registry => ({ registry })), says: /must be a registry of prom-client/ }
  },
  clientMetadataDocuments: {
    'no yes, no, or object': { option: 'clientMetadataDocuments', values: [null, 'claude.ai', 1, () => true], says: /must be true, false, or \{ allowedHosts/ },
    'an unknown member': { option: 'clientMetadataDocuments.hosts', values: [{ hosts: ['claude.ai'] }, { allowedHosts: [], hosts: [] }], says: /is not an option/ },
    'a list': { option: 'clientMetadataDocuments.0', values: [['claude.ai']], says: /is not an option/ },
    'hosts that can not be': {
      option: 'clientMetadataDocuments.allowedHosts',
      values: [null, 'claude.ai', [1], ['https://claude.ai'], ['Claude.ai'], ['*.claude.ai'], ['claude.ai:443'], ['claude.ai/'], ['localhost'], ['127.0.0.1'], ['claude.ai', '']].map(allowedHosts => ({ allowedHosts })),
      says: /must be a list of host names in lower case/
    }
  },
  allowedRedirectUris: {
    'no safe redirect URIs': { option: 'allowedRedirectUris', values: [null, 'app:/cb', [1], ['javascript:alert(1)'], ['JAVASCRIPT:x'], ['http://evil.example/cb'], ['app:/*'], ['app:/cb#x'], [''], ['cb']], says: /exact redirect URIs/ }
  },
  defaultRedirectUris: {
    'one that could not be used': { option: 'defaultRedirectUris', values: [null, ['app:/cb'], ['http://evil.example/cb'], ['https://ok.example/*']], says: /exact redirect URIs/ }
  },
  registration: {
    'no mode': { option: 'registration', values: [null, '', 'Open', 'on', true, [], ['open'], { mode: 'on' }, { mode: null }], says: /must be 'open', 'token', 'closed', or an object/ },
    'an unknown member': { option: 'registration.tokens', values: [{ tokens: ['x'] }], says: /is not an option; .* mode, initialAccessToken, allowedRedirectHosts$/ },
    'a token that is missing, short or none': {
      option: 'registration.initialAccessToken',
      values: ['token', ...[undefined, '', [], null, 'short', 'x'.repeat(31), `${'x'.repeat(31)} x`, `${'x'.repeat(32)}"`, `"${'x'.repeat(32)}`, [secret, 'short'], [[secret]], 5].map(initialAccessToken => ({ mode: 'token', initialAccessToken }))],
      says: /at least 32 random .* openssl rand -hex 32$/
    },
    'a token without its mode': { option: 'registration.initialAccessToken', values: [{ initialAccessToken: secret }, { mode: 'closed', initialAccessToken: secret }, { mode: 'open', initialAccessToken: [secret] }], says: /no meaning without mode: 'token'/ },
    'what is no host': { option: 'registration.allowedRedirectHosts', values: [null, 'claude.ai', ['claude.ai', '*'], [1], [''], ['https://claude.ai'], ['claude.ai:443'], ['Claude.ai'], ['claude.ai/cb'], ['*.claude.ai'], ['::1'], ['a b']].map(allowedRedirectHosts => ({ allowedRedirectHosts })), says: /list of hosts without port/ }
  },
  cors: {
    'no object': { option: 'cors', values: [null, true, false, '*', 'https://app.example.com', { origin: '*' }, { origins: '*', credentials: true }], says: /must be an object such as \{ origins/ },
    'what is no origin': {
      option: 'cors.origins',
      values: [null, 'https://app.example.com', true, ['*'], [1], [/example/], ['https://app.example.com/'], ['https://*.example.com'], ['app.example.com'], ['https://app.example.com', 'https://APP.example.com']].map(origins => ({ origins })),
      says: /must be '\*' or a list of origins/
    }
  },
  rateLimit: {
    'no object': { option: 'rateLimit', values: [null, true, 0, 1000, '1000', []], says: /must be false, or an object such as \{ max/ },
    'an unknown member': { option: 'rateLimit.timeWindow', values: [{ timeWindow: 1000 }], says: /is not an option; .* max, maxFailures, redis$/ },
    'no count': { option: 'rateLimit.max', values: [0, -1, 1.5, '1000', null, NaN, Infinity].map(max => ({ max })), says: /must be a whole number from 1$/ },
    'no count of failures': { option: 'rateLimit.maxFailures', values: [0, '20', null].map(maxFailures => ({ maxFailures })), says: /must be a whole number from 1$/ },
    'no Redis': { option: 'rateLimit.redis (REDIS_URL)', values: [null, '', 'localhost:6379', 'http://localhost', 'redis://', 'redis://a b', {}, 6379].map(redis => ({ redis })), says: /client of ioredis, or a URL such as redis:/ }
  },
  basePath: {
    'no plain path': { option: 'basePath', values: [null, '', '/', 'oauth', '/oauth/', '//oauth', '/oauth/:id', '/oauth/*', '/..', '/./x', '/a/../b', '/o auth', '/%6fauth', 5], says: /such as '\/oauth'/ }
  },
  audit: {
    'neither false nor an object': { option: 'audit', values: [null, true, 'database', [], () => {}], says: /must be false, or an object such as/ },
    'an unknown member': { option: 'audit.sinks', values: [{ sinks: () => {} }], says: /is not an option; take it out, or use one of sink, access, retention/ },
    'a sink that is no function': { option: 'audit.sink', values: [null, 'syslog', {}].map(sink => ({ sink })), says: /must be a function/ },
    'an access that is none': { option: 'audit.access', values: [null, 'async', 1].map(access => ({ access })), says: /must be true, false or 'sync'/ },
    'a retention that can not be': { option: 'audit.retention', values: [null, 86_399, 315_360_001, 90_000.5, NaN, '90d'].map(retention => ({ retention })), says: /must be a whole number of seconds from 86400/ }
  },
  onRefused: { 'no function': { option: 'onRefused', values: [null, 'log', {}], says: /must be a function/ } },
  prefix: { 'it at all': { option: 'prefix', values: ['/api', '', undefined], says: /register fastify-mcp-oauth on the root; use basePath$/ } },
  isuer: { 'a misspelt name': { option: 'isuer', values: ['https://api.example.com', undefined], says: /is not an option; take it out, or use one of issuer, secret, .*onRefused$/ } }
}

for (const [name, cases] of Object.entries(mistakes)) {
  for (const [what, { option, values, says, beside = {} }] of Object.entries(cases)) {
    t.test(`${name}: ${what} stops the start with one sentence`, async t => {
      for (const value of values) {
        const error = optionErrorOf(() => resolveOptions(Object.assign(pluginOptions(), beside, { [name]: value })))
        t.equal(error.option, option, JSON.stringify(value))
        t.match(error.message, says)
      }
    })
  }
}

const lifetimes = {
  accessTokenLifetime: [1, 31_536_000],
  refreshTokenLifetime: [1, 315_360_000],
  grantLifetime: [60, 315_360_000],
  authorizationCodeLifetime: [1, 600],
  revalidateAfter: [0, 3600]
} as const

for (const [name, [least, most]] of Object.entries(lifetimes)) {
  t.test(`${name}: what is no whole number of seconds in its range stops the start with one sentence`, async t => {
    for (const value of [least - 1, most + 1, -1, 1.5, NaN, Infinity, '60', '7d', null, true, [60], 60n]) {
      const error = optionErrorOf(() => resolveOptions(Object.assign(pluginOptions(), { [name]: value })))
      t.equal(error.message, `${name}: must be a whole number of seconds from ${least} to ${most}`)
    }
    for (const value of [least, most]) t.match(resolveOptions({ ...pluginOptions(), [name]: value }), { [name]: value })
  })
}
