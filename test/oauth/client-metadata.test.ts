import { Ajv } from 'ajv'
import t from 'tap'
import { canonicalMetadata, checkClientMetadata, clientMetadataSchema, withoutNulls, type AcceptedMetadata, type ClientMetadata } from '../../lib/oauth/client-metadata.ts'
import { fc } from '../fixtures/property.ts'

const redirectUri = 'https://client.example/cb'
const cursor = 'cursor://anysphere.cursor-mcp/oauth/callback'
const policy = { allowedRedirectUris: [cursor], allowedRedirectHosts: undefined, defaultRedirectUris: ['https://a.example/cb', 'https://b.example/cb', 'http://localhost:3000/cb'], scopes: ['openid', 'email'] }
const fitsSchema = new Ajv({ coerceTypes: false }).compile(clientMetadataSchema)

t.test('T16: members of another type, or too long, do not fit the schema', async t => {
  for (const value of [null, 1, true, {}, 'x', ['x'], [1], [null], [['x']]]) {
    for (const name of Object.keys(clientMetadataSchema.properties)) {
      const isList = ['redirect_uris', 'grant_types', 'response_types'].includes(name)
      const fits = isList ? Array.isArray(value) && value[0] === 'x' : value === 'x'
      t.equal(fitsSchema({ [name]: value }), fits, `${name}: ${JSON.stringify(value)}`)
    }
  }
  for (const body of [null, [], 'x', 1]) t.notOk(fitsSchema(body))
  t.notOk(fitsSchema({ redirect_uris: Array(33).fill(redirectUri) }))
  t.notOk(fitsSchema({ redirect_uris: [`${redirectUri}?${'x'.repeat(2048)}`] }))
  t.notOk(fitsSchema({ client_name: 'x'.repeat(16_385) }))
  t.ok(fitsSchema({ client_name: 'x'.repeat(10_240), redirect_uris: [redirectUri], jwks: null, contacts: 5 }), 'what is unknown may be anything')
})

t.test('REG-07: a member that is null is one that is not named', async t => {
  t.strictSame(withoutNulls({ client_name: null, scope: '', redirect_uris: [null], jwks: { keys: null }, contacts: undefined }), { scope: '', redirect_uris: [null], jwks: { keys: null }, contacts: undefined })
  for (const body of [null, undefined, [], [null], 'null', 1]) t.equal(withoutNulls(body), body)
})

t.test('REG-10, R2, R5: one dangerous redirect URI sinks the registration', async t => {
  const message = 'A redirect URI must be https, or http on a loopback address, without fragment, user information or wildcard'
  for (const uri of ['javascript:alert(1)', 'JAVASCRIPT:x', 'java\tscript:x', ' data:x', 'http://evil.example/cb', 'https://*.example/cb', 'https://a@b.example/cb', 'https://b.example/cb#x', '', 'cb']) {
    t.throws(() => checkClientMetadata({ redirect_uris: [redirectUri, uri] }, policy), { name: 'OAuthError', code: 'invalid_redirect_uri', statusCode: 400, message }, uri)
  }
})

t.test('REG-09: private-use redirects alone are refused unless one is allowed', async t => {
  for (const uris of [['app:/cb'], ['app:/cb', `${cursor}x`]]) t.throws(() => checkClientMetadata({ redirect_uris: uris }, policy), { code: 'invalid_redirect_uri', message: /operator/ }, uris.join(' '))
  t.strictSame(checkClientMetadata({ redirect_uris: [cursor] }, policy).redirectUris, [cursor])
})

t.test('REG-10, R2, R10: every other URI must be a web URI too', async t => {
  for (const name of ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri']) {
    for (const uri of ['javascript:alert(1)', 'JaVaScRiPt:x', 'data:image/svg+xml,x', 'file:///x', 'http://client.example/', 'https://a@client.example/', '/logo.png', 'java\nscript:x', 'app:/x', 'https://client.example/ $(x)']) {
      t.throws(() => checkClientMetadata({ redirect_uris: [redirectUri], [name]: uri }, policy), { code: 'invalid_client_metadata', message: `${name} must be an https URL` }, `${name} ${uri}`)
    }
    t.doesNotThrow(() => checkClientMetadata({ redirect_uris: [redirectUri], [name]: '' }, policy), 'an empty one is none')
    t.doesNotThrow(() => checkClientMetadata({ redirect_uris: [redirectUri], [name]: 'https://client.example/x' }, policy))
  }
})

const badName = 'client_name holds characters that are not allowed'
const badMethod = 'token_endpoint_auth_method must be one of client_secret_basic, client_secret_post, none'
const badResponseTypes = 'response_types must hold code'
const badGrantTypes = 'grant_types must hold authorization_code'

const refusals: Record<string, [metadata: ClientMetadata, message: string]> = {
  'a name with control characters': [{ client_name: 'a\nb' }, badName],
  'a name with a lone surrogate': [{ client_name: '\ud800' }, badName],
  'an unknown authentication method': [{ token_endpoint_auth_method: 'private_key_jwt' }, badMethod],
  'the name of an object member as authentication method': [{ token_endpoint_auth_method: 'constructor' }, badMethod],
  'an empty authentication method': [{ token_endpoint_auth_method: '' }, badMethod],
  'response types without code': [{ response_types: ['token'] }, badResponseTypes],
  'no response type': [{ response_types: [] }, badResponseTypes],
  'grant types without authorization_code': [{ grant_types: ['refresh_token', 'client_credentials'] }, badGrantTypes],
  'no grant type': [{ grant_types: [] }, badGrantTypes]
}

