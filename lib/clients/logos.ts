import { cacheLifetime } from '../oauth/cache-lifetime.ts'
import { KeptFetches } from './kept-fetches.ts'
import { imageSize } from './raster-image.ts'
import { safeFetch, type Fetch, type Kind } from './safe-fetch.ts'

/** Of each side, in pixels: what a browser makes of an image is as large as that, however few bytes it came in. */
const longestSide = 1024

/** Read into a `data:` URI. No image that may hold a script or a link, as SVG does, and none that moves. */
export const logoKind: Kind<string> = {
  name: 'a logo that can be shown',
  accept: 'image/png, image/jpeg, image/webp',
  types: /^image\/(?:png|jpeg|webp)$/,
  maxLength: 64 * 1024,
  read (bytes, type) {
    const size = imageSize(type, bytes)
    if (size === undefined) throw new Error(`it does not begin as a still ${type} does`)
    if (size.width > longestSide || size.height > longestSide) throw new Error(`it is ${size.width} x ${size.height} pixels large`)
    return `data:${type};base64,${bytes.toString('base64')}`
  }
}

/** How many are kept: some 90 KB each at most. */
const most = 100
/** How long a page waits, in milliseconds. */
const patience = 500
/** How long a host that has no logo for us is left alone, in milliseconds. */
const failureLifetime = 60_000

/** Undefined where somebody else would speak for the client: the host that it is known by is the one thing that has been checked. */
function vouchedFor (clientUrl: URL, logoUri: string | null): URL | undefined {
  if (logoUri === null || !URL.canParse(logoUri)) return undefined
  const url = new URL(logoUri)
  return url.protocol === 'https:' && url.host === clientUrl.host ? url : undefined
}

async function within<Value> (milliseconds: number, promised: Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => { timer = setTimeout(resolve, milliseconds, undefined) })
  try {
    return await Promise.race([promised, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The logos of clients that are known by a metadata document, fetched from the document's own host as safely as the document: no browser
 * asks anybody for them. They are kept as long as their headers say, and what fails for a minute.
 *
 * @see [Client ID Metadata Document §8.6](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02#section-8.6)
 */
export class ClientLogos {
  readonly #onFailure: (error: unknown) => void
  readonly #fetches: KeptFetches<string | undefined>

  /** @param onFailure is told why there is none */
  constructor (onFailure: (error: unknown) => void, fetch: Fetch<string> = safeFetch) {
    this.#onFailure = onFailure
    this.#fetches = new KeptFetches(most, async (url, now) => {
      try {
        const { value, headers } = await fetch(url, logoKind)
        return { value, expiresAt: now.getTime() + cacheLifetime(headers, now) * 1000 }
      } catch (error) {
        onFailure(error)
        return { value: undefined, expiresAt: now.getTime() + failureLifetime }
      }
    })
  }

  /**
   * Never fails, and takes half a second at most: what has not come by then is there for the next page.
   *
   * @param clientUrl the URL that the client is known by
   * @param logoUri what its document says
   * @param stranger the address that brings a client which nobody has used here yet; undefined for one that somebody has
   * @returns a `data:` URI; undefined where there is no logo, or none that can be shown.
   */
  async get (clientUrl: URL, logoUri: string | null, stranger: string | undefined, now: Date): Promise<string | undefined> {
    const url = vouchedFor(clientUrl, logoUri)
    if (url === undefined) return undefined
    return await within(patience, this.#fetches.get(url, stranger, now).catch((error: unknown) => {
      this.#onFailure(error)
      return undefined
    }))
  }
}
