import t from 'tap'
import type { Finding } from '../../lib/cli/doctor/finding.ts'
import { spawnCommand } from '../fixtures/command-line.ts'
import { freePort } from '../fixtures/free-port.js'
import { startOidcProvider } from '../fixtures/oidc-provider.ts'
import { createDatabase } from '../fixtures/postgres.ts'
import { startServer } from './processes.ts'

t.setTimeout(300_000)

async function examine (parameters: string[], env: Record<string, string>) {
  const { code, stdout, stderr } = await spawnCommand(['doctor', '--json', ...parameters], { env })
  const findings: Finding[] = JSON.parse(stdout)
  const checksThatAre = (status: Finding['status']) => findings.filter(finding => finding.status === status).map(({ check }) => check)
  return { code, stderr, findings, checksThatAre }
}

t.test('doctor is green on the example with a PostgreSQL and a real provider', async t => {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const provider = await startOidcProvider(t, { redirectUris: [`${origin}/oauth/callback`] })
  const env = {
    OAUTH_SERVER_URL: origin,
    JWT_SECRET: 'q8Zr2LxV7nWcT4yKs9BdG1mHf6JpE3uA',
    DATABASE_URL: await createDatabase(t),
    OAUTH_PROVIDER: 'oidc',
    OAUTH_ISSUER: provider.issuer,
    OAUTH_CLIENT_ID: provider.clientId,
    OAUTH_CLIENT_SECRET: provider.clientSecret,
    DEFAULT_ADMIN_EMAIL: 'boss@example.com'
  }
  await startServer(t, { cwd: t.testdir(), env: { ...env, PORT: String(port), LOG_LEVEL: 'silent' } })
  const { code, stderr, findings } = await examine([], env)
  t.strictSame(findings.filter(({ status }) => status !== 'ok'), [])
  t.equal(findings.length, 34)
  t.strictSame([code, stderr], [0, ''])
})

t.test('doctor is green on the example as npm run example starts it: what only that process knows is skipped', async t => {
  const port = await freePort()
  await startServer(t, { cwd: t.testdir(), env: { PORT: String(port), LOG_LEVEL: 'silent' } })
  const { code, stderr, findings, checksThatAre } = await examine(['--server', `http://localhost:${port}`], {})
  t.strictSame(findings.filter(({ status }) => status === 'problem' || status === 'warning'), [])
  t.strictSame(checksThatAre('ok'), [
    'proxies', 'server', 'server-clock', 'plain-http', 'metadata', 'published-keys', 'resource', 'challenge', 'authorization-header', 'token-in-query',
    'cors', 'cors-endpoints', 'cors-hidden', 'authorization-endpoint', 'token-endpoint', 'registration-endpoint'
  ])
  t.strictSame([code, stderr], [0, ''])
})
