import { LRUCache } from 'lru-cache'
import { ClientDocumentError } from './client-document-error.ts'
import { FetchBudget } from './fetch-budget.ts'

export interface Kept<Value> {
  value: Value
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/**
 * Strangers are clients that nobody has used here yet, and go by the address that brings them: how many of their files are fetched at a time
 * and, of the same host, within a minute. No single address uses up what is there for all.
 */
const mostOfStrangers = 50
const mostOfOneStranger = 10
/** How often the same file of a client that somebody has used is asked for within a minute. */
const mostOfKnown = 10

interface Fetching<Value> {
  stranger: string | undefined
  loading: Promise<Kept<Value>>
}

/**
 * Files at the hosts of clients: fetched when they are first needed, one request for all who wait, and kept until they expire. What fails
 * is not kept.
 */
export class KeptFetches<Value> {
  readonly #load: (url: URL, now: Date) => Promise<Kept<Value>>
  readonly #kept: LRUCache<string, Kept<Value>>
  readonly #underWay = new Map<string, Fetching<Value>>()
  readonly #spentOnStrangers = new FetchBudget(mostOfStrangers)
  readonly #spentOnOneStranger = new FetchBudget(mostOfOneStranger)
  readonly #spentOnKnown = new FetchBudget(mostOfKnown)

  /** @param most how many are kept */
  constructor (most: number, load: (url: URL, now: Date) => Promise<Kept<Value>>) {
    this.#kept = new LRUCache({ max: most })
    this.#load = load
  }

  /**
   * @param stranger the address that brings a client which nobody has used here yet; undefined for one that somebody has
   * @throws {ClientDocumentError} where too much is asked for, and what loading throws.
   */
  async get (url: URL, stranger: string | undefined, now: Date): Promise<Value> {
    const kept = this.#kept.get(url.href)
    if (kept !== undefined && now.getTime() < kept.expiresAt) return kept.value
    const { value } = await (this.#underWay.get(url.href)?.loading ?? this.#begin(url, stranger, now))
    return value
  }

  #begin (url: URL, stranger: string | undefined, now: Date): Promise<Kept<Value>> {
    if (stranger !== undefined) this.#requireTurn(stranger)
    if (!this.#spend(url, stranger, now)) throw new ClientDocumentError(`${url.host} has been asked too often`, { isTemporary: true })
    const loading = this.#keep(url, now).finally(() => { this.#underWay.delete(url.href) })
    this.#underWay.set(url.href, { stranger, loading })
    return loading
  }

  #requireTurn (stranger: string): void {
    const ofStrangers = [...this.#underWay.values()].filter(fetching => fetching.stranger !== undefined)
    const ofOne = ofStrangers.filter(fetching => fetching.stranger === stranger)
    if (ofStrangers.length < mostOfStrangers && ofOne.length < mostOfOneStranger) return
    throw new ClientDocumentError('too many files of unknown clients are being fetched', { isTemporary: true })
  }

  /** What a stranger may not spend is left for the others. */
  #spend (url: URL, stranger: string | undefined, now: Date): boolean {
    if (stranger === undefined) return this.#spentOnKnown.spend(url.href, now)
    return this.#spentOnOneStranger.spend(`${stranger} ${url.host}`, now) && this.#spentOnStrangers.spend(url.host, now)
  }

  async #keep (url: URL, now: Date): Promise<Kept<Value>> {
    const loaded = await this.#load(url, now)
    this.#kept.set(url.href, loaded)
    return loaded
  }
}
