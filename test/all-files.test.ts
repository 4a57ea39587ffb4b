import { readdir } from 'node:fs/promises'
import t from 'tap'

const lib = new URL('../lib/', import.meta.url)
const files = (await readdir(lib, { recursive: true })).filter(file => file.endsWith('.ts'))

// The command line runs when it is imported: so it tells its version and nothing else.
process.argv = [...process.argv.slice(0, 2), '--version']

t.test('every file of lib can be imported by itself, so that coverage counts it', async t => {
  t.ok(files.includes('index.ts'))
  for (const file of files) await t.resolves(import(new URL(file, lib).href), file)
})
