import { readdir } from 'node:fs/promises'
import t from 'tap'
import { freePort } from '../fixtures/free-port.js'
import { run } from './processes.ts'

t.setTimeout(300_000)

const google = { OAUTH_PROVIDER: 'google', OAUTH_CLIENT_ID: 'id', OAUTH_CLIENT_SECRET: 'secret' }
const server = { OAUTH_SERVER_URL: 'https://api.example.com', JWT_SECRET: 'q8Zr2LxV7nWcT4yKs9BdG1mHf6JpE3uA' }
const unreachable = 'postgres://nobody@127.0.0.1:1/none'

const mistakes: Record<string, { env: NodeJS.ProcessEnv, says: RegExp }> = {
  'W11: a misspelt provider': { env: { OAUTH_PROVIDER: 'gogle' }, says: /^OAUTH_/ },
  'W11: a misspelt provider with all it needs': { env: { ...server, ...google, OAUTH_PROVIDER: 'gogle' }, says: /^OAUTH_PROVIDER: is "gogle"/ },
  'W11: a client id alone': { env: { OAUTH_CLIENT_ID: 'id' }, says: /^OAUTH_/ },
  'W11: tenants alone': { env: { OAUTH_TENANTS: 'contoso.com' }, says: /^OAUTH_/ },
  'W11: a variable with a typing error': { env: { OAUTH_PROVIDR: 'google' }, says: /^OAUTH_/ },
  'W11: no provider on a public server': { env: server, says: /^OAUTH_PROVIDER: is not set/ },
  'a provider without its secret': { env: { ...server, ...google, OAUTH_CLIENT_SECRET: '' }, says: /^OAUTH_CLIENT_SECRET: is not set/ },
  'a real provider without a secret for tokens': { env: { ...google, OAUTH_SERVER_URL: 'https://api.example.com' }, says: /^JWT_SECRET: is not set/ },
  'proxies by number': { env: { TRUST_PROXY: '1' }, says: /^TRUST_PROXY: / },
  'a port that is none': { env: { PORT: 'http' }, says: /^PORT: / },
  'a database that is not there': { env: { ...server, ...google, DATABASE_URL: unreachable }, says: /^DATABASE_URL: there is no usable PostgreSQL/ }
}

for (const [title, { env, says }] of Object.entries(mistakes)) {
  t.test(`${title} stops the start with one sentence`, async (t) => {
    const cwd = t.testdir()
    const { code, stdout, stderr } = await run(t, 'server.ts', { cwd, env: { PORT: String(await freePort()), ...env } }).ended
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, says)
    t.equal(stderr.trimEnd().split('\n').length, 1, 'one line, no stack')
    t.strictSame(await readdir(cwd), [], 'nothing was written')
  })
}
