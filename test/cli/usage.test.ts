import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import t from 'tap'
import { Context } from '../../lib/cli/context.ts'
import { createProgram } from '../../lib/cli/program.ts'
import { run } from '../../lib/cli/run.ts'
import { MisuseError } from '../../lib/cli/terminal.ts'
import { command, openOffice } from '../fixtures/command-line.ts'
import { createDatabase } from '../fixtures/postgres.ts'
import { secret } from '../fixtures/world.ts'

t.setTimeout(120_000)

const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => { done() } })
const silent = { stdin: Readable.from([]), stdout: nowhere(), stderr: nowhere(), env: {}, cwd: '/' }

/** Every command that does something, as it is typed. */
function leaves (): string[] {
  const program = createProgram(silent)
  return program.commands.flatMap(group => group.commands.length === 0 ? [group.name()] : group.commands.map(leaf => `${group.name()} ${leaf.name()}`))
}

t.test('every command has help with an example of it, and exits with 0', async t => {
  t.strictSame(leaves(), [
    'migrate', 'users list', 'users add', 'users import', 'users suspend', 'users activate', 'users role', 'users unpin', 'users remove',
    'clients list', 'clients show', 'clients add', 'clients deactivate', 'clients activate', 'clients prune', 'grants list', 'grants revoke',
    'keys list', 'keys rotate', 'audit list', 'audit verify', 'audit export', 'secret', 'purge', 'doctor'
  ])
  for (const leaf of leaves()) {
    const { code, stdout, stderr } = await command([...leaf.split(' '), '--help'])
    t.strictSame([code, stderr], [0, ''], leaf)
    t.match(stdout, `$ npx fastify-mcp-oauth ${leaf}`, leaf)
    t.match(stdout, '--json', leaf)
  }
  t.match((await command(['--help'])).stdout, /Exit codes:\n {2}0 {2}done\n {2}1 {2}refused, or not found; of audit verify, .*\n {2}2 .*\n {2}3 /)
  t.match(await command(['--version']), { code: 0, stdout: /^\d+\.\d+\.\d+\n$/ })
})

const misuses: Record<string, [line: string, says: RegExp]> = {
  'no command': ['', /^Usage: /],
  'a group without a command': ['users', /^Usage: fastify-mcp-oauth users /],
  'a misspelt command': ['users lst', /^error: unknown command 'lst'\n\(Did you mean list\?\)/],
  'an option that there is not': ['users list --all', /^error: unknown option '--all'/],
  'too many words': ['migrate now', /^error: too many arguments/],
  'a missing argument': ['users add', /^error: missing required argument 'email'/],
  'what is no address': ['users add ann', /^error: .*'ann' is invalid.* It is not one plain e-mail address\./],
  'a role that there is not': ['users role ann@example.com owner', /^error: .*Allowed choices are admin, user\./],
  'a limit that is none': ['users list --limit 0', /^error: .*'0' is invalid.* It must be a whole number from 1\./],
  'an authentication that there is not': ['clients add --name x --redirect-uri https://x.example/cb --auth jwt', /^error: .*Allowed choices are none/],
  'a client without redirects': ['clients add --name x', /^error: required option '--redirect-uri <uri\.\.\.>'/],
  'nothing to revoke': ['grants revoke', /^error: name the grants, or --user, or --all, and only one of these\n$/],
  'two things to revoke': ['grants revoke g --all', /^error: name the grants/],
  'a client of nobody': ['grants revoke g --client c', /^error: --client goes with --user; /],
  'a search and a user': ['grants list x --user y', /^error: a search and --user do not go together/],
  'no database': ['users list', /^error: DATABASE_URL: set it to the URL of your PostgreSQL, .*\n$/],
  'a database that is no PostgreSQL': ['users list', /^error: DATABASE_URL: /],
  'no secret': ['users suspend ann@example.com', /^error: JWT_SECRET: is not set; make one with: .*\n$/]
}

t.test('wrong usage and configuration is told in a sentence, and exits with 2', async t => {
  const url = await createDatabase(t)
  for (const [what, [line, says]] of Object.entries(misuses)) {
    const env = what === 'no database' ? {} : { DATABASE_URL: what.startsWith('a database') ? 'mysql://localhost' : url }
    const { code, stdout, stderr } = await command(line.split(' ').filter(word => word !== ''), { env })
    t.strictSame([code, stdout], [2, ''], what)
    t.match(stderr, says, what)
  }
})

t.test('what is irrevocable is not done where nobody can be asked', async t => {
  const { type } = await openOffice(t)
  await type('users add ann@example.com')
  for (const line of ['users remove ann@example.com', 'grants revoke --all', 'purge', 'clients prune']) {
    t.match(await type(line), { code: 2, stdout: '', stderr: 'error: this can not be undone, and there is nobody to ask here; add --yes\n' }, line)
  }
  for (const input of ['', '\n', 'n\n', 'yess\n', 'no\ny\n']) {
    t.match(await type('users remove ann@example.com', { isTTY: true, input }), { code: 1, stderr: /\? \[y\/N\] error: nothing was changed\n$/ }, input)
  }
  t.match((await type('users list')).stdout, 'ann@example.com')
  t.match(await type('users remove ann@example.com', { isTTY: true, input: ' Yes \n' }), { code: 0, stderr: /^Remove ann@example\.com, and end what was allowed in their name\? / })
  t.match((await type('users list')).stdout, 'There is nobody.')
})

t.test('a database that does not answer exits with 3', async t => {
  for (const line of ['users list', 'migrate', 'purge --yes']) {
    const { code, stdout, stderr } = await command(line.split(' '), { env: { DATABASE_URL: 'postgres://postgres@127.0.0.1:1/none', JWT_SECRET: secret } })
    t.strictSame([code, stdout], [3, ''], line)
    t.equal(stderr, 'error: The storage is unavailable: ECONNREFUSED; is the database up, and DATABASE_URL right?\n', line)
  }
})

