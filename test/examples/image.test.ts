import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { lockOfImage } from '../../examples/restaurant/deploy/lock.ts'
import { environment, execForm, find, lintDockerfile, parseDockerfile } from '../fixtures/dockerfile.ts'
import { root } from '../fixtures/documentation.ts'
import { buildImage, isIgnored, makeReadOnly } from '../fixtures/image.ts'
import { deployment } from './deployed.ts'
import { callTool, signIn } from './sign-in.ts'

t.setTimeout(300_000)

const text = readFileSync(`${root}examples/restaurant/deploy/Dockerfile`, 'utf8')
const stages = parseDockerfile(text)
const last = stages.at(-1)
const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

const spoilt: ReadonlyArray<[problem: string, from: string | RegExp, to: string]> = [
  ['node:latest names no version', 'FROM node:24-alpine AS build', 'FROM node:latest AS build'],
  ['node names no version', 'FROM node:24-alpine AS build', 'FROM node AS build'],
  ['it runs as root', 'USER 1000:1000', 'USER 0:0'],
  ['USER is not by number', 'USER 1000:1000', 'USER node'],
  ['there is no HEALTHCHECK', /HEALTHCHECK.*\n.*\n/, ''],
  ['HEALTHCHECK needs a program that is not there', /"node", "-e", .*\]\n/, '"curl", "-f", "http://localhost:8080/health"]\n'],
  ['HEALTHCHECK is not in exec form', /CMD \["node", "-e", .*\]\n/, 'CMD node -e 0\n'],
  ['CMD is not in exec form: signals do not arrive', 'CMD ["node", "server.js"]', 'CMD node server.js'],
  ['ADD fetches and unpacks: use COPY', 'COPY lib /src/lib', 'ADD lib /src/lib'],
  ['JWT_SECRET=q8Zr2LxV would be in the image for all to read', 'EXPOSE 8080', 'ENV JWT_SECRET=q8Zr2LxV'],
  ['COPY .env ./ takes more than is named', 'COPY lib /src/lib', 'COPY .env ./'],
  ['COPY . /src takes more than is named', 'COPY lib /src/lib', 'COPY . /src'],
  ['npm install --omit=dev does not keep to the lock file', 'npm ci --omit=dev --ignore-scripts --install-links', 'npm install --omit=dev'],
  ['devDependencies are in the image', ' --omit=dev', ''],
  ['chmod -R 777 . gives rights away', 'RUN npx tsc', 'RUN chmod -R 777 .\nRUN npx tsc'],
  ['NODE_ENV is not production', 'NODE_ENV=production', 'NODE_ENV=development'],
  ['what builds is in the image', /^FROM[^]*\nFROM/m, 'FROM']
]

t.test('the Dockerfile has none of the mistakes that are known here, and each of them would be found', async t => {
  t.strictSame(lintDockerfile(text), [])
  for (const [problem, from, to] of spoilt) {
    const changed = text.replace(from, to)
    t.not(changed, text, problem)
    t.ok(lintDockerfile(changed).includes(problem), problem)
  }
})

t.test('nothing that is secret, local or big gets into the context', async t => {
  const patterns = readFileSync(`${root}.dockerignore`, 'utf8')
  for (const path of ['.env', '.git/config', 'data/restaurant/jwt-secret', 'node_modules/fastify/package.json', 'test/fixtures/world.ts', '.npmrc', 'examples/other/.env', 'examples/restaurant/deploy/kubernetes/secret.yaml']) {
    t.equal(isIgnored(patterns, path), true, path)
  }
  for (const path of ['package.json', 'lib/index.ts', 'examples/restaurant/server.ts']) t.equal(isIgnored(patterns, path), false, path)
})

t.test('the lock file of the image is the part of package-lock.json that runs there; if not: npm run lock:example', async t => {
  t.equal(readFileSync(`${root}examples/restaurant/deploy/package-lock.json`, 'utf8'), lockOfImage())
})

t.test('the image asks for the versions that are tested here', async t => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(`${root}examples/restaurant/deploy/package.json`, 'utf8'))
  const tested = { ...manifest.dependencies, ...manifest.devDependencies, 'fastify-mcp-oauth': 'file:../../..' }
  for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) t.equal(range, tested[name], name)
})

