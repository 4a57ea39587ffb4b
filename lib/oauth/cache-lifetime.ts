/** In seconds: nobody is asked more than once a minute, and whatever a document says, a new day brings a new look at it. */
const bounds = { least: 60, most: 86_400 }

/** The response headers that say how long an answer counts. */
export type CacheHeaders = Readonly<Record<'age' | 'cache-control' | 'date' | 'expires', string | undefined>>

function directives (cacheControl: string): ReadonlyMap<string, string> {
  return new Map(cacheControl.split(',').map(directive => {
    const [name = '', value = ''] = directive.split('=')
    return [name.trim().toLowerCase(), value.trim().replaceAll('"', '')]
  }))
}

/** RFC 9111 §1.2.2. */
function deltaSeconds (value = ''): number | undefined {
  return /^\d{1,10}$/.test(value) ? Number(value) : undefined
}

/** What the headers say, in seconds; 0 or less where they want nothing kept, or say nothing. */
function stated (headers: CacheHeaders, now: Date): number {
  const cacheControl = directives(headers['cache-control'] ?? '')
  if (cacheControl.has('no-store') || cacheControl.has('no-cache')) return 0
  const maxAge = deltaSeconds(cacheControl.get('max-age'))
  if (maxAge !== undefined) return maxAge - (deltaSeconds(headers.age) ?? 0)
  const ends = Date.parse(headers.expires ?? '')
  const begins = Date.parse(headers.date ?? '')
  return Number.isNaN(ends) ? 0 : (ends - (Number.isNaN(begins) ? now.getTime() : begins)) / 1000
}

/**
 * How long an answer may be kept, in seconds: as its headers say, but no shorter than a minute and no longer than a day.
 *
 * @see [RFC 9111 §4.2.1](https://www.rfc-editor.org/rfc/rfc9111.html#section-4.2.1)
 */
export function cacheLifetime (headers: CacheHeaders, now: Date): number {
  return Math.min(bounds.most, Math.max(bounds.least, stated(headers, now)))
}
