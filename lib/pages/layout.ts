import { createHash } from 'node:crypto'
import { html } from 'ghtml'

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { margin: 0 auto; max-width: 32rem; padding: 2rem 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.4rem }
dt { font-weight: 600; margin-top: .75rem }
dd { margin: 0 }
.warning { border-inline-start: .25rem solid #b45309; padding-inline-start: .75rem }
button, .button { display: block; box-sizing: border-box; width: 100%; margin-top: .75rem; padding: .75rem; font: inherit; text-align: center;
  border: 1px solid currentcolor; border-radius: .5rem; background: none; color: inherit; text-decoration: none; cursor: pointer }
`

const styleHash = createHash('sha256').update(style).digest('base64')

/**
 * What every page is sent with: nothing of it may be framed, scripted, cached or leaked by a referrer. `form-action 'self'` also rules
 * over the redirects after a form, which is why a page of ours is left by a refresh and a link instead.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store'
}

export interface PageContent {
  title: string
  /** HTML. */
  body: string
  /** Where the browser goes on by itself. */
  next?: string
}

/** A whole document. */
export function page ({ title, body, next }: PageContent): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
!${next === undefined ? '' : html`<meta http-equiv="refresh" content="0; url=${next}">`}
<title>${title}</title>
<style>!${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
!${body}
</main>
</body>
</html>
`
}
