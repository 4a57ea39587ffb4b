import type { OAuthStorage } from '../storage/types.ts'
import type { AsymmetricAlgorithm, SigningAlgorithm } from './algorithms.ts'
import { describeKeys, type SigningKeyDescription } from './describe-keys.ts'
import type { PublicJwk } from './key-pair.ts'
import { KeyRing, type AuditKeys, type TokenKey, type TokenPurpose, type VerificationKeys } from './key-ring.ts'
import { KeyStore, type StoredKey } from './key-store.ts'
import { after, hasEnded, refreshAfter, signerAt } from './schedule.ts'

/** The one that every OpenID client knows. OpenID Connect Core §15.1. */
export const idTokenAlgorithm = 'RS256'

/** In seconds. It proves a sign-in that has just happened; nobody shows it again later. */
export const idTokenLifetime = 3600

/** In seconds: how long after one attempt to read the keys the next one may come that a request brings about. */
const retryAfter = 5

export type { SigningKeyDescription }

export interface ServerKeysOptions {
  readonly secrets: readonly [string, ...string[]]
  readonly storage: OAuthStorage
  readonly signingAlgorithm: SigningAlgorithm
  /** In seconds. */
  readonly signingKeyLifetime: number
  /** In seconds. */
  readonly accessTokenLifetime: number
  /** Told of each key that is retired because its time has come. */
  readonly onRetired: (keyId: string) => void
  /** Told of a refresh that failed; what was known stays. */
  readonly onFailure: (error: unknown) => void
}

function isWithin (now: Date, seconds: number, since: Date | undefined): boolean {
  // A clock that was set back starts anew.
  return since !== undefined && since <= now && now < after(since, seconds)
}

/** Root keys have shorter names. */
function looksStored (keyId: unknown): boolean {
  return typeof keyId === 'string' && /^[\w-]{22}$/.test(keyId)
}

/** All keys of a server: those of the root secrets, and a copy of the key pairs in the storage that is never old. */
export class ServerKeys implements VerificationKeys {
  readonly #ring: KeyRing
  readonly #options: ServerKeysOptions
  readonly #store: KeyStore
  #keys: readonly StoredKey[] = []
  #loading: Promise<void> | undefined
  #loadedAt: Date | undefined
  #triedAt: Date | undefined
  #failure: unknown

  constructor (options: ServerKeysOptions) {
    this.#ring = new KeyRing(options.secrets)
    this.#options = options
    const algorithms = new Set<SigningAlgorithm>([idTokenAlgorithm, options.signingAlgorithm])
    this.#store = new KeyStore(this.#ring, options.storage, {
      algorithms: [...algorithms].filter(algorithm => algorithm !== 'HS256'),
      keyLifetime: options.signingKeyLifetime,
      tokenLifetime: Math.max(options.accessTokenLifetime, idTokenLifetime),
      onRetired: options.onRetired
    })
  }

  /**
   * For the start: reads the key pairs, and makes those that are missing.
   *
   * @throws {InvalidOptionError} where a key can't be opened.
   * @throws {StorageUnavailableError}
   */
  async prepare (now: Date): Promise<void> {
    await this.#load(now)
  }

  /** Reads the key pairs again where the copy has become old. Where that fails, what is known stays. */
  async refresh (now: Date): Promise<void> {
    if (isWithin(now, refreshAfter, this.#loadedAt) || isWithin(now, retryAfter, this.#triedAt)) return
    await this.#load(now).catch(this.#options.onFailure)
  }

  /** The key that signs now; one and the same at the same time. */
  signingKey (purpose: TokenPurpose | 'id', now: Date): TokenKey {
    if (purpose === 'refresh') return this.#ring.signingKey(purpose)
    const algorithm = purpose === 'id' ? idTokenAlgorithm : this.#options.signingAlgorithm
    if (algorithm === 'HS256') return this.#ring.signingKey('access')
    const key = this.#signer(algorithm, now)
    if (key === undefined) throw new Error(`There is no ${algorithm} key yet`)
    return key
  }

  /** The key that verifies under this name; a name that nobody here knows is asked for once in a while. */
  async find (purpose: TokenPurpose, keyId: unknown, now: Date): Promise<TokenKey | undefined> {
    const known = this.#ring.find(purpose, keyId) ?? this.#stored(purpose, keyId, now)
    if (known !== undefined || purpose !== 'access' || !looksStored(keyId)) return known
    if (!isWithin(now, retryAfter, this.#triedAt)) await this.#load(now)
    // Nobody can tell whether there is such a key.
    else if (this.#failure !== undefined) throw this.#failure
    return this.#stored(purpose, keyId, now)
  }

  /** Those of the audit trail. */
  get audit (): AuditKeys {
    return this.#ring
  }

  /** Puts a value into a page or a form so that nobody else can have made it. */
  seal (purpose: string, value: unknown): string {
    return this.#ring.seal(purpose, value)
  }

  /** What was sealed for this purpose, under any of the root secrets; undefined for all else. */
  unseal (purpose: string, sealed: string): unknown {
    return this.#ring.unseal(purpose, sealed)
  }

  /** The public keys, for the JWKS. RFC 7517 §5. */
  publicKeys (now: Date): PublicJwk[] {
    return this.#keys.filter(({ record }) => !hasEnded(record, now)).map(({ jwk }) => jwk)
  }

  /**
   * Puts a new key in the place of each that signs or will sign next. It signs once everybody has it.
   *
   * @returns the ids of those that this call retired
   */
  async rotate (now: Date): Promise<string[]> {
    const retired = await this.#store.retire(this.#keys.filter(({ record }) => record.retiredAt === null), now)
    // One that is under way may have read before.
    await Promise.allSettled([this.#loading])
    await this.#load(now)
    return retired
  }

  list (now: Date): SigningKeyDescription[] {
    return describeKeys(this.#keys.map(({ record }) => record), now)
  }

  #signer (algorithm: AsymmetricAlgorithm, now: Date): StoredKey | undefined {
    return signerAt(this.#keys.filter(key => key.algorithm === algorithm), now)
  }

  #stored (purpose: TokenPurpose, keyId: unknown, now: Date): StoredKey | undefined {
    return purpose === 'access' ? this.#keys.find(key => key.keyId === keyId && !hasEnded(key.record, now)) : undefined
  }

  #load (now: Date): Promise<void> {
    this.#loading ??= this.#read(now).finally(() => { this.#loading = undefined })
    return this.#loading
  }

  async #read (now: Date): Promise<void> {
    this.#triedAt = now
    try {
      this.#keys = await this.#store.load(this.#keys, now)
      this.#loadedAt = now
      this.#failure = undefined
    } catch (error) {
      this.#failure = error
      throw error
    }
  }
}
