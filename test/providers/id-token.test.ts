import { createPublicKey } from 'node:crypto'
import t from 'tap'
import type { Test } from 'tap'
import { SignJWT, UnsecuredJWT, exportJWK, generateKeyPair } from 'jose'
import { oidc } from '../../lib/providers/index.ts'
import { makeKey } from '../fixtures/providers/double.ts'
import type { ProviderDouble } from '../fixtures/providers/double.ts'
import { startOidcDouble } from '../fixtures/providers/oidc.ts'
import { signIn } from '../fixtures/providers/sign-in.ts'

async function setUp (t: Test) {
  const double = await startOidcDouble(t)
  const { origin: issuer, clientId, clientSecret } = double
  return { double, provider: oidc({ id: 'some', issuer, clientId, clientSecret }) }
}

const now = () => Math.floor(Date.now() / 1000)
type Claims = Record<string, unknown>

const wrongClaims: Record<string, (claims: Claims, double: ProviderDouble) => Claims> = {
  'another issuer': (claims) => ({ ...claims, iss: 'https://evil.example' }),
  'the issuer with a slash': (claims) => ({ ...claims, iss: `${claims['iss']}/` }),
  'no issuer': (claims) => ({ ...claims, iss: undefined }),
  'another audience': (claims) => ({ ...claims, aud: 'other-client' }),
  'no audience': (claims) => ({ ...claims, aud: undefined }),
  'several audiences and no azp': (claims) => ({ ...claims, aud: [claims['aud'], 'other-client'] }),
  'several audiences and another azp': (claims) => ({ ...claims, aud: [claims['aud'], 'other-client'], azp: 'other-client' }),
  'another nonce': (claims) => ({ ...claims, nonce: `${claims['nonce']}0` }),
  'no nonce': (claims) => ({ ...claims, nonce: undefined }),
  'a nonce in an array': (claims) => ({ ...claims, nonce: [claims['nonce']] }),
  'an end 61 seconds ago': (claims) => ({ ...claims, exp: now() - 61 }),
  'no end': (claims) => ({ ...claims, exp: undefined }),
  'an end that is a string': (claims) => ({ ...claims, exp: '9999999999' }),
  'a beginning in the future': (claims) => ({ ...claims, nbf: now() + 120 }),
  'an issue time in the future': (claims) => ({ ...claims, iat: now() + 120 }),
  'an issue time hours ago': (claims) => ({ ...claims, iat: now() - 7_200 }),
  'no issue time': (claims) => ({ ...claims, iat: undefined }),
  'no subject': (claims) => ({ ...claims, sub: undefined })
}

t.test('OpenID Connect Core §3.1.3.7: an id_token with wrong claims is untrusted, and userinfo does not stand in', async (t) => {
  const { double, provider } = await setUp(t)
  for (const [what, forge] of Object.entries(wrongClaims)) {
    double.forge = (claims) => forge(claims, double)
    await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' }, what)
  }
  t.equal(double.count('/userinfo'), 0)
  t.equal(double.count('/token'), Object.keys(wrongClaims).length)
})

const wrongSignatures: Record<string, (claims: Claims, double: ProviderDouble) => Promise<unknown> | unknown> = {
  'alg none': (claims) => new UnsecuredJWT(claims).encode(),
  'HS256 with the public key as the secret': (claims, { key }) => {
    const { n, e, kty, kid } = key.jwk
    const pem = createPublicKey({ key: { n, e, kty }, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid }).sign(Buffer.from(pem))
  },
  'HS256 with our client secret': (claims, { key, clientSecret }) => {
    return new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: key.jwk.kid }).sign(Buffer.from(clientSecret ?? ''))
  },
  'another key under the known kid': async (claims, { key }) => {
    const { privateKey } = await makeKey()
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid }).sign(privateKey)
  },
  'a key that is not published': async (claims) => {
    const { privateKey, jwk } = await makeKey()
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: jwk.kid }).sign(privateKey)
  },
  'a key that the token itself brings': async (claims) => {
    const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', jwk: await exportJWK(publicKey) }).sign(privateKey)
  },
  'a critical extension nobody knows': (claims, { key }) => {
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid, crit: ['x'], x: 1 }).sign(key.privateKey, { crit: { x: true } })
  },
  'changed claims under a good signature': async (claims, { key }) => {
    const good = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid }).sign(key.privateKey)
    const [header, , signature] = good.split('.')
    return [header, Buffer.from(JSON.stringify({ ...claims, sub: 'somebody-else' })).toString('base64url'), signature].join('.')
  },
  'no signature': async (claims, { key }) => {
    const good = await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid }).sign(key.privateKey)
    return good.replace(/[^.]*$/, '')
  },
  'no JWT': () => 'not-a-token',
  'an empty string': () => '',
  'a number': () => 1,
  null: () => null,
  'an array': async (claims, { key }) => {
    return [await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid }).sign(key.privateKey)]
  }
}

