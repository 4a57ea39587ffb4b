import { LRUCache } from 'lru-cache'
import { OAuthError } from '../errors.ts'
import type { Changes } from '../storage/changes.ts'
import type { Access, AuthInfo } from './access.ts'
import { concernedBy } from './concerned-by.ts'

/** A token that was found alive. */
export interface Verified {
  readonly access: Access
  readonly auth: AuthInfo
  /** What the log is told of it: no secret, and no name of a person. */
  readonly forLog: object
  /** The `kid` of the key that signed it. */
  readonly keyId: string
}

/** A token, and for how long nobody needs to ask about it again. */
export interface Checked extends Verified {
  /** Milliseconds since the epoch: no later than the token's own end. */
  readonly validUntil: number
}

interface Entry extends Checked {
  /** The whole header. */
  readonly authorization: string
  /** Milliseconds since the epoch. A clock that was set back to before it tells nothing. */
  readonly since: number
  /** Milliseconds since the epoch: from when on whoever uses it lets it be checked again, and does not wait for that. */
  refreshFrom: number
}

/** @param known what was found about this very header before, however long ago: its signature holds for ever. */
type Verify = (authorization: string, now: Date, known: Verified | undefined) => Promise<Verified>

/** A check that is under way, for all who want to know the same. */
interface Pending {
  readonly checked: Promise<Checked>
  /** Milliseconds since the epoch: who asks later does so for itself. */
  readonly sharedUntil: number
}

/** In milliseconds: for how long others join a check. One that hangs must not make everybody wait. */
const longestWait = 5000

/** Of a lifetime: how much of it passes before a token in use is checked again. */
const freshShare = 0.8

/** Of a lifetime: how much of it passes before a check that failed is tried again. */
const retryShare = 0.05

/**
 * By what an entry is found: the end of the token, out of its signature. Hashing a header of 700 characters on each request takes longer than
 * all the rest of the guard; comparing two of them does not. Two tokens that end alike push each other out, and no more than that.
 */
function keyOf (authorization: string): string {
  return authorization.slice(-12)
}

/**
 * What the guard knows without asking: `Authorization` headers whose token was found alive a moment ago. Only verified tokens get in,
 * so that made-up ones cannot push them out; what was refused is not remembered at all.
 *
 * What is found counts from the moment the question was asked, and not at all if something of it has changed meanwhile: an answer that was
 * under way before a revocation must not bring the token back.
 */
export class VerifiedTokens {
  readonly #entries = new LRUCache<string, Entry>({ max: 10_000 })
  /** By the whole header. */
  readonly #pending = new Map<string, Pending>()
  readonly #lifetime: number
  readonly #verify: Verify
  #generation = 0

  /**
   * @param revalidateAfter in seconds
   * @param verify finds out whose token a header carries, or throws
   */
  constructor (revalidateAfter: number, verify: Verify) {
    this.#lifetime = revalidateAfter * 1000
    this.#verify = verify
  }

  /** What is known of a header at once. A token that is in use is checked again before that ends, so that whoever uses it never waits. */
  get (authorization: string, now: number): Checked | undefined {
    const entry = this.#entries.get(keyOf(authorization))
    if (entry === undefined || entry.authorization !== authorization || now >= entry.validUntil || now < entry.since) return undefined
    if (now >= entry.refreshFrom) this.#refresh(entry, now)
    return entry
  }

  /** Finds out about a header: of those who ask at the same time, one does. Rejects as `verify` does. */
  async check (authorization: string, now: number): Promise<Checked> {
    const pending = this.#pending.get(authorization)
    return await (pending !== undefined && now < pending.sharedUntil ? pending.checked : this.#begin(authorization, now))
  }

  /** Lets go of what has changed, and of every answer that is under way: nobody knows yet what that is about. */
  forget (changes: Changes): void {
    this.#generation++
    this.#pending.clear()
    const isConcerned = concernedBy(changes)
    for (const [key, { access }] of this.#entries) if (isConcerned(access)) this.#entries.delete(key)
  }

  #begin (authorization: string, now: number): Promise<Checked> {
    const pending = { checked: this.#find(authorization, now), sharedUntil: now + Math.min(this.#lifetime, longestWait) }
    this.#pending.set(authorization, pending)
    const end = () => { if (this.#pending.get(authorization) === pending) this.#pending.delete(authorization) }
    pending.checked.then(end, end)
    return pending.checked
  }

  async #find (authorization: string, now: number): Promise<Checked> {
    const generation = this.#generation
    const key = keyOf(authorization)
    const entry = this.#entries.peek(key)
    const known = entry?.authorization === authorization ? entry : undefined
    const { access, auth, forLog, keyId } = await this.#verify(authorization, new Date(now), known).catch((error: unknown) => {
      // One that is refused goes at once; one that can't be checked stays for as long as it would have.
      if (known !== undefined && error instanceof OAuthError && this.#entries.peek(key) === known) this.#entries.delete(key)
      throw error
    })
    const validUntil = Math.min(now + this.#lifetime, auth.expiresAt * 1000)
    const found = { access, auth, forLog, keyId, authorization, since: now, validUntil, refreshFrom: now + this.#lifetime * freshShare }
    // It may be of before a change: good for who asked, and whoever goes by it for longer has to look again.
    if (generation !== this.#generation) return { ...found, validUntil: now }
    // One spelling a token: with more spaces it is as good, but not remembered.
    if (authorization.length === 'Bearer '.length + auth.token.length) this.#entries.set(key, found)
    return found
  }

  #refresh (entry: Entry, now: number): void {
    entry.refreshFrom = now + this.#lifetime * retryShare
    this.check(entry.authorization, now).catch(() => {})
  }
}
