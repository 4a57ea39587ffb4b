import { cacheLifetime } from '../oauth/cache-lifetime.ts'
import { checkClientDocument, type ClientDocument, type DocumentPolicy } from '../oauth/client-document.ts'
import { ClientDocumentError } from './client-document-error.ts'
import { KeptFetches } from './kept-fetches.ts'
import { safeFetch, type Fetch, type Kind } from './safe-fetch.ts'

/** Client ID Metadata Document §4, and §8.7 for the length. */
export const documentKind: Kind<unknown> = {
  name: 'JSON',
  accept: 'application/json',
  types: /^application\/(?:[\w.+-]+\+)?json$/,
  maxLength: 5 * 1024,
  read: bytes => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
}

/**
 * The metadata documents of clients: fetched when they are first needed, one request for all who wait, and kept as long as their headers
 * say. What fails or is malformed is not kept.
 *
 * @see [Client ID Metadata Document §5.2](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02#section-5.2)
 */
export class ClientDocuments {
  readonly #policy: DocumentPolicy
  readonly #fetches: KeptFetches<ClientDocument>

  constructor (policy: DocumentPolicy, fetch: Fetch<unknown> = safeFetch) {
    this.#policy = policy
    this.#fetches = new KeptFetches(1_000, async (url, now) => {
      const { value, headers } = await fetch(url, documentKind)
      return { value: this.check(url, value, now.getTime()), expiresAt: now.getTime() + cacheLifetime(headers, now) * 1000 }
    })
  }

  /**
   * @param stranger the address that brings a client which nobody has used here yet; undefined for one that somebody has
   * @throws {ClientDocumentError}
   */
  async get (url: URL, stranger: string | undefined, now: Date): Promise<ClientDocument> {
    return await this.#fetches.get(url, stranger, now)
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