t.test('T11: an id_token without a good asymmetric signature is untrusted, and userinfo does not stand in', async (t) => {
  const { double, provider } = await setUp(t)
  for (const [what, sign] of Object.entries(wrongSignatures)) {
    double.sign = (claims) => sign(claims, double)
    await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' }, what)
  }
  t.equal(double.count('/userinfo'), 0)
})

t.test('T11: only asymmetric algorithms are allowed, whatever keys there are', async (t) => {
  const { double, provider } = await setUp(t)
  for (const what of ['alg none', 'HS256 with the public key as the secret', 'HS256 with our client secret']) {
    double.sign = (claims) => wrongSignatures[what]?.(claims, double)
    await t.rejects(signIn(provider), { reason: 'untrusted', cause: { message: /ERR_JOSE_ALG_NOT_ALLOWED/ } }, what)
  }
})

t.test('keys that can not be used are untrusted', async (t) => {
  for (const published of [[], [{ kty: 'RSA', kid: 'x' }], ['no key']]) {
    const { double, provider } = await setUp(t)
    double.instead.set('/jwks', (_request, response) => response.end(JSON.stringify({ keys: published })))
    await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' }, JSON.stringify(published))
  }
  const { double, provider } = await setUp(t)
  const { kid } = double.key.jwk
  double.published = [{ kty: 'RSA', kid, alg: 'RS256', n: '!', e: '!' }]
  await t.rejects(signIn(provider), { name: 'Error', reason: 'untrusted' }, 'a broken key')
})

t.test('an error about an id_token carries neither its claims nor the token', async (t) => {
  const { double, provider } = await setUp(t)
  double.forge = (claims) => ({ ...claims, aud: 'other-client' })
  const error = await signIn(provider).then(() => t.fail('signed in'), (error: unknown) => error)
  t.match(error, { cause: { message: 'ERR_JWT_CLAIM_VALIDATION_FAILED: unexpected "aud" claim value' } })
  t.notMatch(JSON.stringify(error, [...Object.getOwnPropertyNames(error), 'cause', 'payload']), /you@example|eyJ/)
})

const goodClaims: Record<string, (claims: Claims) => Claims> = {
  'as it is': (claims) => claims,
  'an end within the clock tolerance': (claims) => ({ ...claims, exp: now() - 30 }),
  'an issue time five minutes back, as Entra has it': (claims) => ({ ...claims, iat: now() - 300, nbf: now() - 300 }),
  'several audiences and our azp': (claims) => ({ ...claims, aud: [claims['aud'], 'other-client'], azp: claims['aud'] }),
  'one audience in an array': (claims) => ({ ...claims, aud: [claims['aud']] })
}

t.test('an id_token that holds says who signed in', async (t) => {
  const { double, provider } = await setUp(t)
  for (const [what, forge] of Object.entries(goodClaims)) {
    double.forge = forge
    t.match(await signIn(provider), { issuer: double.origin, subject: 'subject-1', email: 'you@example.com' }, what)
  }
  t.equal(double.count('/userinfo'), 0)
})

t.test('every asymmetric algorithm serves', async (t) => {
  for (const alg of ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']) {
    const { double, provider } = await setUp(t)
    double.key = await makeKey(alg)
    double.published = [double.key.jwk]
    double.sign = (claims) => new SignJWT(claims).setProtectedHeader({ alg, kid: double.key.jwk.kid }).sign(double.key.privateKey)
    t.match(await signIn(provider), { subject: 'subject-1' }, alg)
  }
})
