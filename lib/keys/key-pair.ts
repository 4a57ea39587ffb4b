import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { AsymmetricAlgorithm } from './algorithms.ts'

/** A public key as the JWKS has it. RFC 7517 §4. */
export interface PublicJwk {
  kty?: string
  kid: string
  alg: AsymmetricAlgorithm
  use: 'sig'
  [parameter: string]: unknown
}

const generate = promisify(generateKeyPair)

const generators: Readonly<Record<AsymmetricAlgorithm, () => Promise<{ privateKey: KeyObject }>>> = {
  RS256: async () => await generate('rsa', { modulusLength: 2048 }),
  ES256: async () => await generate('ec', { namedCurve: 'P-256' }),
  EdDSA: async () => await generate('ed25519')
}

export async function generatePrivateKey (algorithm: AsymmetricAlgorithm): Promise<KeyObject> {
  const { privateKey } = await generators[algorithm]()
  return privateKey
}

/** In PKCS #8. RFC 5958. */
export function exportPrivateKey (key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'pkcs8' })
}

export function importPrivateKey (der: Buffer): KeyObject {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

/** The public half, for those who verify. */
export function publicJwk (publicKey: KeyObject, keyId: string, algorithm: AsymmetricAlgorithm): PublicJwk {
  return { ...publicKey.export({ format: 'jwk' }), kid: keyId, alg: algorithm, use: 'sig' }
}