t.test('a database that is not migrated exits with 2 and says what to do; migrate does it, once', async t => {
  const env = { DATABASE_URL: await createDatabase(t) }
  t.match(await command(['users', 'list'], { env }), { code: 2, stderr: /^error: storage: the database lacks tables of this version; run npx fastify-mcp-oauth migrate, / })
  t.match(await command(['migrate'], { env }), { code: 0, stdout: /^Migrated: fastify-mcp-oauth-0001-initial, .*-hot-paths\n$/ })
  t.match(await command(['migrate'], { env }), { code: 0, stdout: 'There is nothing to migrate.\n' })
  t.strictSame(JSON.parse((await command(['migrate', '--json'], { env })).stdout), { migrations: [] })
})

t.test('--schema: the tables are there, and nowhere else', async t => {
  const { database, type } = await openOffice(t)
  t.match(await type('migrate --schema login'), { code: 2, stderr: /^error: schema: there is no schema login; create it first\n$/ })
  await database.run('CREATE SCHEMA login')
  t.match(await type('migrate --schema login'), { code: 0 })
  t.match(await type('users add ann@example.com --schema login'), { code: 0 })
  t.match((await type('users list --schema login')).stdout, 'ann@example.com')
  t.match((await type('users list')).stdout, 'There is nobody.')
})

t.test('a secret that is not the server\'s changes nothing', async t => {
  const { type, database } = await openOffice(t)
  const JWT_SECRET = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
  t.match(await type('users add before@example.com', { env: { JWT_SECRET } }), { code: 0 }, 'before the first start there is nothing to see it by')
  await database.run("INSERT INTO oauth_signing_keys (key_id, algorithm, sealed_key, token_lifetime, created_at, signs_from) VALUES ('k', 'RS256', 'x.y', 60, now(), now())")
  for (const line of ['users add ann@example.com', 'purge --yes', 'keys rotate']) {
    t.match(await type(line, { env: { JWT_SECRET } }), { code: 2, stderr: /^error: secret \(JWT_SECRET\): does not open the signing keys/ }, line)
  }
  t.match(await type('users add ann@example.com', { env: { JWT_SECRET: 'short' } }), { code: 2, stderr: /^error: secret \(JWT_SECRET\): must have at least 32/ })
  t.notMatch((await type('users list')).stdout, 'ann@example.com')
})

t.test('.env in the working directory is read, unless it is set already, or not wanted', async t => {
  const { env, type } = await openOffice(t)
  const cwd = t.testdir({ '.env': `DATABASE_URL=${env['DATABASE_URL']}\nJWT_SECRET=${secret}\n` })
  t.match(await command(['users', 'add', 'ann@example.com'], { cwd }), { code: 0 })
  t.match(await command(['users', 'list'], { cwd, env: { DATABASE_URL: 'mysql://here' } }), { code: 2 })
  t.match(await command(['users', 'list', '--no-env-file'], { cwd }), { code: 2, stderr: /^error: DATABASE_URL: set it/ })
  t.match((await type('users list')).stdout, 'ann@example.com')
  const other = t.testdir({})
  mkdirSync(join(other, '.env'))
  t.match(await command(['users', 'list'], { cwd: other }), { code: 2, stderr: /\.env can not be read \(EISDIR\); correct that, or add --no-env-file\n$/ })
})

t.test('whatever else goes wrong is one sentence too, without a stack', async t => {
  const { database, type } = await openOffice(t)
  await database.run('DROP TABLE oauth_tokens, oauth_grants CASCADE')
  const { code, stderr } = await type('grants list')
  t.equal(code, 1)
  t.match(stderr, /^error: something went wrong: relation "oauth_grants" does not exist\n$/)
  const broken = { ...silent, stdout: Object.assign(new Writable(), { write () { throw new TypeError('no') } }) }
  t.equal(await run(['secret'], broken), 1)
  const odd = { ...broken, stdout: Object.assign(new Writable(), { write () { throw Object('nothing to read') } }) }
  t.equal(await run(['secret'], odd), 1)
})

t.test('a reader that has enough ends nothing', async t => {
  const stdout = nowhere()
  await run(['secret'], { ...silent, stdout })
  t.doesNotThrow(() => stdout.emit('error', new Error('EPIPE')))
})

t.test('without kysely and pg, it says what to install', async t => {
  const context = new Context(silent, { envFile: false }, async () => { throw new Error('ERR_MODULE_NOT_FOUND') })
  await t.rejects(context.storage(), new MisuseError('the packages kysely and pg are needed; run npm install kysely pg'))
})

t.test('secret: a line that the start accepts, another one each time', async t => {
  const { checkSecrets } = await import('../../lib/keys/check-secrets.ts')
  const lines = await Promise.all([1, 2].map(async () => (await command(['secret'])).stdout))
  t.not(lines[0], lines[1])
  for (const line of lines) {
    const [, value] = /^JWT_SECRET=(\S{43})\n$/.exec(line) ?? []
    t.doesNotThrow(() => checkSecrets(value))
  }
  const { JWT_SECRET } = JSON.parse((await command(['secret', '--json'])).stdout)
  t.doesNotThrow(() => checkSecrets(JWT_SECRET))
})

t.test('secret: what happens to look like a placeholder is thrown away', async t => {
  const { freshSecret } = await import('../../lib/cli/commands/secret.ts')
  const bytes = [Buffer.alloc(32), Buffer.from(secret)]
  t.equal(freshSecret(() => bytes.shift() ?? Buffer.from('no more')), Buffer.from(secret).toString('base64url'))
})
