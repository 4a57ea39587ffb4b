import { createSecretKey } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader, SignJWT, UnsecuredJWT } from 'jose'
import t from 'tap'
import { KeyRing, type TokenPurpose } from '../../lib/keys/key-ring.ts'
import { signAccessToken, signRefreshToken, verifyAccessToken, verifyRefreshToken } from '../../lib/keys/tokens.ts'

const secret = 'k3Vx9QmZ7tLr2WbY8nHc5DfG1jPs6AuE'
const newer = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
const ring = new KeyRing([secret])
const issuer = 'https://api.example.com'
const now = new Date('2026-01-01T00:00:00Z')
const iat = now.getTime() / 1000
const accessClaims = { iss: issuer, sub: 'user-1', aud: `${issuer}/mcp`, client_id: 'mcp-1', scope: 'openid email', iat, exp: iat + 60, jti: 'token-1', email: 'you@example.com', name: 'You' }
const refreshClaims = { iss: issuer, sub: 'user-1', iat, exp: iat + 60, jti: 'token-2' }

const { keyId } = ring.signingKey('access')
const accessToken = await signAccessToken(ring.signingKey('access'), accessClaims)
const refreshToken = await signRefreshToken(ring.signingKey('refresh'), refreshClaims)

const verify = { access: verifyAccessToken, refresh: verifyRefreshToken }
const tokens = { access: accessToken, refresh: refreshToken }
const purposes: readonly TokenPurpose[] = ['access', 'refresh']

