import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { migrations } from '../../lib/storage/kysely/index.ts'
import { root } from '../fixtures/documentation.ts'
import { createDatabase } from '../fixtures/postgres.ts'
import { secret } from '../fixtures/world.ts'

t.setTimeout(120_000)

const run = promisify(execFile)
// Not tap's: its loaders and coverage are for tests.
const env = { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' }

/**
 * An empty project with the packed package installed in it. Its dependencies are those of the checkout, linked one by one: what the
 * package does not declare, it does not find.
 */
async function install (): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'fastify-mcp-oauth-package-'))
  t.teardown(async () => { await rm(project, { recursive: true, force: true }) })
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], { cwd: root, env })
  const [{ filename }] = JSON.parse(stdout)
  const installed = join(project, 'node_modules/fastify-mcp-oauth')
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', join(project, filename), '-C', installed, '--strip-components=1'])
  const { dependencies, peerDependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))
  for (const name of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(project, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(join(root, 'node_modules', name), link, 'junction')
  }
  return project
}

const app = `
async function start () {
  const app = Fastify()
  await app.register(mcpOAuth, {
    issuer: 'https://api.example.com',
    secret: 'k3Vx9QmZ7tLr2WbY8nHc5DfG1jPs6AuE',
    providers: [google({ clientId: 'id', clientSecret: 'secret' })],
    storage: new MemoryStorage(),
    protect: ['/mcp']
  })
  app.get('/mcp', async request => request.mcpOAuth.user.email)
  const refused = await app.inject('/mcp')
  const headers = await signInAs(app, { email: 'ann@example.com' })
  const { body } = await app.inject({ url: '/mcp', headers })
  console.log(JSON.stringify([refused.statusCode, body, typeof KyselyStorage, Object.keys(migrations).length]))
}
start()
`

const esm = `
import Fastify from 'fastify'
import mcpOAuth, { google, MemoryStorage } from 'fastify-mcp-oauth'
import { KyselyStorage, migrations } from 'fastify-mcp-oauth/kysely'
import { signInAs } from 'fastify-mcp-oauth/testing'
${app}`

const commonJs = `
const Fastify = require('fastify')
const { default: mcpOAuth, google, MemoryStorage } = require('fastify-mcp-oauth')
const { KyselyStorage, migrations } = require('fastify-mcp-oauth/kysely')
const { signInAs } = require('fastify-mcp-oauth/testing')
${app}`

