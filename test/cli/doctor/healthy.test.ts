import t from 'tap'
import { openClinic } from '../../fixtures/clinic.ts'
import { command } from '../../fixtures/command-line.ts'
import { secret } from '../../fixtures/world.ts'

t.setTimeout(180_000)

const tables = ['user_profiles', 'oauth_clients', 'oauth_tokens', 'oauth_grants', 'oauth_authorization_codes', 'oauth_transactions', 'oauth_sessions', 'oauth_signing_keys', 'oauth_first_admins', 'oauth_migrations']

t.test('doctor: a server that is set up well is green', async t => {
  const { world, env, run, doctor, findings } = await openClinic(t)
  const rows = async () => JSON.stringify(await Promise.all(tables.map(async table => await run(`SELECT * FROM ${table} ORDER BY 1`))))
  const before = await rows()
  const { code, stdout, stderr } = await doctor()
  t.strictSame([code, stderr], [0, ''])
  t.match(stdout, /^STATUS {2}CHECK +FINDING\nok {6}issuer +http:\/\/127\.0\.0\.1:\d+, for this machine only\n/)
  t.match(stdout, /\n\n34 ok, 0 warning, 0 problem, 0 skipped\n$/)
  t.notMatch(stdout, 'What to do')

  const found = await findings()
  t.strictSame(found.filter(({ status }) => status !== 'ok'), [])
  t.strictSame(found.map(({ check }) => check), [
    'issuer', 'secret', 'proxies', 'database', 'database-version', 'database-encoding', 'database-clock', 'migrations', 'tables', 'indexes', 'routines', 'privileges', 'signing-keys', 'whitelist',
    'provider', 'provider-clock', 'credentials', 'redirect-uri', 'tenant', 'server', 'server-clock', 'plain-http', 'metadata', 'published-keys', 'resource', 'challenge',
    'authorization-header', 'token-in-query', 'cors', 'cors-endpoints', 'cors-hidden', 'authorization-endpoint', 'token-endpoint', 'registration-endpoint'
  ])
  t.strictSame(new Set(found.flatMap(finding => Object.keys(finding))), new Set(['check', 'status', 'message']))
  const given = await findings(`--server ${world.origin} --resource ${world.mcpUrl} --origin http://localhost:3000`)
  t.strictSame(given.filter(({ status }) => status !== 'ok'), [])
  t.match(given.find(({ check }) => check === 'cors'), { message: /^pages of http:\/\/localhost:3000 may call / })
  t.equal(await rows(), before, 'nothing was changed, registered or signed in')

  const broken = { OAUTH_SERVER_URL: 'http://127.0.0.1:1', DATABASE_URL: `${env['DATABASE_URL']}-none`, JWT_SECRET: 'password-password-password-password' }
  for (const output of [stdout, JSON.stringify(await doctor('', broken))]) {
    for (const hidden of [secret, world.upstream.clientSecret, 'password-password']) t.notMatch(output, hidden)
  }
})

t.test('doctor: a server below a path, with endpoints at a path of their own', async t => {
  const { findings } = await openClinic(t, { path: '/api', basePath: '/login' })
  t.strictSame((await findings()).filter(({ status }) => status !== 'ok'), [])
})

t.test('doctor: several problems are told one by one, with what to do about each, and exit with 1', async t => {
  const { code, stdout, stderr } = await command(['doctor'], { env: { OAUTH_SERVER_URL: 'http://127.0.0.1:1', JWT_SECRET: 'short', TRUST_PROXY: '1' } })
  t.strictSame([code, stderr], [1, 'error: there are 3 problems\n'])
  t.match(stdout, /^problem {2}secret +secret \(JWT_SECRET\): must have at least 32 random characters; make one with: openssl rand -base64 32\n/m)
  t.match(stdout, /^problem {2}server +GET http:\/\/127\.0\.0\.1:1\/\.well-known\/oauth-authorization-server failed: ECONNREFUSED\n/m)
  t.match(stdout, /^skipped {2}database +DATABASE_URL is not set; /m)
  t.match(stdout, /\nWhat to do:\n- secret: Correct that; docs\/configuration\.md .*\n- proxies: .*\n- server: Nothing listens there: start it, or correct host and port\.\n\n1 ok, 0 warning, 3 problem, 30 skipped\n$/)
  t.match(await command(['doctor'], { env: { OAUTH_SERVER_URL: 'http://127.0.0.1:1' } }), { code: 1, stderr: 'error: there is a problem\n' })
})

t.test('doctor: with nothing set, it asks for the server; with --server, it looks at that from outside', async t => {
  t.match(await command(['doctor']), { code: 2, stdout: '', stderr: /^error: OAUTH_SERVER_URL is not set here; .* --server\n$/ })
  for (const [line, says] of [['--server ftp://x', /URL such as/], ['--server x', /URL such as/], ['--origin https://x/', /origin such as/], ['--resource mcp', /URL such as/]] as const) {
    t.match(await command(['doctor', ...line.split(' ')]), { code: 2, stderr: says }, line)
  }
})
