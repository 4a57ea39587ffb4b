import { createHash } from 'node:crypto'
import t from 'tap'
import { Pages, type Page } from '../../lib/pages/layout.ts'
import { checkPages, type PageOptions, type PageParts } from '../../lib/pages/options.ts'
import { readableOn, styleOf } from '../../lib/pages/style.ts'
import { en } from '../../lib/pages/words/en.ts'
import { he } from '../../lib/pages/words/he.ts'
import { anyText, fc, holds } from '../fixtures/property.ts'

const page: Page = { kind: 'message', title: 'A <title>', body: '<h1>Body</h1>' }

const pagesOf = (options: PageOptions = {}) => new Pages(checkPages(options, 'api.example.com'))

/** As a browser hashes it: with the line ends that HTML has. */
function styleHash (document: string): string {
  const style = /<style>([\s\S]*?)<\/style>/.exec(document.replaceAll('\r\n', '\n').replaceAll('\r', '\n'))?.[1] ?? ''
  return `'sha256-${createHash('sha256').update(style).digest('base64')}'`
}

t.test('a document is in its language and direction, with what the deployer called it', async t => {
  const english = pagesOf().document(page, en)
  t.match(english, '<html lang="en" dir="ltr">')
  t.match(english, '<title>A &#60;title&#62;</title>')
  t.match(english, '<header><span>api.example.com</span></header>')
  t.match(english, '<h1>Body</h1>')
  t.notMatch(english, /<footer|<img|refresh/)
  t.match(pagesOf().document(page, he), '<html lang="he" dir="rtl">')
  const own = pagesOf({ name: '<b>', logo: 'data:image/png,x"', supportUrl: 'https://example.com/?a="b' }).document(page, en)
  t.match(own, '<header><img src="data:image/png,x&#34;" alt=""><span>&#60;b&#62;</span></header>')
  t.match(own, '<footer><a href="https://example.com/?a&#61;&#34;b">Help</a></footer>')
  t.match(pagesOf().document({ ...page, kind: 'admin' }, en), '<body class="wide">')
  t.match(english, '<body class="narrow">')
  t.match(pagesOf().document({ ...page, next: 'https://client.example/?a=1&b="' }, en), '<meta http-equiv="refresh" content="0; url&#61;https://client.example/?a&#61;1&#38;b&#61;&#34;">'.replace('url&#61;', 'url='))
})

t.test('AZ-09: the hash of the policy is that of the style as a browser sees it', async t => {
  for (const css of ['', 'main { color: red }', 'a { }\r\nb { }\r\n', 'a { }\rb { }', '\u{1f600} { content: "\u05d0" }', '$& $1 !{x}']) {
    const pages = pagesOf({ css })
    t.match(pages.headers['content-security-policy'], styleHash(pages.document(page, en)), JSON.stringify(css))
  }
  holds(t, 'whatever the stylesheet', fc.property(anyText.filter(css => !/<\/style/i.test(css) && css.isWellFormed() && !css.includes('\0')), css => {
    const pages = pagesOf({ css })
    return pages.headers['content-security-policy']?.includes(styleHash(pages.document(page, en))) === true
  }))
})

t.test('a document of the deployer’s own has all that ours has, under the same policy', async t => {
  const seen: PageParts[] = []
  const pages = pagesOf({ css: 'main { color: red }', render: parts => { seen.push(parts); return `<!doctype html><head>${parts.head}</head><main>${parts.content}</main>` } })
  const document = pages.document({ ...page, next: 'https://client.example/' }, he)
  t.match(seen, [{ kind: 'message', language: 'he', direction: 'rtl', title: 'A <title>', content: '<h1>Body</h1>' }])
  t.match(document, '<h1>Body</h1>')
  t.match(document, 'http-equiv="refresh"')
  t.match(pages.headers['content-security-policy'], styleHash(document))
  for (const answer of [undefined, null, 1, Promise.resolve('x'), {}]) {
    t.throws(() => pagesOf({ render: () => answer as string }).document(page, en), { message: 'pages.render must return a string' })
  }
})

t.test('WCAG 2.2 §1.4.3: a text on any colour contrasts 4.5 at least', async t => {
  const linear = (channel: number) => channel / 255 <= 0.04045 ? channel / 255 / 12.92 : ((channel / 255 + 0.055) / 1.055) ** 2.4
  const luminance = ([red = 0, green = 0, blue = 0]: number[]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
  const contrast = (color: number[], text: string) => {
    const [light = 0, dark = 0] = [luminance(color), text === '#ffffff' ? 1 : 0].sort((one, other) => other - one)
    return (light + 0.05) / (dark + 0.05)
  }
  const channel = fc.integer({ min: 0, max: 255 })
  const hex = (color: number[]) => `#${color.map(part => part.toString(16).padStart(2, '0')).join('')}`
  holds(t, 'and is the better of the two', fc.property(fc.tuple(channel, channel, channel), color => {
    const text = readableOn(hex(color))
    const other = text === '#ffffff' ? '#000000' : '#ffffff'
    return contrast(color, text) >= 4.5 && contrast(color, text) >= contrast(color, other)
  }), { numRuns: 2000 })
  for (let grey = 0; grey < 256; grey++) t.ok(contrast([grey, grey, grey], readableOn(hex([grey, grey, grey]))) >= 4.5, `grey ${grey}`)
  holds(t, 'in capitals too', fc.property(fc.tuple(channel, channel, channel), color => readableOn(hex(color)) === readableOn(hex(color).toUpperCase())))
  t.match(styleOf('#ffff00', 'b { }'), /--accent: #ffff00; --on-accent: #000000/)
  t.match(styleOf('#000080', ''), /--on-accent: #ffffff/)
  t.match(styleOf('#000080', 'b { }'), /b \{ \}$/)
})
