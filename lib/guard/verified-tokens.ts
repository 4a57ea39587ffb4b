import { LRUCache } from 'lru-cache'
import type { Access, AuthInfo } from './access.ts'

/** A token that was found alive. */
export interface Verified {
  readonly access: Access
  readonly auth: AuthInfo
}

/** A token, and for how long nobody needs to ask about it again. */
export interface Checked extends Verified {
  /** Milliseconds since the epoch: no later than the token's own end. */
  readonly validUntil: number
}

interface Entry extends Checked {
  /** The whole header. */
  readonly authorization: string
}

/**
 * By what an entry is found: the end of the token, out of its signature. Hashing a header of 700 characters on each request takes longer than
 * all the rest of the guard; comparing two of them does not.
 */
function keyOf (authorization: string): string {
  return authorization.slice(-43)
}

/**
 * What the guard knows without asking: `Authorization` headers whose token was found alive a moment ago. Only verified tokens get in,
 * so that made-up ones cannot push them out.
 */
export class VerifiedTokens {
  readonly #entries = new LRUCache<string, Entry>({ max: 10_000 })
  readonly #lifetime: number
  #generation = 0

  /** @param revalidateAfter in seconds */
  constructor (revalidateAfter: number) {
    this.#lifetime = revalidateAfter * 1000
  }

  get (authorization: string, now: number): Checked | undefined {
    const entry = this.#entries.get(keyOf(authorization))
    return entry !== undefined && entry.authorization === authorization && now < entry.validUntil ? entry : undefined
  }

  /**
   * Starts a check. What comes of it is kept from the moment it started, and not at all if something was forgotten meanwhile: an
   * answer that was under way before a revocation must not bring the token back.
   */
  check (now: number): (authorization: string, verified: Verified) => Checked {
    const generation = this.#generation
    return (authorization, verified) => {
      const validUntil = Math.min(now + this.#lifetime, verified.access.expiresAt.getTime())
      const entry = { ...verified, authorization, validUntil }
      // One spelling a token: with more spaces it is as good, but not remembered.
      const isUsual = authorization.length === 'Bearer '.length + verified.auth.token.length
      if (generation === this.#generation && isUsual && now < validUntil) this.#entries.set(keyOf(authorization), entry)
      return entry
    }
  }

  clear (): void {
    this.#generation++
    this.#entries.clear()
  }
}
