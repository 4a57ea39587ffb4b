import { execFile } from 'node:child_process'
import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv, promisify } from 'node:util'
import t from 'tap'
import { Context } from '../../lib/cli/context.ts'
import type { Finding } from '../../lib/cli/doctor/finding.ts'
import { createProgram } from '../../lib/cli/program.ts'
import { createCore } from '../../lib/create-core.ts'
import { resolveOptions } from '../../lib/resolve-options.ts'
import { grantedTo, newClient } from '../../lib/testing/contract/fixtures.ts'
import { bin, command } from '../fixtures/command-line.ts'
import { startDatabase, type TestDatabase } from '../fixtures/database.ts'
import { document, documents, type Block } from '../fixtures/documentation.ts'
import { pluginOptions } from '../fixtures/guarded-app.ts'
import { createDatabase } from '../fixtures/postgres.ts'
import { secret, startWorld } from '../fixtures/world.ts'

t.setTimeout(300_000)

const own = 'npx fastify-mcp-oauth '
const commandsOf = ({ code }: Block) => code.trim().split(/\n| && /).filter(line => line.startsWith(own))

/** The same for the same kind of output, whatever ids, secrets and times are in it. */
function shapeOf (output: string): string {
  return output.replaceAll(/(?:localhost|127\.0\.0\.1):(?!6274)\d+/g, 'here').replaceAll(/PostgreSQL \d+\.\d+/g, 'PostgreSQL')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?Z/g, 'when').replaceAll(/(?<=Events: |Chains: |Exported: )\d+/g, 'number')
    .replaceAll(/[\w-]{43}/g, 'secret').replaceAll(/(?<![\w-])(?:mcp-)?[\w-]{22}(?![\w-])/g, 'id')
}

/** What the page says that a block prints. */
function outputOf (blocks: readonly Block[], block: Block): string | undefined {
  const next = blocks[blocks.indexOf(block) + 1]
  const isBeside = next?.language === 'text' && next.line - block.line - block.code.split('\n').length < 4
  return isBeside ? next.code : undefined
}

/** A database as the pages find it: whatever they name is there. */
async function furnish ({ storage }: TestDatabase, rootSecret: string, text: string): Promise<void> {
  const log = { error: () => {}, info: () => {} }
  const server = createCore(resolveOptions(pluginOptions({ storage, secret: rootSecret })), () => {}, log)
  await server.ready()
  const isAdded = (name: string) => text.includes(`${own}users add ${name}@`) || text.includes(`${own}users import`)
  for (const name of ['ann', 'bob']) {
    if (!isAdded(name)) await storage.addUser({ id: name, email: `${name}@example.com`, name: null, role: 'user' }, new Date())
  }
  const client = newClient({ id: 'mcp-Zb3cXf0tGk2LwQ8s', name: 'Reports' })
  await storage.createClient(client)
}

async function allow ({ storage }: TestDatabase): Promise<void> {
  const [bob] = await storage.listUsers('bob@example.com')
  const client = await storage.findClient('mcp-Zb3cXf0tGk2LwQ8s')
  if (bob === undefined || client === undefined) return
  const day = 86_400_000
  await grantedTo(storage, client, {
    id: 'Yd5rVnQ8sLw2kGt0fXc3Zb', userId: bob.id, email: bob.email, createdAt: new Date(), expiresAt: new Date(Date.now() + 90 * day)
  }, { expiresAt: new Date(Date.now() + day) })
}

/** The server that a page's `doctor` looks at, over that page's database. @returns its origin */
async function serve (t: Parameters<typeof startWorld>[0], { storage }: TestDatabase, file: string): Promise<string> {
  const { origin, upstream } = await startWorld(t, { storage, secret: parseEnv(readFileSync(file, 'utf8'))['JWT_SECRET'] ?? '' })
  const { issuer, clientId, clientSecret } = upstream
  appendFileSync(file, [`OAUTH_SERVER_URL=${origin}`, 'OAUTH_PROVIDER=oidc', `OAUTH_ISSUER=${issuer}`, `OAUTH_CLIENT_ID=${clientId}`, `OAUTH_CLIENT_SECRET=${clientSecret}`, ''].join('\n'))
  return origin
}

