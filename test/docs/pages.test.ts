import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import t from 'tap'
import { blocksIn, document, documents, root } from '../fixtures/documentation.ts'

/** As GitHub makes anchors of headings. */
function anchorOf (heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-')
}

const prose = (text: string) => text.replaceAll(/^```[\s\S]*?^```$/gm, '')

t.test('every relative link leads to a file that is there, and to a heading that it has', async t => {
  for (const { path, text } of documents) {
    for (const [, target = ''] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const linked = file === '' ? path : relative(root, join(root, dirname(path), file))
      t.ok(existsSync(root + linked), `${path}: ${target}`)
      if (anchor !== undefined) t.ok(document(linked).headings.map(anchorOf).includes(anchor), `${path}: ${target}`)
    }
  }
})

t.test('every page is reached from the README', async t => {
  const { text } = document('README.md')
  for (const { path } of documents) if (path !== 'README.md') t.ok(text.includes(`](${path})`), path)
})

t.test('every block is in a language that a test here reads', async t => {
  const languages = new Set(documents.flatMap(({ blocks }) => blocks.map(({ language }) => language)))
  t.strictSame([...languages].sort(), ['bash', 'env', 'json', 'sql', 'text', 'ts'])
})

t.test('every json block is JSON', async t => {
  const blocks = blocksIn('json')
  t.ok(blocks.length > 0)
  for (const { path, line, code } of blocks) t.doesNotThrow(() => JSON.parse(code), `${path}:${line}`)
})

t.test('the changelog has the version of the package', async t => {
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  t.ok(document('CHANGELOG.md').headings.includes(`[${version}]`))
})