t.test('the packed package', async t => {
  const project = await install()

  await t.test('an app imports it', async t => {
    await writeFile(join(project, 'app.mjs'), esm)
    const { stdout, stderr } = await run(process.execPath, ['app.mjs'], { cwd: project, env })
    t.strictSame(JSON.parse(stdout), [401, 'ann@example.com', 'function', Object.keys(migrations).length])
    t.equal(stderr, '')
  })

  await t.test('a CommonJS app requires it', async t => {
    await writeFile(join(project, 'app.cjs'), commonJs)
    const { stdout } = await run(process.execPath, ['app.cjs'], { cwd: project, env })
    t.strictSame(JSON.parse(stdout), [401, 'ann@example.com', 'function', Object.keys(migrations).length])
  })

  await t.test('what is not exported can not be had', async t => {
    await t.rejects(run(process.execPath, ['-e', "import('fastify-mcp-oauth/dist/plugin.js')"], { cwd: project, env }), /ERR_PACKAGE_PATH_NOT_EXPORTED/)
  })

  await t.test('prom-client and OpenTelemetry are loaded by who uses them: until then an app starts without', async t => {
    for (const peer of ['prom-client', '@opentelemetry/api']) await rm(join(project, 'node_modules', peer))
    const { stdout } = await run(process.execPath, ['app.mjs'], { cwd: project, env })
    t.match(JSON.parse(stdout), [401, 'ann@example.com'])
    await writeFile(join(project, 'measured.mjs'), esm.replace('protect:', 'metrics: true, protect:'))
    await t.rejects(run(process.execPath, ['measured.mjs'], { cwd: project, env }), /InvalidOptionError: metrics: needs the package prom-client; install it/)
  })

  await t.test('the command line is there under its name', async t => {
    const cli = join(project, 'node_modules/fastify-mcp-oauth/dist/cli/main.js')
    const { bin } = JSON.parse(await readFile(join(project, 'node_modules/fastify-mcp-oauth/package.json'), 'utf8'))
    t.strictSame(bin, { 'fastify-mcp-oauth': 'dist/cli/main.js' })
    t.match(await readFile(cli, 'utf8'), /^#!\/usr\/bin\/env node\n/)
  })

  await t.test('an app does not load the command line, nor what that needs', async t => {
    await rm(join(project, 'node_modules/commander'))
    await rename(join(project, 'node_modules/fastify-mcp-oauth/dist/cli'), join(project, 'cli'))
    const { stdout } = await run(process.execPath, ['app.mjs'], { cwd: project, env })
    t.equal(JSON.parse(stdout)[0], 401)
    await rename(join(project, 'cli'), join(project, 'node_modules/fastify-mcp-oauth/dist/cli'))
    await symlink(join(root, 'node_modules/commander'), join(project, 'node_modules/commander'), 'junction')
  })

  await t.test('the command line loads neither Fastify nor the pages, nor what reaches the network', async t => {
    const url = await createDatabase(t)
    const others = ['fastify', 'fastify-plugin', 'undici', 'ghtml', 'lru-cache', 'cookie', '@fastify/formbody', '@fastify/rate-limit']
    for (const name of others) await rename(join(project, 'node_modules', name), join(project, name.replace('/', '+')))
    const type = async (...parameters: string[]) => (await run(process.execPath, ['node_modules/fastify-mcp-oauth/dist/cli/main.js', ...parameters], {
      cwd: project, env: { ...env, DATABASE_URL: url, JWT_SECRET: secret }
    })).stdout
    t.match(await type('migrate'), /^Migrated: /)
    t.equal(await type('users', 'add', 'ann@example.com'), 'ann@example.com may sign in.\n')
    t.match(await type('clients', 'add', '--name', 'x', '--redirect-uri', 'https://x.example/cb'), /client_secret: /)
    t.match(await type('purge', '--yes'), 'Removed: nothing.')
    t.match(await type('keys', 'list'), 'There are no key pairs yet')
    for (const name of others) await rename(join(project, name.replace('/', '+')), join(project, 'node_modules', name))
  })

  await t.test('it loads without the optional peers, but for the kysely entry', async t => {
    for (const peer of ['ioredis', 'kysely', 'pg']) await rm(join(project, 'node_modules', peer))
    const { stdout } = await run(process.execPath, ['-e', "import('fastify-mcp-oauth').then(({ google }) => console.log(typeof google))"], { cwd: project, env })
    t.equal(stdout.trim(), 'function')
    await t.rejects(run(process.execPath, ['-e', "import('fastify-mcp-oauth/kysely')"], { cwd: project, env }), /ERR_MODULE_NOT_FOUND/)
    const command = ['node_modules/fastify-mcp-oauth/dist/cli/main.js', 'users', 'list']
    await t.rejects(run(process.execPath, command, { cwd: project, env }), { code: 2, stderr: 'error: the packages kysely and pg are needed; run npm install kysely pg\n' })
  })

  await t.test('it holds the library, its sources and what people read, and nothing else', async t => {
    const files = await readdir(join(project, 'node_modules/fastify-mcp-oauth'))
    t.strictSame(files.sort(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'docs', 'lib', 'package.json'])
    const docs = await readdir(join(project, 'node_modules/fastify-mcp-oauth/docs'))
    t.strictSame(docs.filter(name => !name.endsWith('.md')), ['operations'], 'no pictures')
  })
})
