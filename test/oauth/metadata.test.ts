import t from 'tap'
import { authorizationServerMetadata, openidConfiguration, openidConfigurationPaths, protectedResourceMetadata, resourceMetadataUrl, wellKnownPaths } from '../../lib/oauth/metadata.ts'

const issuer = 'https://api.example.com/t'
const scopes = ['openid', 'email', 'offline_access']
const description = { issuer, endpoints: `${issuer}/oauth`, scopes, registration: true, clientMetadataDocuments: false }
const metadata = authorizationServerMetadata(description)

t.test('AS-08: offline_access is in the authorization server\'s metadata, never in the resource\'s', async t => {
  t.strictSame(protectedResourceMetadata(`${issuer}/mcp`, issuer, scopes)['scopes_supported'], ['openid', 'email'])
  t.strictSame(metadata['scopes_supported'], scopes)
})

t.test('RS-01, RFC 9728 §3.2: what has no elements is left out', async t => {
  t.strictSame(protectedResourceMetadata(`${issuer}/mcp`, issuer, ['offline_access']), {
    resource: `${issuer}/mcp`, authorization_servers: [issuer], bearer_methods_supported: ['header']
  })
})

t.test('AS-05: the metadata names what works, and nothing else', async t => {
  t.strictSame(metadata, {
    issuer,
    authorization_endpoint: 'https://api.example.com/t/oauth/authorize',
    token_endpoint: 'https://api.example.com/t/oauth/token',
    registration_endpoint: 'https://api.example.com/t/oauth/register',
    revocation_endpoint: 'https://api.example.com/t/oauth/revoke',
    introspection_endpoint: 'https://api.example.com/t/oauth/introspect',
    userinfo_endpoint: 'https://api.example.com/t/oauth/userinfo',
    jwks_uri: 'https://api.example.com/t/.well-known/jwks.json',
    scopes_supported: scopes,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    revocation_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
    introspection_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic', 'Bearer'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true
  })
})

t.test('AS-07: the metadata says where a client id may be the URL of a metadata document', async t => {
  t.strictSame(authorizationServerMetadata({ ...description, clientMetadataDocuments: true }), { ...metadata, client_id_metadata_document_supported: true })
})

t.test('AS-02, RFC 9728 §2: the resource\'s metadata names the issuer to the letter', async t => {
  t.strictSame(protectedResourceMetadata(`${issuer}/mcp`, issuer, scopes), {
    resource: `${issuer}/mcp`, authorization_servers: [metadata['issuer']], scopes_supported: ['openid', 'email'], bearer_methods_supported: ['header']
  })
})

t.test('AS-03, RFC 8414 §3.1: an issuer with a path has its document at the root and below the well-known path', async t => {
  t.strictSame(wellKnownPaths('oauth-authorization-server', ''), ['/.well-known/oauth-authorization-server'])
  t.strictSame(wellKnownPaths('oauth-authorization-server', '/t'), ['/.well-known/oauth-authorization-server', '/.well-known/oauth-authorization-server/t'])
})

t.test('AS-01, OIDC Discovery §3: the OpenID document says all of the other, and what the defaults would not', async t => {
  t.strictSame(openidConfiguration(description), {
    ...metadata,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    claims_supported: ['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'at_hash', 'email', 'email_verified', 'name', 'picture'],
    request_uri_parameter_supported: false
  })
})

t.test('AS-03, OIDC Discovery §4.1: the OpenID document is below the issuer’s path too', async t => {
  t.strictSame(openidConfigurationPaths(''), ['/.well-known/openid-configuration'])
  t.strictSame(openidConfigurationPaths('/t'), ['/.well-known/openid-configuration', '/.well-known/openid-configuration/t', '/t/.well-known/openid-configuration'])
})

t.test('RS-01, RFC 9728 §3.1: the well-known path goes between host and path', async t => {
  t.equal(resourceMetadataUrl('https://api.example.com/t/mcp'), 'https://api.example.com/.well-known/oauth-protected-resource/t/mcp')
  t.equal(resourceMetadataUrl('https://api.example.com:8443'), 'https://api.example.com:8443/.well-known/oauth-protected-resource')
  t.equal(resourceMetadataUrl('https://api.example.com/mcp/?x=1'), 'https://api.example.com/.well-known/oauth-protected-resource/mcp/?x=1')
})
