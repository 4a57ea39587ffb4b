import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { welcome } from '../../examples/restaurant/welcome.ts'
import { checkSecrets } from '../../lib/keys/check-secrets.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { startDatabase } from '../fixtures/database.ts'
import { blocksIn, document, root } from '../fixtures/documentation.ts'
import { startWorld } from '../fixtures/world.ts'

interface Manifest { name: string, scripts: Record<string, string>, peerDependencies: Record<string, string> }

const manifest: Manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
const commands = blocksIn('bash').flatMap(({ code }) => code.trim().replaceAll(/\\\n\s*/g, '').split(/\n| && /))
const starting = (...programs: string[]) => commands.filter(command => programs.some(program => command.startsWith(`${program} `)))

/** Why a test can't run here: it needs a program that is not part of Node. */
function without (program: string): string | false {
  const { error } = spawnSync(program, ['--version'])
  return error === undefined ? false : `${program} is not installed`
}

const knownCommands = [
  'pg_dump --format=custom --file=backup.dump "$DATABASE_URL"',
  'pg_restore --clean --if-exists --dbname="$DATABASE_URL" backup.dump',
  'npm audit --omit=dev'
]

/** What each command of the pages is held to. */
const checks = {
  curl: starting('curl').filter(command => !command.includes(' | ')),
  limits: commands.filter(command => /^curl .* \| sort \| uniq -c$/.test(command)),
  install: commands.filter(command => command.startsWith('npm install ')),
  script: commands.filter(command => /^npm (?:run \S+|test)$/.test(command)),
  clean: commands.filter(command => command === 'npm ci'),
  secret: starting('openssl'),
  statement: starting('psql'),
  load: starting('npx autocannon'),
  docker: starting('docker'),
  kubectl: starting('kubectl'),
  /** Programs that are not here, or want a server of their own version or the registry: they are what they are. */
  known: commands.filter(command => knownCommands.includes(command)),
  /** Programs that are not here: held against what the example prints. */
  client: starting('claude', 'code', 'npx').filter(command => !/^npx (?:autocannon|fastify-mcp-oauth) /.test(command)),
  /** Run by command-line.test.ts. */
  own: starting('npx fastify-mcp-oauth')
}

t.test('each command of the pages is one that is checked here', async t => {
  t.strictSame(Object.values(checks).flat().sort(), [...commands].sort())
  for (const [kind, found] of Object.entries(checks)) t.ok(found.length > 0, kind)
})

const shell = async (command: string, env = {}) => (await promisify(execFile)('bash', ['-c', command], { env: { ...process.env, ...env } })).stdout

/** A server as the pages have it. */
async function startServer (t: Parameters<typeof startWorld>[0]) {
  return await startWorld(t, {
    cors: { origins: ['https://app.example.com'] },
    after (app) {
      app.post('/mcp', async request => request.mcpOAuth.user)
      app.get('/ready', async (_, reply) => await reply.code(await app.mcpOAuth.isReady() ? 200 : 503).send())
    }
  })
}

t.test('curl: the answers are those that the pages tell', { skip: without('curl') }, async t => {
  const { origin } = await startServer(t)
  const answers = [['-X OPTIONS', '204'], ['origin: null', '403'], ['/.well-known/oauth-authorization-server', '200'], ['/ready', '200'], ['/mcp', '401'], ['/oauth/register', '201']] as const
  for (const command of checks.curl) {
    const here = command.replaceAll(/https:\/\/api\.example\.com|http:\/\/localhost:8080/g, origin)
    const stdout = await shell(`${here} --silent --output /dev/null --write-out '%{http_code}'`)
    const [, expected] = answers.find(([part]) => here.includes(part)) ?? []
    t.equal(stdout, expected, command)
  }
})

t.test('limits: the last of those requests are refused', { skip: without('curl') }, async t => {
  const { origin } = await startServer(t)
  for (const command of checks.limits) {
    const lines = (await shell(command.replaceAll('https://api.example.com', origin))).trim().split('\n').map(line => line.trim())
    t.strictSame(lines, ['1000 400', '10 429'], command)
  }
})

