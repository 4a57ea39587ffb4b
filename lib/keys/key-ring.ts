import { createSecretKey, type KeyObject } from 'node:crypto'
import type { SigningAlgorithm } from './algorithms.ts'
import { decrypt, encrypt } from './encryption.ts'
import { deriveKey, equalStrings, mac } from './secrets.ts'

/** What a key is for. Tokens of one purpose never verify under the key of another. */
export type TokenPurpose = 'access' | 'refresh'

/** A key with the one algorithm that it is used with. */
export interface TokenKey {
  /** The `kid`. */
  readonly keyId: string
  readonly algorithm: SigningAlgorithm
  readonly signs: KeyObject
  readonly verifies: KeyObject
}

/** Where the keys are found that verify. */
export interface VerificationKeys {
  find (purpose: TokenPurpose, keyId: unknown, now: Date): TokenKey | undefined | Promise<TokenKey | undefined>
}

/** A key that the audit trail is sealed with. */
export interface AuditKey {
  readonly keyId: string
  readonly key: Buffer
}

/** Where those keys are found. */
export interface AuditKeys {
  /** The one that seals now. */
  readonly auditKey: AuditKey
  /** Undefined where it has been dropped. */
  findAuditKey (keyId: string): AuditKey | undefined
}

interface RootKey {
  id: string
  access: TokenKey
  refresh: TokenKey
  sealing: Buffer
  encryption: Buffer
  audit: AuditKey
}

function symmetric (keyId: string, key: KeyObject): TokenKey {
  return { keyId, algorithm: 'HS256', signs: key, verifies: key }
}

function rootKey (secret: string): RootKey {
  // A name that tells nothing about the secret.
  const id = deriveKey(secret, 'key id').subarray(0, 9).toString('base64url')
  return {
    id,
    // The seed's contract: the root secret itself signs access tokens.
    access: symmetric(id, createSecretKey(secret, 'utf8')),
    refresh: symmetric(id, createSecretKey(deriveKey(secret, 'refresh token'))),
    sealing: deriveKey(secret, 'sealing'),
    encryption: deriveKey(secret, 'encryption'),
    audit: { keyId: id, key: deriveKey(secret, 'audit') }
  }
}

/** The keys that come from the root secrets: the first signs, all verify. */
export class KeyRing implements VerificationKeys, AuditKeys {
  readonly #signing: RootKey
  readonly #keys: ReadonlyMap<string, RootKey>

  constructor (secrets: readonly [string, ...string[]]) {
    const [signing, ...verifying] = secrets
    this.#signing = rootKey(signing)
    this.#keys = new Map([this.#signing, ...verifying.map(rootKey)].map(key => [key.id, key]))
  }

  /** The key that signs now. */
  signingKey (purpose: TokenPurpose): TokenKey {
    return this.#signing[purpose]
  }

  get auditKey (): AuditKey {
    return this.#signing.audit
  }

  findAuditKey (keyId: string): AuditKey | undefined {
    return this.#keys.get(keyId)?.audit
  }

  /** The key that verifies under this name. Undefined where it has been dropped. */
  find (purpose: TokenPurpose, keyId: unknown): TokenKey | undefined {
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

  /** Makes a secret unreadable to whoever has the storage alone. It names the root key, by an id that tells nothing. */
  encrypt (context: readonly string[], plaintext: Buffer): string {
    const { id, encryption } = this.#signing
    return `${id}.${encrypt(encryption, [id, ...context], plaintext)}`
  }

  /** What was encrypted in this context, under any key of the ring; undefined for all else. */
  decrypt (context: readonly string[], encrypted: string): Buffer | undefined {
    const [id = '', bytes = '', ...rest] = encrypted.split('.')
    const root = this.#keys.get(id)
    if (root === undefined || rest.length > 0) return undefined
    return decrypt(root.encryption, [id, ...context], bytes)
  }

  /** Whether it was encrypted under a key of the ring that does not sign any more. */
  isOutdated (encrypted: string): boolean {
    const [id = ''] = encrypted.split('.')
    return id !== this.#signing.id && this.#keys.has(id)
  }
}
