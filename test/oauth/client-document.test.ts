import t from 'tap'
import { checkClientDocument, documentChanges } from '../../lib/oauth/client-document.ts'
import { fc } from '../fixtures/property.ts'

const clientId = 'https://client.example/oauth/client.json'
const redirectUri = 'https://client.example/cb'
const policy = { allowedRedirectUris: ['cursor://anysphere.cursor-mcp/oauth/callback'], allowedRedirectHosts: undefined }
const complete = { client_id: clientId, client_name: 'A client', redirect_uris: [redirectUri] }
const check = (document: unknown) => checkClientDocument(clientId, document, policy, 5)
const metadata = { name: 'OAuthError', code: 'invalid_client_metadata' }

t.test('REG-02: the document names itself, as a string', async t => {
  const others = ['https://client.example/oauth/client.json/', 'https://CLIENT.example/oauth/client.json', 'https://client.example:443/oauth/client.json', 'https://client.example/oauth/client%2Ejson', 'https://client.example/oauth/client.json?', ` ${clientId}`, '', 'https://claude.ai/oauth/client.json']
  for (const id of others) t.throws(() => check({ ...complete, client_id: id }), { ...metadata, message: /URL of the document/ }, id)
})

const malformed: Record<string, unknown> = {
  nothing: undefined,
  null: null,
  'a list': [complete],
  'a string': JSON.stringify(complete),
  'a number': 5,
  'no client_id': { ...complete, client_id: undefined },
  'a list of ids': { ...complete, client_id: [clientId] },
  'no name': { ...complete, client_name: null },
  'an empty name': { ...complete, client_name: '' },
  'a name that nobody sees': { ...complete, client_name: '\u202e\u200b \u2066' },
  'a name with control characters': { ...complete, client_name: 'a\u0000b' },
  'a name that is no string': { ...complete, client_name: { en: 'A client' } },
  'no redirect URIs': { client_id: clientId, client_name: 'A client' },
  'an empty list of redirect URIs': { ...complete, redirect_uris: [] },
  'a string for redirect URIs': { ...complete, redirect_uris: redirectUri },
  'too many redirect URIs': { ...complete, redirect_uris: Array(33).fill(redirectUri) },
  'no response type of ours': { ...complete, response_types: ['token'] },
  'no grant type of ours': { ...complete, grant_types: ['client_credentials'] },
  'auth methods that are no list': { ...complete, token_endpoint_auth_methods_supported: 'none' }
}

for (const [what, document] of Object.entries(malformed)) {
  t.test(`REG-02: a document with ${what} is refused`, async t => {
    t.throws(() => check(document), metadata)
  })
}

t.test('REG-05: a secret in a document, or a method that needs one, is refused', async t => {
  for (const members of [{ client_secret: 'x' }, { client_secret: '' }, { client_secret_expires_at: 0 }]) {
    t.throws(() => check({ ...complete, ...members }), metadata, JSON.stringify(members))
  }
  for (const method of ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'client_secret']) {
    t.throws(() => check({ ...complete, token_endpoint_auth_method: method }), { ...metadata, message: /shared secret/ }, method)
    t.throws(() => check({ ...complete, token_endpoint_auth_method: method, token_endpoint_auth_methods_supported: ['none', method] }), metadata, `${method} beside none`)
  }
})

t.test('REG-05: another method counts only beside a list that holds none', async t => {
  for (const method of ['private_key_jwt', 'tls_client_auth', 'attest_jwt_client_auth', 'constructor', '']) {
    for (const supported of [undefined, [], [method], ['NONE']]) {
      t.throws(() => check({ ...complete, token_endpoint_auth_method: method, token_endpoint_auth_methods_supported: supported }), { ...metadata, message: /must be none/ }, `${method} beside ${supported}`)
    }
    t.doesNotThrow(() => check({ ...complete, token_endpoint_auth_method: method, token_endpoint_auth_methods_supported: ['none', method] }), method)
  }
  t.doesNotThrow(() => check({ ...complete, token_endpoint_auth_method: 'none' }))
  t.doesNotThrow(() => check({ ...complete, client_secret: null, token_endpoint_auth_method: null }), 'null is nothing')
})

