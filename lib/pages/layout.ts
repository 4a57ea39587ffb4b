import { createHash } from 'node:crypto'
import { html } from 'ghtml'
import type { PageKind, ResolvedPages } from './options.ts'
import { styleOf } from './style.ts'
import type { Words } from './words/index.ts'

/** A page, before its document is put around it. */
export interface Page {
  kind: PageKind
  title: string
  /** HTML. */
  body: string
  /** Where the browser goes on by itself. */
  next?: string
}

/** What the deployer's own code answers may be a promise. */
function rendered (document: unknown): string {
  if (typeof document !== 'string') throw new TypeError('pages.render must return a string')
  return document
}

/** The documents that people see, in the looks that the deployer chose. */
export class Pages {
  /**
   * What every page is sent with: nothing of it may be framed, scripted, cached or leaked by a referrer. `form-action 'self'` also rules
   * over the redirects after a form, which is why a page of ours is left by a refresh and a link instead.
   */
  readonly headers: Readonly<Record<string, string>>
  readonly #options: ResolvedPages
  readonly #style: string

  constructor (options: ResolvedPages) {
    this.#options = options
    // The line ends that the browser sees, or the hash is of another text.
    this.#style = styleOf(options.accentColor, options.css).replaceAll(/\r\n?/g, '\n')
    const hash = createHash('sha256').update(this.#style).digest('base64')
    this.headers = {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store'
    }
  }

  /** A whole document. */
  document ({ kind, title, body, next }: Page, words: Words): string {
    const { language } = words
    const direction = words.direction === 'rtl' ? 'rtl' : 'ltr'
    const head = html`!${next === undefined ? '' : html`<meta http-equiv="refresh" content="0; url=${next}">`}<style>!${this.#style}</style>`
    const { render } = this.#options
    if (render !== undefined) return rendered(render({ kind, language, direction, title, head, content: body }))
    return html`<!doctype html>
<html lang="${language}" dir="${direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
!${head}
</head>
<body class="${kind === 'admin' ? 'wide' : 'narrow'}">
!${this.#header()}
<main>
!${body}
</main>
!${this.#footer(words)}
</body>
</html>
`
  }

  #header (): string {
    const { name, logo } = this.#options
    return html`<header>!${logo === undefined ? '' : html`<img src="${logo}" alt="">`}<span>${name}</span></header>`
  }

  #footer ({ help }: Words): string {
    const { supportUrl } = this.#options
    return supportUrl === undefined ? '' : html`<footer><a href="${supportUrl}">${help}</a></footer>`
  }
}