t.test('the image, built from the files that its COPY lines name', async t => {
  const { directory, workdir } = buildImage(t, stages, root)
  t.notOk(existsSync(join(workdir, 'node_modules/typescript')), 'nothing that builds')
  t.notOk(existsSync(join(workdir, 'node_modules/oidc-provider')), 'nothing that is for trying out')
  makeReadOnly(directory)
  const { port, origin, env } = await deployment(t)
  const [uid, gid] = find(last, 'USER').at(-1)?.text.split(':').map(Number) ?? []
  const imageEnv = environment(last)
  t.match(imageEnv, { NODE_ENV: 'production', HOST: '0.0.0.0', PORT: '8080' })
  t.equal(find(last, 'EXPOSE')[0]?.text, imageEnv['PORT'])

  const options = {
    cwd: workdir,
    // Whoever is not root can't become somebody else, and whoever is is not bound by modes.
    ...process.getuid?.() === 0 && { uid, gid },
    // No place to write to; on loopback, where the image listens everywhere.
    env: { ...imageEnv, ...env, PATH: process.env['PATH'], PORT: String(port), HOST: '127.0.0.1', HOME: '/nonexistent', TMPDIR: '/nonexistent' }
  }
  // Without what tap puts in front of every process that is Node's: it would write.
  const alone = (command: string[]) => ['-u', 'NODE_OPTIONS', ...command]
  const command = execForm(find(last, 'CMD')[0]?.text ?? '') ?? []
  const run = (command: string[], extra: NodeJS.ProcessEnv = {}) => spawnSync('env', alone(command), { ...options, env: { ...options.env, ...extra }, encoding: 'utf8' })
  const check = () => run(execForm(find(last, 'HEALTHCHECK')[0]?.text.replace(/^CMD /, '') ?? '') ?? []).status
  const start = (extra: NodeJS.ProcessEnv = {}): ChildProcess => {
    const child = spawn('env', alone(command), { ...options, env: { ...options.env, ...extra }, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout?.on('data', () => {})
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  const status = async (path: string) => await fetch(origin + path).then(answer => answer.status, () => 0)

  await t.test('writes nothing, and could not', async t => {
    const tried = run(['node', '-e', 'fs.writeFileSync("written", "")'])
    t.not(tried.status, 0)
    t.match(tried.stderr, /EACCES|EROFS/)
  })

  await t.test('stops at once, with one sentence, on a database that is not migrated', async t => {
    const { status, stderr } = run(command)
    t.strictSame({ status, stderr }, { status: 1, stderr: 'storage: the database lacks tables of this version; run npx fastify-mcp-oauth migrate, or call migrateToLatest(db) before the start\n' })
  })

  await t.test('migrates in a step of its own, any number of times', async t => {
    const [first, second] = [run(['node', 'migrate.js']), run(['node', 'migrate.js'])]
    t.match(first.stdout, /^Migrated: .+\n$/)
    t.strictSame([first.status, second.status, second.stdout], [0, 0, 'There is nothing to migrate\n'])
  })

  await t.test('falls back to nothing local: without variables it does not start', async t => {
    for (const [missing, sentence] of [['OAUTH_SERVER_URL', /^OAUTH_SERVER_URL: is not set/], ['DATABASE_URL', /^DATABASE_URL: is not set/]] as const) {
      const { status, stderr } = run(command, { [missing]: '' })
      t.equal(status, 1)
      t.match(stderr, sentence)
    }
    const bare = run(command, Object.fromEntries(Object.keys(env).map(name => [name, ''])))
    t.equal(bare.status, 1)
    t.match(bare.stderr, /^OAUTH_SERVER_URL: is not set/)
  })

  await t.test('serves, is healthy while it runs, and ends by SIGTERM', async t => {
    t.equal(check(), 1, 'unhealthy before it is there')
    const child = start({ SHUTDOWN_DELAY: '10' })
    while (await status('/ready') !== 200) await sleep(100)
    t.equal(check(), 0, 'healthy')
    const token = await (await signIn(origin, '')).redeem()
    t.match(await callTool(t, origin, token, 'list_restaurants'), [{ name: 'Trattoria Lucia' }, {}, {}])
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    while (await status('/ready') !== 503) await sleep(50)
    t.equal(check(), 0, 'healthy while it closes')
    t.strictSame(await ended, [0, null])
    t.equal(check(), 1, 'unhealthy when it is gone')
  })

  await t.test('starts while the database is down: alive, healthy, not ready', async t => {
    const child = start({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
    while (await status('/health') !== 200) await sleep(100)
    t.equal(check(), 0)
    t.equal(await status('/ready'), 503)
    const answer = await fetch(`${origin}/oauth/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token' }) })
    t.strictSame([answer.status, answer.headers.has('retry-after')], [503, true])
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    t.strictSame(await ended, [0, null])
  })
})

t.test('COPY of what the context has not stops the build', async t => {
  for (const source of ['nothing', '.env.example', 'test']) {
    t.throws(() => buildImage(t, parseDockerfile(`FROM node:24-alpine\nWORKDIR /app\nCOPY ${source} ./`), root), /nothing of it in the context/, source)
  }
  const directory = t.testdir({ 'package-lock.json': JSON.stringify({ packages: { 'node_modules/fastify': { version: '0.0.1' } } }), '.dockerignore': '' })
  writeFileSync(join(directory, 'x'), '')
  t.throws(() => buildImage(t, parseDockerfile('FROM node:24-alpine\nCOPY package-lock.json ./\nRUN npm ci'), directory), /0\.0\.1 in the image/)
})