function encode (value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** A token with a good signature of our own key, and whatever else. */
async function forge (purpose: TokenPurpose, claims: Record<string, unknown>, header: Record<string, unknown> = {}, by = ring.signingKey(purpose).signs): Promise<string> {
  const payload = { ...decodeJwt(tokens[purpose]), ...claims }
  return await new SignJWT(payload).setProtectedHeader({ ...decodeProtectedHeader(tokens[purpose]), alg: 'HS256', ...header }).sign(by, { crit: { b64: true, x: false } })
}

/** The same bytes by another last character: its unused bits are set. RFC 4648 §3.5. */
function otherLastCharacter (segment: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const same = [...alphabet].map(character => segment.slice(0, -1) + character)
    .find(other => other !== segment && Buffer.from(other, 'base64url').equals(Buffer.from(segment, 'base64url')))
  return same ?? segment
}

for (const purpose of purposes) {
  const token = tokens[purpose]
  const [header = '', payload = '', signature = ''] = token.split('.')

  t.test(`T11: one ${purpose} token has one spelling`, async t => {
    const spellings = [
      ` ${token}`, `${token} `, `${token}\n`, `\t${token}`, `${token}=`, `${token}==`, `${header}=.${payload}.${signature}`, `${header}.${payload}==.${signature}`, `${token}.`, `.${token}`, `${header}.${payload}.${signature}.x`,
      `${header}.${payload}`, `${header}.${payload}.`, `${header}..${signature}`, '', '.', '..', `${header}.${payload}.${otherLastCharacter(signature)}`, `${header} .${payload}.${signature}`,
      `${header}.${payload}.${signature.slice(0, -1)}`, `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('base64')}`
    ]
    t.not(otherLastCharacter(signature), signature, 'there is another spelling')
    for (const spelling of spellings) await t.rejects(verify[purpose](ring, spelling, issuer, now), /canonical/, JSON.stringify(spelling.slice(-20)))
  })

  t.test(`T11: of the ${purpose} token, the algorithm is pinned`, async t => {
    for (const alg of ['none', 'None', 'NONE', 'HS384', 'HS512', 'RS256', 'ES256', '', null, 256]) {
      const other = encode({ ...decodeProtectedHeader(token), alg })
      for (const tag of [signature, 'AAAA']) await t.rejects(verify[purpose](ring, `${other}.${payload}.${tag}`, issuer, now), String(alg))
    }
    await t.rejects(verify[purpose](ring, new UnsecuredJWT(decodeJwt(token)).encode(), issuer, now), /canonical/)
    await t.rejects(verify[purpose](ring, await forge(purpose, {}, { alg: 'HS512' }, createSecretKey(secret.repeat(2), 'utf8')), issuer, now), { code: 'ERR_JOSE_ALG_NOT_ALLOWED' })
  })

  t.test(`T11: the ${purpose} token must be signed by the key that it names, one of ours`, async t => {
    const strange = createSecretKey(newer, 'utf8')
    await t.rejects(verify[purpose](ring, await forge(purpose, {}, {}, strange), issuer, now), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
    for (const kid of [undefined, null, '', 'unknown', '__proto__', ['x'], new KeyRing([newer]).signingKey(purpose).keyId]) {
      await t.rejects(verify[purpose](ring, await forge(purpose, {}, { kid }), issuer, now), /names no key of ours/, JSON.stringify(kid))
    }
  })

  t.test(`T11: a critical header that nobody knows refuses the ${purpose} token`, async t => {
    await t.rejects(verify[purpose](ring, await forge(purpose, {}, { crit: ['x'], x: 1 }), issuer, now), /"x"/)
    for (const crit of [[], ['x'], ['alg'], 'x', null]) {
      const critical = encode({ ...decodeProtectedHeader(token), crit, x: 1 })
      await t.rejects(verify[purpose](ring, `${critical}.${payload}.${signature}`, issuer, now), JSON.stringify(crit))
    }
  })

  t.test(`T10, RS-04: the ${purpose} token of another type is refused`, async t => {
    for (const typ of [undefined, '', 'JWT', 'id_token', purpose === 'access' ? 'rt+jwt' : 'at+jwt']) await t.rejects(verify[purpose](ring, await forge(purpose, {}, { typ }), issuer, now), /"typ"/, typ ?? 'none')
    for (const type of [undefined, null, 'bearer', `${purpose}_tokens`, purpose === 'access' ? 'refresh_token' : 'access_token']) {
      await t.rejects(verify[purpose](ring, await forge(purpose, { token_type: type }), issuer, now), /another type/, String(type))
    }
  })

  t.test(`RS-04: the ${purpose} token that is expired, from elsewhere or incomplete is refused`, async t => {
    for (const claims of [
      { exp: iat }, { exp: iat - 1 }, { exp: undefined }, { exp: String(iat + 60) }, { iat: undefined }, { iat: 'now' }, { nbf: iat + 1 }, { iss: undefined }, { iss: `${issuer}/` }, { iss: 'https://evil.example' }, { iss: [issuer, 'x'] },
      { sub: undefined }, { jti: undefined }, { sub: 5 }, { sub: null }, { jti: ['token-1'] }, { jti: { $ne: '' } }
    ]) await t.rejects(verify[purpose](ring, await forge(purpose, claims), issuer, now), JSON.stringify(claims))
    await t.rejects(verify[purpose](ring, token, issuer, new Date(now.getTime() + 60_000)), { code: 'ERR_JWT_EXPIRED' })
    await t.resolves(verify[purpose](ring, token, issuer, new Date(now.getTime() + 59_999)))
  })
}

t.test('T10: a refresh token is no access token, and an access token no refresh token', async t => {
  await t.rejects(verifyAccessToken(ring, refreshToken, issuer, now))
  await t.rejects(verifyRefreshToken(ring, accessToken, issuer, now))
  const dressed = await forge('access', decodeJwt(refreshToken), { typ: 'rt+jwt' })
  await t.rejects(verifyRefreshToken(ring, dressed, issuer, now), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' }, 'the root secret signs no refresh token')
})

t.test('RFC 9068 §2.2: aud is one string; client_id and scope are strings', async t => {
  for (const claims of [{ aud: undefined }, { aud: [accessClaims.aud] }, { aud: [accessClaims.aud, 'https://evil.example'] }, { aud: [] }, { client_id: undefined }, { client_id: 1 }, { scope: ['openid'] }, { scope: undefined }]) {
    await t.rejects(verifyAccessToken(ring, await forge('access', claims), issuer, now), /is not a string/, JSON.stringify(claims))
  }
})

t.test('RFC 9068 §2: an access token is a JWT as the seed has it, signed by the root secret, and names its key', async t => {
  t.strictSame(decodeProtectedHeader(accessToken), { alg: 'HS256', typ: 'at+jwt', kid: keyId })
  t.strictSame(decodeJwt(accessToken), { ...accessClaims, token_type: 'access_token' })
  const { email, name, ...claims } = accessClaims
  t.strictSame(await verifyAccessToken(ring, accessToken, issuer, now), { ...claims, keyId })
  t.strictSame(await verifyRefreshToken(ring, refreshToken, issuer, now), refreshClaims)
})

t.test('TK-04: the same claims give the same refresh token, another key another one', async t => {
  const key = ring.signingKey('refresh')
  t.equal(await signRefreshToken(key, refreshClaims), refreshToken)
  t.not(await signRefreshToken(key, { ...refreshClaims, jti: 'token-3' }), refreshToken)
  t.not(await signRefreshToken({ ...new KeyRing([newer]).signingKey('refresh'), keyId }, refreshClaims), refreshToken)
})

t.test('T15: tokens of the old secret live on after a rotation, until it is dropped', async t => {
  const rotated = new KeyRing([newer, secret])
  t.match(await verifyAccessToken(rotated, accessToken, issuer, now), { jti: 'token-1' })
  t.match(await verifyRefreshToken(rotated, refreshToken, issuer, now), { jti: 'token-2' })
  for (const purpose of purposes) await t.rejects(verify[purpose](new KeyRing([newer]), tokens[purpose], issuer, now), /names no key of ours/)
})