for (const [what, [metadata, message]] of Object.entries(refusals)) {
  t.test(`REG-08, RFC 7591 §3.2.2: ${what} is invalid_client_metadata`, async t => {
    t.throws(() => checkClientMetadata({ redirect_uris: [redirectUri], ...metadata }, policy), { code: 'invalid_client_metadata', statusCode: 400, message })
  })
}

t.test('REG-13: without redirect URIs it gets all of the defaults', async t => {
  for (const metadata of [{}, { redirect_uris: [] }]) t.strictSame(checkClientMetadata(metadata, policy).redirectUris, policy.defaultRedirectUris)
})

t.test('REG-07: what is not named has its default', async t => {
  t.strictSame(checkClientMetadata({ redirect_uris: [redirectUri] }, policy), {
    redirectUris: [redirectUri],
    clientName: '',
    clientUri: null,
    logoUri: null,
    grantTypes: ['authorization_code', 'refresh_token'],
    tokenEndpointAuthMethod: 'client_secret_basic',
    scopes: []
  })
})

t.test('REG-09: what is unknown is dropped, what is known stays as it was', async t => {
  const metadata = {
    redirect_uris: [cursor, 'https://www.cursor.com/agents/mcp/oauth/callback', 'http://localhost:8787/callback', 'unusual.app:/cb'],
    client_name: '\u202eRTL <script>',
    client_uri: 'https://client.example/',
    logo_uri: 'http://localhost:1/logo.png',
    grant_types: ['client_credentials', 'authorization_code', 'urn:x'],
    response_types: ['code', 'token'],
    token_endpoint_auth_method: 'none',
    scope: ' openid  admin constructor email',
    software_id: 'x'
  }
  t.strictSame(checkClientMetadata(metadata, policy), {
    redirectUris: metadata.redirect_uris,
    clientName: metadata.client_name,
    clientUri: metadata.client_uri,
    logoUri: metadata.logo_uri,
    grantTypes: ['authorization_code'],
    tokenEndpointAuthMethod: 'none',
    scopes: ['openid', 'email']
  })
})

t.test('RFC 7591 §5: where the operator names hosts, redirects go to these only', async t => {
  const narrow = { ...policy, allowedRedirectHosts: ['client.example', '[::1]'] }
  for (const uri of ['https://evil.example/cb', 'https://client.example.evil.example/cb', 'https://sub.client.example/cb', 'http://127.0.0.1/cb', 'http://localhost/client.example']) {
    t.throws(() => checkClientMetadata({ redirect_uris: [redirectUri, uri] }, narrow), { code: 'invalid_redirect_uri', message: /not allowed redirects to this host/ }, uri)
  }
  t.throws(() => checkClientMetadata({}, narrow), { code: 'invalid_redirect_uri' }, 'the defaults are no exception')
  for (const uri of ['https://client.example:8443/cb', 'https://CLIENT.example/cb', 'http://[::1]:3000/cb', cursor]) {
    t.strictSame(checkClientMetadata({ redirect_uris: [uri] }, narrow).redirectUris, [uri])
  }
  t.doesNotThrow(() => checkClientMetadata({ redirect_uris: [redirectUri, 'app:/cb'] }, narrow), 'REG-09: nothing is ever sent to the odd one')
})

const strings = fc.array(fc.string(), { maxLength: 3 })
const accepted: fc.Arbitrary<AcceptedMetadata> = fc.record({
  redirectUris: strings,
  clientName: fc.string(),
  clientUri: fc.option(fc.string()),
  logoUri: fc.option(fc.string()),
  grantTypes: strings,
  tokenEndpointAuthMethod: fc.constantFrom('none', 'client_secret_basic', 'client_secret_post'),
  scopes: strings
})

t.test('REG-11: the canonical form is equal for equal metadata, whatever the order of its members, and for no other', async t => {
  fc.assert(fc.property(accepted, fc.infiniteStream(fc.nat()), (metadata, order) => {
    const shuffled = Object.fromEntries(Object.entries(metadata).map(entry => ({ entry, at: order.next().value })).sort((a, b) => a.at - b.at).map(({ entry }) => entry))
    t.equal(canonicalMetadata(Object.assign(shuffled, metadata)), canonicalMetadata(metadata))
  }))
  fc.assert(fc.property(accepted, accepted, (one, other) => {
    const equal = Object.keys(one).every(name => JSON.stringify(Reflect.get(one, name)) === JSON.stringify(Reflect.get(other, name)))
    return (canonicalMetadata(one) === canonicalMetadata(other)) === equal
  }))
  // Two that differ in a single member, which chance hardly finds.
  fc.assert(fc.property(accepted, fc.constantFrom('redirectUris', 'grantTypes', 'scopes'), fc.string(), (metadata, name, more) =>
    canonicalMetadata({ ...metadata, [name]: [...Reflect.get(metadata, name), more] }) !== canonicalMetadata(metadata)))
})
