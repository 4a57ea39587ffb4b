import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { welcome } from '../../examples/restaurant/welcome.ts'
import { checkSecrets } from '../../lib/keys/check-secrets.ts'
import { blocksIn, document, root } from '../fixtures/documentation.ts'
import { startWorld } from '../fixtures/world.ts'

interface Manifest { name: string, scripts: Record<string, string>, peerDependencies: Record<string, string> }

const manifest: Manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const commands = blocksIn('bash').flatMap(({ code }) => code.trim().split(/\n| && /))

/** Why a test can't run here: it needs a program that is not part of Node. */
function without (program: string): string | false {
  const { error } = spawnSync(program, ['--version'])
  return error === undefined ? false : `${program} is not installed`
}

/** What each command of the pages is held to. */
const checks = {
  curl: commands.filter(command => command.startsWith('curl ')),
  install: commands.filter(command => command.startsWith('npm install ')),
  script: commands.filter(command => /^npm (?:run \S+|test)$/.test(command)),
  clean: commands.filter(command => command === 'npm ci'),
  secret: commands.filter(command => command.startsWith('openssl ')),
  /** Programs that are not here: held against what the example prints. */
  client: commands.filter(command => /^(?:claude|code|npx) /.test(command))
}

t.test('each command of the pages is one that is checked here', async t => {
  t.strictSame(Object.values(checks).flat().sort(), [...commands].sort())
  for (const [kind, found] of Object.entries(checks)) t.ok(found.length > 0, kind)
})

t.test('curl: the answers are those that the pages tell', { skip: without('curl') }, async t => {
  const world = await startWorld(t)
  const answers = [['/.well-known/oauth-authorization-server', '200'], ['/mcp', '401'], ['/oauth/register', '201']] as const
  for (const command of checks.curl) {
    const here = command.replaceAll('https://api.example.com', world.origin)
    const { stdout } = await promisify(execFile)('bash', ['-c', `${here} --silent --output /dev/null --write-out '%{http_code}'`])
    const [, expected] = answers.find(([path]) => here.includes(`${world.origin}${path}`)) ?? []
    t.equal(stdout, expected, command)
  }
})

t.test('npm: scripts that there are, and packages that this one works with', async t => {
  for (const command of checks.script) t.type(manifest.scripts[command.replace(/^npm (?:run )?/, '')], 'string', command)
  for (const command of checks.install) {
    // Whoever has several processes installs ioredis too.
    t.strictSame([...command.split(' ').slice(2), 'ioredis'].sort(), [manifest.name, ...Object.keys(manifest.peerDependencies)].sort())
  }
})

t.test('openssl: what it prints is a secret that the start accepts', { skip: without('openssl') }, async t => {
  for (const command of checks.secret) t.doesNotThrow(() => checkSecrets(execFileSync('bash', ['-c', command], { encoding: 'utf8' }).trim()))
})

t.test('clients: the commands are those that the example prints', async t => {
  const world = await startWorld(t)
  const printed = await Promise.all(['http://localhost:8080', 'https://api.example.com'].map(url => welcome(world.app, { OAUTH_SERVER_URL: url }, undefined)))
  const lines = printed.join('\n').split('\n').map(line => line.replace(/^ {2}(?:Claude Code|VS Code|Inspector) +/, '').replace(/ {3}\(.*$/, ''))
  for (const command of checks.client) t.ok(lines.includes(command), command)
})

t.test('.ci/run runs the test command of the README', async t => {
  const ci = readFileSync(`${root}.ci/run`, 'utf8').split('\n')
  const [command = ''] = document('README.md').blocks.map(({ code }) => code.trim()).filter(code => code.endsWith('npm test'))
  for (const part of command.split(' && ')) t.ok(ci.includes(part), part)
  t.equal(command, 'npm ci && npm test')
})
