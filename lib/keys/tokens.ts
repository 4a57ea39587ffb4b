import { createHmac, webcrypto, type KeyObject } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify, SignJWT, type JWTPayload } from 'jose'
import { encodeJson, isBase64url } from './base64url.ts'
import type { TokenKey, TokenPurpose, VerificationKeys } from './key-ring.ts'

/** The claims of an access token. RFC 9068 §2.2, with the seed's `email`, `name` and `token_type`. */
export interface AccessTokenClaims {
  iss: string
  sub: string
  aud: string
  client_id: string
  scope: string
  iat: number
  exp: number
  jti: string
  email: string
  name?: string
}

export interface RefreshTokenClaims {
  iss: string
  sub: string
  iat: number
  exp: number
  jti: string
}

const types = { access: 'at+jwt', refresh: 'rt+jwt' } as const

/** One token has one spelling: what decodes to the same bytes by another string is refused. RFC 7515 §2. */
function isCanonical (token: string): boolean {
  const segments = token.split('.')
  return segments.length === 3 && segments.every(isBase64url)
}

const imported = new WeakMap<KeyObject, Promise<webcrypto.CryptoKey>>()

/** jose takes a secret apart anew at each call, but for one in this form. */
function usable (key: KeyObject): KeyObject | Promise<webcrypto.CryptoKey> {
  if (key.type !== 'secret') return key
  const known = imported.get(key) ?? webcrypto.subtle.importKey('raw', key.export(), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  imported.set(key, known)
  return known
}

async function sign ({ algorithm, keyId, signs }: TokenKey, typ: string, claims: JWTPayload): Promise<string> {
  const header = { alg: algorithm, typ, kid: keyId }
  if (algorithm !== 'HS256') return await new SignJWT(claims).setProtectedHeader(header).sign(signs)
  // At once: for one block of SHA-256, the way to another thread and back takes many times as long. RFC 7515 §5.1.
  const input = `${encodeJson(header)}.${encodeJson(claims)}`
  return `${input}.${createHmac('sha256', signs).update(input).digest('base64url')}`
}

/** Signs an access token. */
export async function signAccessToken (key: TokenKey, claims: AccessTokenClaims): Promise<string> {
  return await sign(key, types.access, { ...claims, token_type: 'access_token' })
}

/** Signs a refresh token; the same claims give the same string. */
export async function signRefreshToken (key: TokenKey, claims: RefreshTokenClaims): Promise<string> {
  return await sign(key, types.refresh, { ...claims, token_type: 'refresh_token' })
}

/** Signs an id_token. Its type says that it is no access token. OpenID Connect Core §2. */
export async function signIdToken (key: TokenKey, claims: JWTPayload): Promise<string> {
  return await sign(key, 'JWT', claims)
}

/**
 * The claims of a token of this purpose; its signature, algorithm, type, issuer and expiry hold.
 *
 * @throws {Error} with the reason, for the log, where anything does not.
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068.html#section-4)
 */
async function verify (keys: VerificationKeys, purpose: TokenPurpose, token: string, issuer: string, now: Date): Promise<JWTPayload & { keyId: string }> {
  if (!isCanonical(token)) throw new Error('The token is not a JWT in its canonical spelling')
  const key = await keys.find(purpose, decodeProtectedHeader(token).kid, now)
  if (key === undefined) throw new Error('The token names no key of ours')
  // RFC 8725 §3.1: the key, not the token, says which algorithm it is.
  const { payload } = await jwtVerify(token, await usable(key.verifies), {
    algorithms: [key.algorithm], typ: types[purpose], issuer, currentDate: now, requiredClaims: ['sub', 'jti', 'iat', 'exp']
  })
  if (payload['token_type'] !== `${purpose}_token`) throw new Error('The token is of another type')
  return { ...payload, keyId: key.keyId }
}

function text (payload: JWTPayload, name: string): string {
  const value = payload[name]
  if (typeof value !== 'string') throw new Error(`The claim ${name} is not a string`)
  return value
}

/** What an access token says that was verified, and the key that it was signed with. */
export interface VerifiedClaims extends Omit<AccessTokenClaims, 'email' | 'name'> { keyId: string }

export async function verifyAccessToken (keys: VerificationKeys, token: string, issuer: string, now: Date): Promise<VerifiedClaims> {
  const payload = await verify(keys, 'access', token, issuer, now)
  return {
    iss: issuer,
    sub: text(payload, 'sub'),
    aud: text(payload, 'aud'),
    client_id: text(payload, 'client_id'),
    scope: text(payload, 'scope'),
    iat: Number(payload.iat),
    exp: Number(payload.exp),
    jti: text(payload, 'jti'),
    keyId: payload.keyId
  }
}

export async function verifyRefreshToken (keys: VerificationKeys, token: string, issuer: string, now: Date): Promise<RefreshTokenClaims> {
  const payload = await verify(keys, 'refresh', token, issuer, now)
  return { iss: issuer, sub: text(payload, 'sub'), iat: Number(payload.iat), exp: Number(payload.exp), jti: text(payload, 'jti') }
}
