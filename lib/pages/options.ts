import { InvalidOptionError } from '../errors.ts'
import { refuseUnknown } from '../check-members.ts'

/** What a page consists of, for those who put another document around it. */
export interface PageParts {
  /** Which page it is. */
  kind: PageKind
  /** A language tag, RFC 5646. */
  language: string
  direction: 'ltr' | 'rtl'
  title: string
  /** HTML that has to stand in the `head`: where the browser goes on by itself, and the style. */
  head: string
  /** HTML of the page itself, its heading included. Made of escaped text; don't take it apart. */
  content: string
}

export type PageKind = 'consent' | 'leaving' | 'message' | 'sign-in' | 'account' | 'admin'

/** How the pages look, and which there are beside those of the sign-in. */
export interface PageOptions {
  /**
   * What this server is called.
   *
   * @default the issuer's host
   */
  name?: string
  /** An image as a `data:` URI, PNG, JPEG, WebP or SVG: nothing is loaded from elsewhere. 128 KiB at most. */
  logo?: string
  /**
   * Of the buttons that go on, as `#rrggbb`. Their text is black or white, whichever is easier to read.
   *
   * @default '#1d4ed8'
   */
  accentColor?: string
  /** Where people get help: an https or mailto URL, at the foot of each page. */
  supportUrl?: string
  /** A stylesheet after ours. It can load nothing. */
  css?: string
  /** Puts another document around each page. What it answers is sent as it is, under the same content security policy: no scripts, no other styles. */
  render?: (parts: PageParts) => string
  /**
   * Whether people can see and end what they have connected, at `/oauth/account`, and see what happened in their name.
   *
   * @default false
   */
  account?: boolean
  /**
   * Whether administrators can change the whitelist and clients, at `/oauth/admin`, and see what happened.
   *
   * @default false
   */
  admin?: boolean
}

export interface ResolvedPages {
  readonly name: string
  readonly logo: string | undefined
  readonly accentColor: string
  readonly supportUrl: string | undefined
  readonly css: string
  readonly render: ((parts: PageParts) => string) | undefined
  readonly account: boolean
  readonly admin: boolean
}

const known = new Set<string>(['name', 'logo', 'accentColor', 'supportUrl', 'css', 'render', 'account', 'admin'] satisfies ReadonlyArray<keyof PageOptions>)

const image = /^data:image\/(?:png|jpeg|webp|svg\+xml)[;,][\x21-\x7e]+$/
const mostLogo = 131_072

function isSupportUrl (value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  return ['https:', 'mailto:'].includes(new URL(value).protocol)
}

/** What each member has to be, in words. */
const checks: ReadonlyArray<[name: keyof PageOptions, isRight: (value: unknown) => boolean, words: string]> = [
  ['name', value => typeof value === 'string' && value.trim() !== '', 'must be a name'],
  ['logo', value => typeof value === 'string' && value.length <= mostLogo && image.test(value), `must be an image as a data: URI, image/png, jpeg, webp or svg+xml, of ${mostLogo} characters at most`],
  ['accentColor', value => typeof value === 'string' && /^#[\da-f]{6}$/i.test(value), "must be a colour such as '#1d4ed8'"],
  ['supportUrl', isSupportUrl, 'must be an https or a mailto URL'],
  // What would end the element that it stands in is no style.
  ['css', value => typeof value === 'string' && !/<\/style/i.test(value), 'must be a stylesheet'],
  ['render', value => typeof value === 'function', 'must be a function'],
  ['account', value => typeof value === 'boolean', 'must be true or false'],
  ['admin', value => typeof value === 'boolean', 'must be true or false']
]

/** @throws {InvalidOptionError} */
export function checkPages (pages: PageOptions, host: string): ResolvedPages {
  if (typeof pages !== 'object' || pages === null) throw new InvalidOptionError('pages', "must be an object such as { name: 'Restaurant', account: true }")
  refuseUnknown('pages.', pages, known)
  for (const [name, isRight, words] of checks) {
    if (pages[name] !== undefined && !isRight(pages[name])) throw new InvalidOptionError(`pages.${name}`, words)
  }
  const { name = host, logo, accentColor = '#1d4ed8', supportUrl, css = '', render, account = false, admin = false } = pages
  return Object.freeze({ name, logo, accentColor, supportUrl, css, render, account, admin })
}
