import { LRUCache } from 'lru-cache'
import { ClientDocumentError } from './client-document-error.ts'
import { FetchBudget } from './fetch-budget.ts'

export interface Kept<Value> {
  value: Value
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** How many files of clients that nobody has used here yet are fetched at a time. */
const mostStrangers = 50

/**
 * Files at the hosts of clients: fetched when they are first needed, one request for all who wait, and kept until they expire. What fails
 * is not kept.
 */
export class KeptFetches<Value> {
  readonly #load: (url: URL, now: Date) => Promise<Kept<Value>>
  readonly #kept: LRUCache<string, Kept<Value>>
  readonly #underWay = new Map<string, Promise<Kept<Value>>>()
  readonly #budget = new FetchBudget()

  /** @param most how many are kept */
  constructor (most: number, load: (url: URL, now: Date) => Promise<Kept<Value>>) {
    this.#kept = new LRUCache({ max: most })
    this.#load = load
  }

  /**
   * @param isKnown whether somebody has used the client here before: strangers at the same host can't use up what may be asked of it
   * @throws {ClientDocumentError} where too much is asked for, and what loading throws.
   */
  async get (url: URL, isKnown: boolean, now: Date): Promise<Value> {
    const kept = this.#kept.get(url.href)
    if (kept !== undefined && now.getTime() < kept.expiresAt) return kept.value
    const { value } = await (this.#underWay.get(url.href) ?? this.#begin(url, isKnown, now))
    return value
  }

  #begin (url: URL, isKnown: boolean, now: Date): Promise<Kept<Value>> {
    if (!isKnown && this.#underWay.size >= mostStrangers) throw new ClientDocumentError('too many files of unknown clients are being fetched', { isTemporary: true })
    if (!this.#budget.spend(isKnown ? url.href : url.host, now)) throw new ClientDocumentError(`${url.host} has been asked too often`, { isTemporary: true })
    const loading = this.#keep(url, now).finally(() => { this.#underWay.delete(url.href) })
    this.#underWay.set(url.href, loading)
    return loading
  }

  async #keep (url: URL, now: Date): Promise<Kept<Value>> {
    const loaded = await this.#load(url, now)
    this.#kept.set(url.href, loaded)
    return loaded
  }
}
