import t from 'tap'
import { authorizationResponseUri } from '../../lib/oauth/authorization-response.ts'
import { challenge } from '../../lib/oauth/challenge.ts'

const issuer = 'https://api.example.com'
const resourceMetadata = 'https://api.example.com/.well-known/oauth-protected-resource/mcp'

t.test('RFC 9110 §5.6.4: nothing breaks out of a challenge\'s quoted-string', async t => {
  for (const evil of ['"', '\\', '\r\n', '\0', '\t', '\x7f', 'ü']) {
    t.equal(
      challenge({ resourceMetadata: `https://a${evil}b`, scopes: [`s${evil}1`], error: 'invalid_token', errorDescription: `not${evil} you` }),
      'Bearer error="invalid_token", resource_metadata="https://ab", error_description="not you", scope="s1"',
      JSON.stringify(evil)
    )
  }
})

t.test('RS-02, RFC 6750 §3.1: a challenge without a token names no error', async t => {
  t.equal(challenge({ resourceMetadata, scopes: ['openid', 'email'] }), `Bearer resource_metadata="${resourceMetadata}", scope="openid email"`)
})

t.test('RFC 6750 §3: a challenge without scopes has no scope', async t => {
  t.equal(challenge({ resourceMetadata, scopes: [], error: 'insufficient_scope' }), `Bearer error="insufficient_scope", resource_metadata="${resourceMetadata}"`)
})

t.test('RFC 6750 §3: without any parameter but its error it is about no resource', async t => {
  t.equal(challenge({ scopes: [], error: 'invalid_token' }), 'Bearer error="invalid_token"')
})

t.test('AS-06, RFC 9207 §2: iss is on every response, state only where one came', async t => {
  t.equal(
    authorizationResponseUri('https://client.example/cb', { state: null, issuer, error: 'access_denied', errorDescription: 'No & no' }),
    'https://client.example/cb?error=access_denied&error_description=No+%26+no&iss=https%3A%2F%2Fapi.example.com'
  )
  t.equal(authorizationResponseUri('https://client.example/cb', { state: null, issuer, code: 'c' }), 'https://client.example/cb?code=c&iss=https%3A%2F%2Fapi.example.com')
})

t.test('AZ-06: state comes back unchanged, whatever it holds', async t => {
  for (const state of ['', ' ', 'a+b c%20&d=e#f', '"<script>', 'é😀', 'x'.repeat(4096)]) {
    const uri = authorizationResponseUri('http://127.0.0.1:4321/cb', { state, issuer, code: 'c' })
    t.equal(new URL(uri).searchParams.get('state'), state)
  }
})

t.test('OAuth 2.1 §2.3: the query of a redirect URI stays as it is', async t => {
  for (const [redirectUri, start] of [
    ['https://client.example/cb?a=%7e&b', 'https://client.example/cb?a=%7e&b&code=c&'],
    ['https://client.example?', 'https://client.example?&code=c&'],
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'cursor://anysphere.cursor-mcp/oauth/callback?code=c&']
  ] as const) t.ok(authorizationResponseUri(redirectUri, { state: 's', issuer, code: 'c' }).startsWith(start), redirectUri)
})