t.test('psql: the statements do what the pages say on a migrated database', async t => {
  const { run } = await startDatabase(t)
  const results = new Map([
    ['FROM oauth_migrations', (rows: object[]) => rows.length > 3],
    ['FROM pg_indexes', (rows: object[]) => JSON.stringify(rows).includes('oauth_grants_client')],
    ['FROM user_profiles', (rows: object[]) => rows.length === 0],
    ['FROM oauth_tokens', (rows: object[]) => rows.length === 0],
    ['UPDATE oauth_grants', (rows: object[]) => rows.length === 0]
  ])
  for (const command of checks.statement) {
    const [, statement = ''] = /^psql "\$DATABASE_URL" --command "([^"$`]+)"$/.exec(command) ?? []
    const [, isRight] = [...results].find(([part]) => statement.includes(part)) ?? []
    // bash leaves a backslash alone before what is not special.
    t.equal(isRight?.(await run(statement)), true, command)
  }
})

t.test('autocannon: it gets nothing but 2xx', async t => {
  const { app, origin } = await startServer(t)
  const { authorization } = await signInAs(app, { email: 'ann@example.com' })
  for (const command of checks.load) {
    const here = command.replaceAll('https://api.example.com', origin).replace('--duration 30', '--duration 1')
    const result = JSON.parse(await shell(`${here} --json`, { ACCESS_TOKEN: authorization.replace('Bearer ', ''), NODE_OPTIONS: '' }))
    t.match(result, { errors: 0, non2xx: 0 }, command)
    t.ok(result['2xx'] > 0)
  }
})

const deploy = `${root}examples/restaurant/deploy/`
const manifestsIn = (path: string) => parseAllDocuments(readFileSync(deploy + path, 'utf8')).map(parsed => parsed.toJS())

t.test('docker: files that there are, and the name that compose gives the image', async t => {
  for (const command of checks.docker) {
    const [, file = ''] = /--file (\S+)/.exec(command) ?? []
    t.ok(existsSync(root + file), command)
    const [, tag] = /--tag (\S+)/.exec(command) ?? []
    if (tag !== undefined) t.match(readFileSync(`${deploy}compose.yaml`, 'utf8'), `image: ${tag}`)
    else t.match(command, / --env-file \.env up /)
  }
})

t.test('kubectl: secrets with the keys that the pods read, and names of objects that there are', async t => {
  const objects = readdirSync(`${deploy}kubernetes`).flatMap(file => manifestsIn(`kubernetes/${file}`))
  const secrets = new Map(manifestsIn('secret.example.yaml').map(({ metadata, stringData }) => [metadata.name, Object.keys(stringData)]))
  const named = (kind: string, name: string) => objects.some(object => object.kind === kind && object.metadata.name === name)
  const created = new Set<string>()
  const kinds = { deployment: 'Deployment', svc: 'Service' } as const
  for (const command of checks.kubectl) {
    const [, secret] = /^kubectl create secret generic (\S+) /.exec(command) ?? []
    if (secret !== undefined) {
      created.add(secret)
      t.strictSame([...command.matchAll(/--from-literal=(\w+)=/g)].map(([, key]) => key), secrets.get(secret), command)
      continue
    }
    const [, directory] = /^kubectl apply -f (\S+)$/.exec(command) ?? []
    const [, type, name] = /\b(deployment|svc)\/(\S+)/.exec(command) ?? []
    const [, label] = / -l app=(\S+)/.exec(command) ?? []
    const isRight = directory === 'examples/restaurant/deploy/kubernetes/' ||
      (type === 'deployment' && named(kinds.deployment, name ?? '')) || (type === 'svc' && named(kinds.svc, name ?? '')) ||
      (label !== undefined && objects.some(object => object.spec?.template?.metadata.labels.app === label))
    t.ok(isRight, command)
  }
  t.strictSame([...created].sort(), [...secrets.keys()].sort())
})

t.test('deployment.md has the shutdown of the example, which is tried under load', async t => {
  const source = readFileSync(`${root}examples/restaurant/shutdown.ts`, 'utf8')
  t.ok(document('docs/deployment.md').blocks.some(({ code }) => code === source))
  const { text } = document('docs/deployment.md')
  const example = readFileSync(`${root}examples/restaurant/server.ts`, 'utf8')
  for (const part of ['return503OnClosing: false', 'closeOnSignal(app, { delay']) t.ok(text.includes(part) && example.includes(part), part)
})

t.test('npm: scripts that there are, and packages that this one works with', async t => {
  for (const command of checks.script) t.type(manifest.scripts[command.replace(/^npm (?:run )?/, '')], 'string', command)
  for (const command of checks.install) {
    // For several processes, metrics and traces there is more to install.
    t.strictSame([...command.split(' ').slice(2), 'ioredis', 'prom-client', '@opentelemetry/api'].sort(), [manifest.name, ...Object.keys(manifest.peerDependencies)].sort())
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
  for (const part of command.split(' && ')) t.ok(ci.includes(part) || ci.includes(`tests ${part}`), part)
  t.equal(command, 'npm ci && npm test')
})
