import { existsSync, readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import t from 'tap'
import { root } from '../fixtures/documentation.ts'

/** What is loaded along with a file of lib before anything is called: files and packages. */
function loadedWith (file: string, known = new Set<string>()): Set<string> {
  if (known.has(file)) return known
  known.add(file)
  for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?!type\b)(?:(?:\{[^}]*\}|\*(?: as \w+)?|\w+(?:, \{[^}]*\})?) from )?'([^']+)'/gm)) {
    const path = resolve(dirname(file), specifier)
    if (specifier.startsWith('.') && existsSync(path)) loadedWith(path, known)
    else known.add(specifier)
  }
  return known
}

const lib = resolve(root, 'lib')
const loaded = [...loadedWith(resolve(lib, 'index.ts'))].map(name => name.startsWith('/') ? relative(lib, name) : name)

t.test('who imports the package gets what has to be named before the plugin is registered, and nothing that serves requests', async t => {
  t.strictSame(loaded.filter(name => !name.endsWith('.ts') && !name.startsWith('node:')), ['fastify-plugin'])
  t.strictSame(loaded.filter(name => /^(?:pages|cli|metrics|routes|clients|audit|grants|plugin)\b/.test(name)), [])
  t.ok(loaded.includes('providers/google.ts'))
  t.ok(loaded.length < 60, `${loaded.length} files`)
})

t.test('the plugin loads no undici, no command line and no prom-client before they are used', async t => {
  const all = [...loadedWith(resolve(lib, 'plugin.ts'))]
  t.ok(all.includes('jose'), 'the look-out sees packages')
  for (const name of ['undici', 'commander', 'prom-client', '@opentelemetry/api', 'ioredis', 'pg', 'kysely']) t.notOk(all.includes(name), name)
})
