import { LRUCache } from 'lru-cache'
import { cacheLifetime } from '../oauth/cache-lifetime.ts'
import { checkClientDocument, type ClientDocument, type DocumentPolicy } from '../oauth/client-document.ts'
import { ClientDocumentError } from './client-document-error.ts'
import { FetchBudget } from './fetch-budget.ts'
import { safeFetch, type Fetched } from './safe-fetch.ts'

interface Entry {
  document: ClientDocument
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** How many documents that nobody has used here yet are fetched at a time. */
const mostStrangers = 50

/**
 * The metadata documents of clients: fetched when they are first needed, one request for all who wait, and kept as long as their headers
 * say. What fails or is malformed is not kept.
 *
 * @see [Client ID Metadata Document §5.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02#section-5.2)
 */
export class ClientDocuments {
  readonly #policy: DocumentPolicy
  readonly #fetch: (url: URL) => Promise<Fetched>
  readonly #kept = new LRUCache<string, Entry>({ max: 1_000 })
  readonly #underWay = new Map<string, Promise<Entry>>()
  readonly #budget = new FetchBudget()

  constructor (policy: DocumentPolicy, fetch: (url: URL) => Promise<Fetched> = safeFetch) {
    this.#policy = policy
    this.#fetch = fetch
  }

  /**
   * @param isKnown whether somebody has used it here before: strangers at the same host can't use up what may be asked of it
   * @throws {ClientDocumentError}
   */
  async get (url: URL, isKnown: boolean, now: Date): Promise<ClientDocument> {
    const kept = this.#kept.get(url.href)
    if (kept !== undefined && now.getTime() < kept.expiresAt) return kept.document
    const { document } = await (this.#underWay.get(url.href) ?? this.#begin(url, isKnown, now))
    return document
  }

  #begin (url: URL, isKnown: boolean, now: Date): Promise<Entry> {
    if (!isKnown && this.#underWay.size >= mostStrangers) throw new ClientDocumentError('too many documents are being fetched', { isTemporary: true })
    if (!this.#budget.spend(isKnown ? url.href : url.host, now)) throw new ClientDocumentError(`${url.host} has been asked too often`, { isTemporary: true })
    const loading = this.#load(url, now).finally(() => { this.#underWay.delete(url.href) })
    this.#underWay.set(url.href, loading)
    return loading
  }

  async #load (url: URL, now: Date): Promise<Entry> {
    const { value, headers } = await this.#fetch(url)
    const entry = { document: this.check(url, value, now.getTime()), expiresAt: now.getTime() + cacheLifetime(headers, now) * 1000 }
    this.#kept.set(url.href, entry)
    return entry
  }

  /**
   * @param fetchedAt milliseconds since the epoch
   * @throws {ClientDocumentError} where it is no document that counts here.
   */
  check (url: URL, value: unknown, fetchedAt: number): ClientDocument {
    try {
      return checkClientDocument(url.href, value, this.#policy, fetchedAt)
    } catch (error) {
      throw new ClientDocumentError(`${url.href} is not a document that counts here`, { isTemporary: false, cause: error })
    }
  }
}
