import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { bin, openOffice, spawnCommand } from '../fixtures/command-line.ts'
import { connect } from '../fixtures/flow.ts'
import { freePort } from '../fixtures/free-port.js'
import { createDatabase } from '../fixtures/postgres.ts'
import { startServer } from '../fixtures/server-process.ts'
import { secret } from '../fixtures/world.ts'

t.setTimeout(120_000)

t.test('a person\'s story: whitelisted, signed in, suspended in another process, and out within five seconds', async t => {
  const env = { DATABASE_URL: await createDatabase(t), JWT_SECRET: secret }
  const type = async (...parameters: string[]) => await spawnCommand(parameters, { env })
  t.match(await type('migrate'), { code: 0, stdout: /^Migrated: /, stderr: '' })
  t.match(await type('users', 'add', 'you@example.com', '--name', 'You Yourself'), { code: 0, stdout: 'you@example.com may sign in.\n', stderr: '' })
  const port = await freePort()
  const site = await startServer(t, `http://127.0.0.1:${port}`, port, env.DATABASE_URL)
  const { tokens } = await connect(site)
  const call = async () => (await fetch(site.mcpUrl, { method: 'POST', headers: { authorization: `Bearer ${tokens.access_token}` } })).status
  t.equal(await call(), 200)
  t.match(JSON.parse((await type('grants', 'list', '--json')).stdout), [{ email: 'you@example.com' }])
  t.match(JSON.parse((await type('keys', 'list', '--json')).stdout), [{ state: 'signing' }])
  t.match(await type('users', 'suspend', 'you@example.com'), { code: 0, stdout: 'you@example.com is suspended.\n' })
  const since = Date.now()
  while (await call() !== 401 && Date.now() - since < 5000) await sleep(100)
  t.equal(await call(), 401)
  t.ok(Date.now() - since < 5000, `after ${Date.now() - since} ms`)
  t.match(await type('users', 'activate', 'you@example.com'), { code: 0 })
  t.equal(await call(), 200)
  t.match(JSON.parse((await type('grants', 'revoke', '--all', '--yes', '--json')).stdout), { revoked: 1 })
  t.equal(await call(), 401)
})

t.test('the codes that it exits with', async t => {
  const { env } = await openOffice(t)
  t.match(await spawnCommand(['users', 'list'], { env }), { code: 0, stdout: 'There is nobody.\n', stderr: '' })
  t.match(await spawnCommand(['users', 'remove', 'nobody', '--yes'], { env }), { code: 1, stdout: '', stderr: 'error: nobody is not on the whitelist\n' })
  t.match(await spawnCommand(['users', 'list', '--no-env-file']), { code: 2, stdout: '' })
  t.match(await spawnCommand(['purge'], { env }), { code: 2, stdout: '' })
  t.match(await spawnCommand(['users', 'list'], { env: { DATABASE_URL: 'postgres://localhost:1/none' } }), { code: 3, stdout: '' })
})

t.test('a list comes in by a pipe, and a reader that has enough ends it without a word', async t => {
  const { env } = await openOffice(t)
  const addresses = Array.from({ length: 600 }, (_, index) => `user-${index}@example.com`).join('\n')
  t.match(await spawnCommand(['users', 'import', '-', '--json'], { env, input: addresses }), { code: 0, stdout: /"added": 600/, stderr: '' })
  const pipe = `"${process.execPath}" "${bin}" users list --json | head -c 20; echo " \${PIPESTATUS[0]}"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', pipe], { env: { ...env, PATH: process.env['PATH'] } })
  t.match(stdout, /^\[\n {2}\{\n {4}"id": .* 0\n$/s)
  t.equal(stderr, '')
})
