import t from 'tap'
import { configurationChecks } from '../../../lib/cli/doctor/configuration.ts'
import { examine } from '../../../lib/cli/doctor/examine.ts'
import { secret } from '../../fixtures/world.ts'

const other = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
const good = { OAUTH_SERVER_URL: 'https://api.example.com', JWT_SECRET: secret, TRUST_PROXY: '10.0.0.0/8' }

async function look (env: Record<string, string>) {
  const findings = await examine([configurationChecks(env)])
  return Object.fromEntries(findings.map(({ check, ...verdict }) => [check, verdict]))
}

t.test('doctor: good settings are green', async t => {
  t.strictSame(await look(good), {
    issuer: { status: 'ok', message: 'https://api.example.com, by https' },
    secret: { status: 'ok', message: 'JWT_SECRET is long and varied' },
    proxies: { status: 'ok', message: 'the addresses that 10.0.0.0/8 hand on are believed' }
  })
  t.match(await look({ ...good, OAUTH_SERVER_URL: 'http://localhost:8080', TRUST_PROXY: '' }), {
    issuer: { status: 'ok', message: 'http://localhost:8080, for this machine only' }, proxies: { status: 'ok', message: 'there is no proxy to trust' }
  })
  t.match(await look({ ...good, JWT_SECRET_PREVIOUS: other }), { secret: { status: 'ok', message: /; 1 of JWT_SECRET_PREVIOUS still verify/ } })
})

const wrong: Record<string, [env: Record<string, string>, check: string, says: RegExp]> = {
  'a slash at the end of the issuer': [{ OAUTH_SERVER_URL: 'https://api.example.com/' }, 'issuer', /must not end with a slash/],
  'http to the world': [{ OAUTH_SERVER_URL: 'http://api.example.com' }, 'issuer', /must start with https/],
  'what is no URL': [{ OAUTH_SERVER_URL: 'api.example.com' }, 'issuer', /must be a URL/],
  'a short secret': [{ JWT_SECRET: 'k3Vx9QmZ7tLr' }, 'secret', /must have at least 32/],
  'a placeholder': [{ JWT_SECRET: 'change-me-to-32-random-characters!!' }, 'secret', /placeholder/],
  'a secret of little variety': [{ JWT_SECRET: 'abababababababababababababababab' }, 'secret', /too easy to guess/],
  'the same secret twice': [{ JWT_SECRET_PREVIOUS: secret }, 'secret', /twice/],
  'a lifetime that is none': [{ ACCESS_TOKEN_LIFETIME: 'week' }, 'secret', /ACCESS_TOKEN_LIFETIME/],
  'proxies by number': [{ TRUST_PROXY: '1' }, 'proxies', /TRUST_PROXY/],
  'a port that is none': [{ PORT: 'http' }, 'proxies', /PORT/]
}

for (const [what, [env, check, says]] of Object.entries(wrong)) {
  t.test(`doctor: ${what} is a problem, with what to do`, async t => {
    t.match((await look({ ...good, ...env }))[check], { status: 'problem', message: says, advice: /^Correct that; / })
  })
}

t.test('doctor: by https without TRUST_PROXY is a warning', async t => {
  t.match((await look({ ...good, TRUST_PROXY: '' }))['proxies'], { status: 'warning', message: /all people are one address/, advice: /^Set TRUST_PROXY to .* Without a proxy, leave it\.$/ })
})

t.test('doctor: what is not in the environment is not judged', async t => {
  t.match(await look({}), { issuer: { status: 'skipped' }, secret: { status: 'skipped', message: /^JWT_SECRET is not set; / }, proxies: { status: 'ok' } })
})
