import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { document, root } from '../fixtures/documentation.ts'

interface Row { name: string, where: string, test: string }

/** The rows of a page's tables: a name first, a file and a test last. */
function rowsOf (path: string): Row[] {
  return [...document(path).text.matchAll(/^\| ([A-Z]+-?\d+) \|.* \| `([^`]+)` \| `([^`]+)` \|$/gm)]
    .map(([, name = '', where = '', test = '']) => ({ name, where, test }))
}

/** `C1` to `C12`, or `AS-01` to `AS-09`. */
function series (counts: Record<string, number>, nameOf: (series: string, number: number) => string): string[] {
  return Object.entries(counts).flatMap(([letter, count]) => Array.from({ length: count }, (_, index) => nameOf(letter, index + 1)))
}

const pages = {
  'docs/threat-model.md': series({ C: 12, R: 10, T: 20, I: 10, W: 12, P: 22 }, (letter, number) => `${letter}${number}`),
  'docs/standards.md': series({ AS: 9, REG: 13, AZ: 14, TK: 13, RS: 10, PX: 11 }, (letters, number) => `${letters}-${String(number).padStart(2, '0')}`)
}

for (const [path, names] of Object.entries(pages)) {
  t.test(`${path} has every row, and each is kept by a file and named by a test`, async t => {
    const rows = rowsOf(path)
    t.strictSame(rows.map(({ name }) => name), names)
    for (const { name, where, test } of rows) {
      t.ok(existsSync(root + where), `${name}: ${where}`)
      const titles = existsSync(root + test) ? readFileSync(root + test, 'utf8') : ''
      t.match(titles, new RegExp(`['"\`][^'"\`\\n]*\\b${name}\\b[^'"\`\\n]*:`), `${name}: ${test}`)
    }
  })
}
