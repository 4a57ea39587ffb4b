import { createPublicKey } from 'node:crypto'
import { InvalidOptionError } from '../errors.ts'
import type { SigningKey } from '../storage/records.ts'
import type { OAuthStorage } from '../storage/types.ts'
import type { AsymmetricAlgorithm } from './algorithms.ts'
import { exportPrivateKey, generatePrivateKey, importPrivateKey, publicJwk, type PublicJwk } from './key-pair.ts'
import type { KeyRing, TokenKey } from './key-ring.ts'
import { after, hasEnded, isDue, maySign, publishedAfter } from './schedule.ts'
import { randomId } from './secrets.ts'

/** A key pair as this process uses it. */
export interface StoredKey extends TokenKey {
  readonly algorithm: AsymmetricAlgorithm
  readonly jwk: PublicJwk
  readonly record: SigningKey
}

/** What keys a server needs. */
export interface KeyPolicy {
  readonly algorithms: readonly AsymmetricAlgorithm[]
  /** How long a key signs, in seconds. */
  readonly keyLifetime: number
  /** How long the tokens live that it signs, in seconds. */
  readonly tokenLifetime: number
  /** Told of each key that is retired because its time has come. */
  readonly onRetired: (keyId: string) => void
}

/** What a sealed key says it is, so that no row passes for another one. */
function contextOf ({ id, algorithm }: Pick<SigningKey, 'id' | 'algorithm'>): string[] {
  return ['signing key', id, algorithm]
}

/** Whether a key can be opened: whether it was sealed under one of the root secrets. */
export function canOpen (ring: KeyRing, key: SigningKey): boolean {
  return ring.decrypt(contextOf(key), key.sealed) !== undefined
}

/** The key pairs in the storage: opens them, and keeps them in order. */
export class KeyStore {
  readonly #ring: KeyRing
  readonly #storage: OAuthStorage
  readonly #policy: KeyPolicy

  constructor (ring: KeyRing, storage: OAuthStorage, policy: KeyPolicy) {
    this.#ring = ring
    this.#storage = storage
    this.#policy = policy
  }

  /**
   * Reads the keys, and makes, retires and removes what is due.
   *
   * @param known those that were opened before
   * @throws {InvalidOptionError} where a key can't be opened: it is never replaced silently.
   */
  async load (known: readonly StoredKey[], now: Date): Promise<readonly StoredKey[]> {
    const keys = this.#open(await this.#storage.listSigningKeys(), known)
    if (!await this.#keepUp(keys, now)) return keys
    return this.#open(await this.#storage.listSigningKeys(), keys)
  }

  /** @returns the ids of those that this call retired */
  async retire (keys: readonly StoredKey[], now: Date): Promise<string[]> {
    const retired: string[] = []
    for (const { keyId } of keys) if (await this.#storage.retireSigningKey(keyId, now)) retired.push(keyId)
    return retired
  }

  #open (records: readonly SigningKey[], known: readonly StoredKey[]): StoredKey[] {
    return records.map(record => {
      const opened = known.find(({ keyId, algorithm }) => keyId === record.id && algorithm === record.algorithm)
      return opened === undefined ? this.#unseal(record) : { ...opened, record }
    })
  }

  #unseal (record: SigningKey): StoredKey {
    const { id: keyId, algorithm } = record
    const der = this.#ring.decrypt(contextOf(record), record.sealed)
    if (der === undefined) {
      throw new InvalidOptionError('secret (JWT_SECRET)',
        'does not open the signing keys in the storage; add the secret that they were sealed with behind it (JWT_SECRET_PREVIOUS), or discard them as docs/keys.md says')
    }
    const signs = importPrivateKey(der)
    // Never from the row: whoever writes there must not bring a key of their own.
    const verifies = createPublicKey(signs)
    return { keyId, algorithm, signs, verifies, jwk: publicJwk(verifies, keyId, algorithm), record }
  }

  /** @returns whether anything was to be done, by this process or another one. */
  async #keepUp (keys: readonly StoredKey[], now: Date): Promise<boolean> {
    const { algorithms, keyLifetime, tokenLifetime } = this.#policy
    const due = keys.filter(({ record }) => isDue(record, keyLifetime, now))
    for (const keyId of await this.retire(due, now)) this.#policy.onRetired(keyId)
    const current = keys.filter(key => key.record.retiredAt === null && !due.includes(key))
    const missing = algorithms.filter(algorithm => !current.some(key => key.algorithm === algorithm))
    for (const algorithm of missing) await this.#add(algorithm, keys, now)
    const tooShort = keys.filter(({ algorithm, record }) => algorithms.includes(algorithm) && maySign(record, now) && record.tokenLifetime < tokenLifetime)
    for (const { keyId } of tooShort) await this.#storage.extendSigningKey(keyId, tokenLifetime)
    const outdated = keys.filter(({ record }) => this.#ring.isOutdated(record.sealed))
    for (const { record, signs } of outdated) await this.#storage.resealSigningKey(record.id, record.sealed, this.#seal(record, exportPrivateKey(signs)))
    const ended = keys.filter(({ record }) => hasEnded(record, now))
    for (const { keyId } of ended) await this.#storage.removeSigningKey(keyId)
    return [due, missing, tooShort, outdated, ended].some(({ length }) => length > 0)
  }

  /** Unless another process was first. The first key of an algorithm signs at once, a later one when everybody has it. */
  async #add (algorithm: AsymmetricAlgorithm, keys: readonly StoredKey[], now: Date): Promise<void> {
    const id = randomId()
    const privateKey = await generatePrivateKey(algorithm)
    const hasElder = keys.some(key => key.algorithm === algorithm && maySign(key.record, now))
    await this.#storage.addSigningKey({
      id,
      algorithm,
      sealed: this.#seal({ id, algorithm }, exportPrivateKey(privateKey)),
      tokenLifetime: this.#policy.tokenLifetime,
      createdAt: now,
      signsFrom: hasElder ? after(now, publishedAfter) : now,
      retiredAt: null
    })
  }

  #seal (key: Pick<SigningKey, 'id' | 'algorithm'>, der: Buffer): string {
    return this.#ring.encrypt(contextOf(key), der)
  }
}
