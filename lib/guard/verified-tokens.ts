import { LRUCache } from 'lru-cache'
import type { Access, AuthInfo } from './access.ts'

/** A token that was found alive. */
export interface Verified {
  readonly access: Access
  readonly auth: AuthInfo
}

interface Entry extends Verified {
  /** The whole header. */
  authorization: string
  /** Milliseconds since the epoch: no later than the token's own end. */
  validUntil: number
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

  get (authorization: string, now: number): Verified | undefined {
    const entry = this.#entries.get(keyOf(authorization))
    return entry !== undefined && entry.authorization === authorization && now < entry.validUntil ? entry : undefined
  }

  /**
   * Starts a check. What comes of it is kept from the moment it started, and not at all if something was forgotten meanwhile: an
   * answer that was under way before a revocation must not bring the token back.
   */
  check (now: number): (authorization: string, verified: Verified) => void {
    const generation = this.#generation
    return (authorization, verified) => {
      if (generation !== this.#generation) return
      const validUntil = Math.min(now + this.#lifetime, verified.access.expiresAt.getTime())
      if (now < validUntil) this.#entries.set(keyOf(authorization), { ...verified, authorization, validUntil })
    }
  }

  clear (): void {
    this.#generation++
    this.#entries.clear()
  }
}