t.test('REG-10, R2: redirect URIs and all others are judged as in a registration', async t => {
  for (const uri of ['javascript:alert(1)', 'http://client.example/cb', 'https://client.example/cb#x', 'https://a@client.example/cb', 'https://*.client.example/cb', 'cb', '']) {
    t.throws(() => check({ ...complete, redirect_uris: [redirectUri, uri] }), { code: 'invalid_redirect_uri' }, uri)
  }
  t.throws(() => check({ ...complete, redirect_uris: ['app:/cb'] }), { code: 'invalid_redirect_uri' })
  for (const name of ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri']) {
    for (const uri of ['javascript:alert(1)', 'data:image/svg+xml,x', 'http://client.example/x', '/x']) t.throws(() => check({ ...complete, [name]: uri }), metadata, `${name} ${uri}`)
  }
})

t.test('REG-10: the hosts that a registration may redirect to are those of a document too', async t => {
  const some = { ...policy, allowedRedirectHosts: ['client.example', '127.0.0.1'] }
  const redirectUris = [redirectUri, 'http://127.0.0.1/callback', 'cursor://anysphere.cursor-mcp/oauth/callback']
  t.strictSame(checkClientDocument(clientId, { ...complete, redirect_uris: redirectUris }, some, 5).redirectUris, redirectUris)
  t.throws(() => checkClientDocument(clientId, { ...complete, redirect_uris: [redirectUri, 'https://elsewhere.example/cb'] }, some, 5), { code: 'invalid_redirect_uri' })
})

t.test('REG-04: an address of this machine or its network is left out', async t => {
  for (const uri of ['http://localhost/logo.png', 'http://127.0.0.1:8080/', 'https://169.254.169.254/latest', 'https://10.0.0.1/x', 'https://[::1]/x', 'https://[64:ff9b::a00:1]/x', 'https://2130706433/x', 'https://intranet/x']) {
    t.match(check({ ...complete, client_uri: uri, logo_uri: uri }), { clientUri: null, logoUri: null }, uri)
  }
})

t.test('REG-05: ChatGPT’s document, which prefers what is not offered here', async t => {
  const document = {
    client_id: clientId,
    client_uri: 'https://chatgpt.com/',
    redirect_uris: ['https://chatgpt.com/connector_platform_oauth_redirect'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    client_name: 'ChatGPT',
    logo_uri: 'https://persistent.oaistatic.com/sonic/misc/openai-logo.png',
    token_endpoint_auth_signing_alg: 'RS256',
    jwks_uri: 'https://chatgpt.com/oauth/jwks.json'
  }
  t.strictSame(check(document), {
    clientName: 'ChatGPT',
    redirectUris: document.redirect_uris,
    grantTypes: document.grant_types,
    clientUri: document.client_uri,
    logoUri: document.logo_uri,
    fetchedAt: 5
  })
})

t.test('whatever a document holds, it is refused by an OAuthError or has the members that are stored', async t => {
  const member = fc.constantFrom('client_id', 'client_name', 'redirect_uris', 'grant_types', 'response_types', 'logo_uri', 'token_endpoint_auth_method', 'token_endpoint_auth_methods_supported', '__proto__', 'constructor')
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), fc.dictionary(member, fc.jsonValue()).map(members => ({ ...complete, ...members }))), value => {
    try {
      const { clientName, redirectUris } = check(value)
      return clientName.length > 0 && redirectUris.length > 0
    } catch (error) {
      return error instanceof Error && error.name === 'OAuthError'
    }
  }))
  t.pass()
})

t.test('a change of name or redirect URIs is told, another one is not', async t => {
  const document = check({ ...complete, redirect_uris: [redirectUri, 'https://client.example/cb2'] })
  const before = { name: 'A client', redirectUris: ['https://client.example/cb2', redirectUri] }
  t.equal(documentChanges(before, document), undefined, 'the order is none')
  t.equal(documentChanges({ ...before, redirectUris: [...before.redirectUris, redirectUri] }, document), undefined, 'and twice is once')
  t.strictSame(documentChanges({ ...before, name: 'Former' }, document), { formerName: 'Former', redirectUris: false })
  for (const redirectUris of [[], [redirectUri], [redirectUri, 'https://client.example/other'], [...before.redirectUris, 'https://client.example/third']]) {
    t.strictSame(documentChanges({ ...before, redirectUris }, document), { formerName: undefined, redirectUris: true }, redirectUris.join(' '))
  }
  t.strictSame(documentChanges({ name: '', redirectUris: [] }, document), { formerName: '', redirectUris: true })
})
