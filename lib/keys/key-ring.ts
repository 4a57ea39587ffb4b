import { createSecretKey, type KeyObject } from 'node:crypto'
import { deriveKey, equalStrings, mac } from './secrets.ts'

/** What a key of the ring is for. Tokens of one purpose never verify under the key of another. */
export type TokenPurpose = 'access' | 'refresh'

interface RootKey {
  id: string
  access: KeyObject
  refresh: KeyObject
  sealing: Buffer
}

function rootKey (secret: string): RootKey {
  return {
    // A name that tells nothing about the secret.
    id: deriveKey(secret, 'key id').subarray(0, 9).toString('base64url'),
    // The seed's contract: the root secret itself signs access tokens.
    access: createSecretKey(secret, 'utf8'),
    refresh: createSecretKey(deriveKey(secret, 'refresh token')),
    sealing: deriveKey(secret, 'sealing')
  }
}

/** The keys that come from the root secrets: the first signs, all verify. */
export class KeyRing {
  readonly #signing: RootKey
  readonly #keys: ReadonlyMap<string, RootKey>

  constructor (secrets: readonly [string, ...string[]]) {
    const [signing, ...verifying] = secrets
    this.#signing = rootKey(signing)
    this.#keys = new Map([this.#signing, ...verifying.map(rootKey)].map(key => [key.id, key]))
  }

  /** The key that signs now, and its `kid`. */
  signingKey (purpose: TokenPurpose): { keyId: string, key: KeyObject } {
    return { keyId: this.#signing.id, key: this.#signing[purpose] }
  }

  /** Undefined where the key has been dropped. */
  key (purpose: TokenPurpose, keyId: unknown): KeyObject | undefined {
    return typeof keyId === 'string' ? this.#keys.get(keyId)?.[purpose] : undefined
  }

  /** Puts a value into a page or a form so that nobody else can have made it. */
  seal (purpose: string, value: unknown): string {
    const payload = Buffer.from(JSON.stringify(value)).toString('base64url')
    return `${payload}.${mac(this.#signing.sealing, purpose, payload)}`
  }

  /** What was sealed for this purpose, under any key of the ring; undefined for all else. */
  unseal (purpose: string, sealed: string): unknown {
    const [payload = '', tag = '', ...rest] = sealed.split('.')
    const genuine = [...this.#keys.values()].some(key => equalStrings(mac(key.sealing, purpose, payload), tag))
    return genuine && rest.length === 0 ? JSON.parse(Buffer.from(payload, 'base64url').toString()) : undefined
  }
}
