import type { KeyObject } from 'node:crypto'
import { jwtVerify, SignJWT, type JWTPayload } from 'jose'
import type { KeyRing, TokenPurpose } from './key-ring.ts'

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
const segment = /^[A-Za-z0-9_-]+$/

/** One token has one spelling: what decodes to the same bytes by another string is refused. RFC 7515 §2, RFC 4648 §3.5. */
function isCanonical (token: string): boolean {
  const segments = token.split('.')
  return segments.length === 3 &&
    segments.every(part => segment.test(part) && Buffer.from(part, 'base64url').toString('base64url') === part)
}

async function sign (key: KeyObject, keyId: string, purpose: TokenPurpose, claims: JWTPayload): Promise<string> {
  return await new SignJWT({ ...claims, token_type: `${purpose}_token` })
    .setProtectedHeader({ alg: 'HS256', typ: types[purpose], kid: keyId })
    .sign(key)
}

/** Signs an access token. */
export async function signAccessToken (key: KeyObject, keyId: string, claims: AccessTokenClaims): Promise<string> {
  return await sign(key, keyId, 'access', { ...claims })
}

/** Signs a refresh token; the same claims give the same string. */
export async function signRefreshToken (key: KeyObject, keyId: string, claims: RefreshTokenClaims): Promise<string> {
  return await sign(key, keyId, 'refresh', { ...claims })
}

/**
 * The claims of a token of this purpose; its signature, algorithm, type, issuer and expiry hold.
 *
 * @throws {Error} with the reason, for the log, where anything does not.
 * @see [RFC 9068 §4](https://www.rfc-editor.org/rfc/rfc9068.html#section-4)
 */
async function verify (keys: KeyRing, purpose: TokenPurpose, token: string, issuer: string, now: Date): Promise<JWTPayload> {
  if (!isCanonical(token)) throw new Error('The token is not a JWT in its canonical spelling')
  const { payload } = await jwtVerify(token, header => {
    const key = keys.key(purpose, header.kid)
    if (key === undefined) throw new Error('The token names no key of ours')
    return key
  }, { algorithms: ['HS256'], typ: types[purpose], issuer, currentDate: now, requiredClaims: ['sub', 'jti', 'iat', 'exp'] })
  if (payload['token_type'] !== `${purpose}_token`) throw new Error('The token is of another type')
  return payload
}

function text (payload: JWTPayload, name: string): string {
  const value = payload[name]
  if (typeof value !== 'string') throw new Error(`The claim ${name} is not a string`)
  return value
}

export async function verifyAccessToken (keys: KeyRing, token: string, issuer: string, now: Date): Promise<Omit<AccessTokenClaims, 'email' | 'name'>> {
  const payload = await verify(keys, 'access', token, issuer, now)
  return {
    iss: issuer,
    sub: text(payload, 'sub'),
    aud: text(payload, 'aud'),
    client_id: text(payload, 'client_id'),
    scope: text(payload, 'scope'),
    iat: Number(payload.iat),
    exp: Number(payload.exp),
    jti: text(payload, 'jti')
  }
}

export async function verifyRefreshToken (keys: KeyRing, token: string, issuer: string, now: Date): Promise<RefreshTokenClaims> {
  const payload = await verify(keys, 'refresh', token, issuer, now)
  return { iss: issuer, sub: text(payload, 'sub'), iat: Number(payload.iat), exp: Number(payload.exp), jti: text(payload, 'jti') }
}