t.test('every command of the pages runs, in their order, and prints what they say', async t => {
  const pages = documents.filter(({ blocks }) => blocks.some(block => block.language === 'bash' && commandsOf(block).length > 0))
  t.ok(pages.length >= 2)
  for (const { path, text, blocks } of pages) {
    const database = await startDatabase(t)
    const makesSecret = text.includes(`${own}secret >> .env`)
    const cwd = t.testdir({
      '.env': `DATABASE_URL=${database.url}\n${makesSecret ? '' : `JWT_SECRET=${secret}\n`}`,
      'staff.txt': 'ann@example.com, bob@example.com\ncleo@example.com dora@example.com\n'
    })
    let isFurnished = false
    let isAllowed = false
    let origin = ''
    for (const block of blocks.filter(({ language }) => language === 'bash')) {
      let printed = ''
      for (const line of commandsOf(block)) {
        if (!isFurnished && !/ (?:--help|secret|migrate)/.test(line)) {
          isFurnished = true
          await furnish(database, parseEnv(readFileSync(join(cwd, '.env'), 'utf8'))['JWT_SECRET'] ?? '', text)
        }
        if (!isAllowed && line.includes(' grants ')) {
          isAllowed = true
          await allow(database)
        }
        if (origin === '' && line.includes(' doctor')) origin = await serve(t, database, join(cwd, '.env'))
        const here = line.replace(/^npx fastify-mcp-oauth/, `"${process.execPath}" "${bin}"`).replace('http://localhost:8080', origin)
        const env = { PATH: process.env['PATH'], HOME: cwd }
        const { stdout } = await promisify(execFile)('bash', ['--norc', '-c', here], { cwd, env }).catch(error => {
          t.fail(`${path}: ${line}`, { error })
          return { stdout: '' }
        })
        t.pass(`${path}: ${line}`)
        printed = stdout
      }
      const told = outputOf(blocks, block)
      if (told !== undefined && commandsOf(block).length > 0) t.equal(shapeOf(printed), shapeOf(told), `${path}:${block.line}`)
    }
  }
})

t.test('command-line.md has every command', async t => {
  const { text } = document('docs/command-line.md')
  const program = createProgram({ stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {}, cwd: '/' })
  for (const group of program.commands) {
    const names = group.commands.length === 0 ? [group.name()] : group.commands.map(leaf => `${group.name()} ${leaf.name()}`)
    for (const name of names) t.match(text, `${own}${name}`)
  }
})

t.test('the examples of --help are commands that there are', async t => {
  const program = createProgram({ stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: {}, cwd: '/' })
  for (const group of program.commands) {
    for (const leaf of group.commands.length === 0 ? [group] : group.commands) {
      const help = (await command([...(leaf === group ? [] : [group.name()]), leaf.name(), '--help'])).stdout
      const examples = [...help.matchAll(/^ {2}\$ npx fastify-mcp-oauth (.+)$/gm)].map(([, line = '']) => line)
      t.ok(examples.length > 0)
      for (const example of examples) t.equal((await command([...example.replace(' >> .env', '').split(' '), '--help'])).code, 0, example)
    }
  }
})

t.test('what may fail is told as the page has it', async t => {
  const { blocks } = document('docs/command-line.md')
  const told = blocks.filter(({ headings }) => headings.at(-1) === 'When it fails').flatMap(({ code }) => code.trim().split('\n'))
  const DATABASE_URL = (await startDatabase(t)).url
  const sealed = await startDatabase(t)
  await furnish(sealed, 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc', '')
  const env = { DATABASE_URL, JWT_SECRET: secret }
  const failures = [
    await command(['users', 'list']),
    await command(['users', 'suspend', 'ann'], { env: { DATABASE_URL } }),
    await command(['users', 'list'], { env: { DATABASE_URL: await createDatabase(t) } }),
    await command(['users', 'suspend', 'ann'], { env: { ...env, DATABASE_URL: sealed.url } }),
    await command(['users', 'list'], { env: { DATABASE_URL: 'postgres://127.0.0.1:1/none' } })
  ]
  const context = new Context({ stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env, cwd: '/' }, { envFile: false }, async () => { throw new Error('none') })
  const missing = await context.storage().catch((error: Error) => error)
  const nameless = await command(['doctor'])
  t.strictSame([...failures.map(({ stderr }) => stderr.trim()), `error: ${Object(missing).message}`, nameless.stderr.trim()], told)
})

t.test('command-line.md shows every check of doctor', async t => {
  const { text } = document('docs/command-line.md')
  const findings: Finding[] = JSON.parse((await command(['doctor', '--json', '--server', 'http://127.0.0.1:1'])).stdout)
  for (const { check } of findings) t.match(text, `\nok      ${check} `)
})
