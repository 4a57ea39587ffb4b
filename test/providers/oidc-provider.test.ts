import t from 'tap'
import type { Test } from 'tap'
import { oidc } from '../../lib/providers/index.ts'
import type { OidcOptions } from '../../lib/providers/index.ts'
import { startOidcProvider } from '../fixtures/oidc-provider.ts'
import type { OidcProviderOptions } from '../fixtures/oidc-provider.ts'
import { callback, signIn } from '../fixtures/providers/sign-in.ts'

async function setUp (t: Test, upstreamOptions: OidcProviderOptions = {}, options: Partial<OidcOptions> = {}) {
  const upstream = await startOidcProvider(t, { redirectUris: [callback], ...upstreamOptions })
  const { issuer, clientId, clientSecret } = upstream
  const provider = oidc({
    id: 'panva',
    issuer,
    clientId,
    ...(clientSecret !== '' && { clientSecret }),
    ...options
  })
  return { upstream, provider }
}

t.test('a wrong client secret is refused, and the message names no secret', async (t) => {
  const { provider } = await setUp(t, {}, { clientSecret: 'not-the-secret' })
  const error = await signIn(provider).catch((error: unknown) => error)
  t.match(error, { name: 'Error', reason: 'refused', cause: { message: 'invalid_client' } })
  t.notMatch(String(error), 'not-the-secret')
})

t.test('RFC 7636: a wrong verifier is refused by the provider', async (t) => {
  const { provider } = await setUp(t)
  await t.rejects(signIn(provider, { codeVerifier: 'x'.repeat(43) }), { reason: 'refused', cause: { message: 'invalid_grant' } })
})

t.test('OpenID Connect Core §3.1.3.7: another nonce than the browser\'s is untrusted', async (t) => {
  const { provider } = await setUp(t)
  await t.rejects(signIn(provider, { nonce: 'other' }), { reason: 'untrusted', message: /nonce/ })
})

t.test('RFC 9207 §2.4: a wrong or missing iss is untrusted', async (t) => {
  const { provider } = await setUp(t)
  await t.rejects(signIn(provider, { issuer: 'https://evil.example' }), { reason: 'untrusted', message: /another issuer/ })
  await t.rejects(signIn(provider, { issuer: undefined }), { reason: 'untrusted', message: /lacks its issuer/ })
})

t.test('the whole code flow gives who signed in, with each way to authenticate', async (t) => {
  for (const clientAuthMethod of ['client_secret_basic', 'client_secret_post', 'none'] as const) {
    const { upstream, provider } = await setUp(t, { clientAuthMethod })
    t.same(await signIn(provider), {
      issuer: upstream.issuer,
      subject: 'subject-1',
      email: 'you@example.com',
      emailVerified: true,
      name: 'You',
      picture: 'https://example.com/you.png'
    }, clientAuthMethod)
  }
})
