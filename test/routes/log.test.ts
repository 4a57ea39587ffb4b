import t from 'tap'
import type { Test } from 'tap'
import { readForm } from '../fixtures/browser-jar.ts'
import { allow, authorizeUrl, callMcp, pkce, redeem, refresh, register, token, type Tokens } from '../fixtures/flow.ts'
import { captureLog, type CapturedLog } from '../fixtures/log.ts'
import { startOidcDouble } from '../fixtures/providers/oidc.ts'
import { startWorld, type World } from '../fixtures/world.ts'
import { oidc } from '../../lib/index.ts'

/** Every value that nobody may read in a log, gathered on the way. */
class Secrets {
  readonly #values = new Map<string, string>()

  add (what: string, value: string | null | undefined): string {
    if (value === undefined || value === null || value.length < 8) throw new Error(`there is no ${what} to look for`)
    this.#values.set(value, what)
    return value
  }

  /** Which of them stand in the log. */
  foundIn (log: CapturedLog): string[] {
    const text = log.text()
    return [...this.#values].filter(([value]) => [value, encodeURIComponent(value)].some(form => text.includes(form))).map(([, what]) => what)
  }

  get size (): number {
    return this.#values.size
  }
}

async function start (t: Test) {
  const double = await startOidcDouble(t)
  const { origin, clientId, clientSecret = '' } = double
  const log = captureLog()
  const world = await startWorld(t, {
    providers: [oidc({ id: 'double', issuer: origin, clientId, clientSecret })], fastify: { logger: log.logger }, revalidateAfter: 0
  })
  const secrets = new Secrets()
  secrets.add('the provider’s client secret', clientSecret)
  secrets.add('the person’s address', 'you@example.com')
  return { double, log, world, secrets }
}

/** Goes the whole way, and writes down each secret on it. */
async function walk (world: World, secrets: Secrets) {
  const client = await register(world, { token_endpoint_auth_method: 'client_secret_post' })
  secrets.add('the client’s secret', client.client_secret)
  const challenge = pkce()
  secrets.add('the client’s verifier', challenge.codeVerifier)
  const state = secrets.add('the client’s state', `state-${challenge.codeChallenge}`)
  const consent = await world.browser.visit(authorizeUrl(world, client, challenge, { state }))
  const { fields } = readForm(consent)
  secrets.add('the sealed request', fields['request'])
  secrets.add('the CSRF value', fields['csrf'])
  const back = await world.browser.submit(consent, { decision: 'allow' }, { until: `${world.issuer}/oauth/callback` })
  secrets.add('the upstream code', back.url.searchParams.get('code'))
  secrets.add('the upstream state', back.url.searchParams.get('state'))
  for (const [name, value] of Object.entries(world.browser.cookies(world.issuer))) secrets.add(`the cookie ${name}`, value)
  const end = await world.browser.visit(back.url, { until: 'http://127.0.0.1:4321/' })
  const code = secrets.add('the code', end.url.searchParams.get('code'))
  const tokens = await (await redeem(world, client, code, challenge)).json() as Tokens
  secrets.add('the access token', tokens.access_token)
  secrets.add('its signature', tokens.access_token.split('.')[2])
  secrets.add('the refresh token', tokens.refresh_token)
  return { client, challenge, code, tokens, back: back.url }
}

t.test('no token, code, secret, cookie, verifier or state stands in the log of a whole way', async t => {
  const { double, log, world, secrets } = await start(t)
  const { client, tokens } = await walk(world, secrets)
  for (const { form } of double.seen.filter(({ path }) => path === '/token')) secrets.add('the upstream verifier', form.get('code_verifier'))
  for (const { query } of double.seen.filter(({ path }) => path === '/authorize')) secrets.add('the upstream nonce', query.get('nonce'))
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  const refreshed = await (await refresh(world, client, tokens.refresh_token)).json() as Tokens
  secrets.add('the next refresh token', refreshed.refresh_token)
  t.equal(secrets.size, 18)
  t.ok(log.lines.length > 15, 'the log is there')
  t.same(secrets.foundIn(log), [])
})

t.test('nor in that of everything that goes wrong', async t => {
  const { double, log, world, secrets } = await start(t)
  const { client, challenge, code, tokens, back } = await walk(world, secrets)
  const { client_id: id, client_secret: secret = '' } = client
  const bad = secrets.add('a wrong secret', 'wrong-secret-of-somebody')
  await redeem(world, client, code, challenge)
  await refresh(world, client, tokens.refresh_token)
  await refresh(world, { ...client, client_secret: bad }, tokens.refresh_token)
  await token(world, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }, { authorization: `Basic ${Buffer.from(`${id}:${bad}`).toString('base64')}` })
  await token(world, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_secret: secret }, { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` })
  await fetch(`${world.issuer}/oauth/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ code, client_secret: secret }) })
  await callMcp(world, tokens.access_token)
  await callMcp(world, `${tokens.access_token}x`)
  await callMcp(world, tokens.refresh_token)
  await world.browser.visit(back)
  await world.browser.visit(authorizeUrl(world, client, challenge, { scope: 'nonsense', state: secrets.add('a state', 'state-of-a-bad-request') }))
  double.instead.set('/token', (_, response) => response.end(JSON.stringify({ access_token: secrets.add('the upstream token', 'upstream-token-123'), id_token: 'not-a-jwt-but-secret' })))
  secrets.add('the upstream id_token', 'not-a-jwt-but-secret')
  await allow(world, await world.browser.visit(authorizeUrl(world, client, challenge)))
  t.ok(log.of('request refused').length >= 4 && log.of('access refused').length >= 3 && log.of('sign-in refused').length >= 3, 'all of it is logged')
  t.equal(log.of('a provider failed').length, 1)
  t.same(secrets.foundIn(log), [])
})

t.test('every refusal says why, in the log and only there', async t => {
  const { log, world, secrets } = await start(t)
  const { client, challenge, code } = await walk(world, secrets)
  const answer = await redeem(world, client, code, { ...challenge, codeVerifier: pkce().codeVerifier })
  t.notMatch(await answer.text(), 'code_verifier is wrong')
  t.match(log.of('request refused').at(-1), { level: 30, err: { code: 'invalid_grant', cause: 'the code_verifier is wrong' } })
  await refresh(world, client, 'nonsense')
  t.match(log.of('request refused').at(-1), { err: { message: /: The token is not a JWT/ } })
  await callMcp(world, 'nonsense')
  t.match(log.of('access refused').at(-1), { level: 30, err: { message: /: The token is not a JWT/ } })
})
