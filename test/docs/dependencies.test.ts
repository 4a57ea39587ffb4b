import { readFileSync } from 'node:fs'
import t from 'tap'
import { document, root } from '../fixtures/documentation.ts'

interface Manifest { dependencies: Record<string, string>, peerDependencies: Record<string, string> }

const { dependencies, peerDependencies }: Manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const { text } = document('docs/dependencies.md')

t.test('dependencies.md says of each direct dependency why it is there, and of no other, and there are ten at most', async t => {
  const rows = [...text.matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map(([, name = '', why = '']) => ({ name, why }))
  t.strictSame(rows.map(({ name }) => name), Object.keys(dependencies).sort())
  for (const { name, why } of rows) t.ok(why.length > 10, name)
  t.ok(rows.length <= 10, `${rows.length}`)
})

t.test('what it says to have no dependencies of its own has none', async t => {
  for (const [, name = ''] of text.matchAll(/^\| `([^`]+)` \| .*without dependencies of its own \|$/gm)) {
    const { dependencies = {} } = JSON.parse(readFileSync(`${root}node_modules/${name}/package.json`, 'utf8'))
    t.strictSame(dependencies, {}, String(name))
  }
})

t.test('the peers are named', async t => {
  for (const name of Object.keys(peerDependencies)) t.match(text, `\`${name}\``)
})
