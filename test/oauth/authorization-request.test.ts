import t from 'tap'
import { checkAuthorizationRequest, resolveRedirectUri } from '../../lib/oauth/authorization-request.ts'
import { parseParameters } from '../../lib/oauth/parameters.ts'

const redirectUri = 'https://client.example/cb'
const resource = 'https://api.example.com/mcp'
const other = 'https://api.example.com/other'
const policy = {
  resources: new Map([[resource, { scopes: ['email', 'offline_access'] }], [other, { scopes: ['notes'] }]]),
  defaultResource: resource
}
const codeChallenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

function check (changes: Record<string, string | undefined> = {}, more = '') {
  const parameters = { response_type: 'code', code_challenge: codeChallenge, code_challenge_method: 'S256', ...changes }
  const query = new URLSearchParams(Object.entries(parameters).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]))
  return checkAuthorizationRequest(parseParameters(query + more), 'client-1', redirectUri, policy)
}

t.test('R1: a redirect_uri that is not registered, or missing where it could be several, is invalid_request', async t => {
  const cases: Array<[requested: string | undefined, registered: string[]]> = [
    ['https://evil.example/cb', [redirectUri]],
    [`${redirectUri}/`, [redirectUri]],
    ['', [redirectUri]],
    [undefined, [redirectUri, 'https://client.example/other']],
    [undefined, []],
    [redirectUri, []]
  ]
  for (const [requested, registered] of cases) {
    const message = requested === undefined ? 'The parameter redirect_uri is missing' : 'The redirect_uri is not registered for this client'
    t.throws(() => resolveRedirectUri(requested, registered, []), { name: 'OAuthError', code: 'invalid_request', message }, String(requested))
  }
})

t.test('REG-09, R5: what stands in a registration can still not be used where it is unsafe or not allowed', async t => {
  const cursor = 'cursor://anysphere.cursor-mcp/oauth/callback'
  for (const uri of [cursor, 'javascript:alert(1)', 'http://evil.example/cb']) {
    t.throws(() => resolveRedirectUri(uri, [uri], []), { code: 'invalid_request' }, uri)
    t.throws(() => resolveRedirectUri(undefined, [uri], []), { code: 'invalid_request' }, uri)
  }
  t.equal(resolveRedirectUri(cursor, [redirectUri, cursor], [cursor]), cursor)
})

t.test('AZ-03: the redirect_uri is the registered one, a loopback one on any port, or the only one', async t => {
  t.equal(resolveRedirectUri(redirectUri, ['https://client.example/other', redirectUri], []), redirectUri)
  t.equal(resolveRedirectUri('http://127.0.0.1:4321/cb', ['http://127.0.0.1/cb'], []), 'http://127.0.0.1:4321/cb')
  t.equal(resolveRedirectUri(undefined, [redirectUri], []), redirectUri)
})

t.test('AZ-13: a response_type other than code is unsupported_response_type, none is invalid_request', async t => {
  for (const responseType of ['token', 'id_token', 'code token', 'CODE', 'code ']) {
    t.throws(() => check({ response_type: responseType }), { code: 'unsupported_response_type', message: 'The response_type must be code' }, responseType)
  }
  t.throws(() => check({ response_type: undefined }), { code: 'invalid_request' })
})

t.test('OAuth 2.0 Multiple Response Types §2.1: the answer comes by the query, and by nothing else', async t => {
  for (const mode of ['fragment', 'form_post', 'query.jwt', 'QUERY', '__proto__']) t.throws(() => check({ response_mode: mode }), { code: 'invalid_request', message: 'The response_mode must be query' }, mode)
  for (const mode of ['query', '']) t.match(check({ response_mode: mode }), { clientId: 'client-1' })
})

t.test('AZ-05, T4, RFC 7636 §4.4.1: no S256 challenge is invalid_request', async t => {
  const changes = [
    { code_challenge: undefined }, { code_challenge: '' }, { code_challenge: codeChallenge.slice(1) }, { code_challenge: `${codeChallenge}=` }, { code_challenge_method: undefined }, { code_challenge_method: 'plain' },
    { code_challenge_method: 's256' }, { code_challenge_method: 'S512' }, { code_challenge: undefined, code_challenge_method: undefined }
  ]
  for (const change of changes) t.throws(() => check(change), { code: 'invalid_request', message: /code_challenge/ }, JSON.stringify(change))
})

t.test('AZ-01: a repeated parameter is invalid_request, also one that changes nothing here', async t => {
  const names = ['response_type', 'client_id', 'redirect_uri', 'state', 'scope', 'code_challenge', 'code_challenge_method', 'response_mode', 'nonce', 'prompt', 'max_age', 'login_hint', 'ui_locales']
  for (const name of names) t.throws(() => check({}, `&${name}=x&${name}=x`), { code: 'invalid_request' }, name)
  t.throws(() => check({ state: 'a\0' }), { code: 'invalid_request' })
})

t.test('AZ-11, AZ-14: a foreign resource is invalid_target, a foreign scope invalid_scope', async t => {
  t.throws(() => check({ resource: 'https://evil.example/' }), { code: 'invalid_target' })
  t.throws(() => check({ resource }, '&resource=https://api.example.com'), { code: 'invalid_target' })
  t.throws(() => check({ scope: 'constructor' }), { code: 'invalid_scope' })
  t.throws(() => check({ scope: 'notes' }), { code: 'invalid_scope' }, 'a scope of another resource')
  t.throws(() => check({ scope: 'email', resource: other }), { code: 'invalid_scope' })
  t.match(check({ scope: 'notes', resource: other }), { resource: other, scopes: ['notes'] })
})

t.test('a good request is what it says, with this server\'s defaults for the rest', async t => {
  const checked = { clientId: 'client-1', redirectUri, state: null, scopes: ['email'], resource, codeChallenge, nonce: null, prompts: [], maxAge: null, loginHint: null }
  t.strictSame(check({}, '&unknown=1&unknown=2'), checked)
  t.strictSame(check({ state: ' a+b%20"<é ', scope: 'offline_access email', resource }, `&resource=${encodeURIComponent(resource)}`), {
    ...checked, state: ' a+b%20"<é ', scopes: ['offline_access', 'email']
  })
})
