import t from 'tap'
import type { Test } from 'tap'
import { readForm } from '../fixtures/browser-jar.ts'
import { startDatabase } from '../fixtures/database.ts'
import { document } from '../fixtures/documentation.ts'
import { allow, authorizeUrl, callMcp, pkce, redeem, refresh, register, revoke, type Tokens } from '../fixtures/flow.ts'
import { captureLog } from '../fixtures/log.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { startWorld } from '../fixtures/world.ts'

t.setTimeout(120_000)

async function start (t: Test, level: string) {
  const log = captureLog(level)
  const { storage, run } = await startDatabase(t)
  const provider = scriptedProvider()
  const world = await startWorld(t, { storage, providers: [provider], fastify: { logger: log.logger }, revalidateAfter: 60 })
  return { log, provider, run, world }
}

async function connect ({ world }: Pick<Awaited<ReturnType<typeof start>>, 'log' | 'world'>) {
  const client = await register(world)
  const challenge = pkce()
  const consent = await world.browser.visit(authorizeUrl(world, client, challenge))
  const code = (await allow(world, consent)).url.searchParams.get('code') ?? ''
  return { client, consent, tokens: await (await redeem(world, client, code, challenge)).json() as Tokens }
}

t.test('at debug, every step of a flow stands in the log under the id of its grant, in order', async t => {
  const started = await start(t, 'debug')
  const { log, run, world } = started
  const { client, tokens } = await connect(started)
  await callMcp(world, tokens.access_token)
  await callMcp(world, tokens.access_token)
  const renewed = await (await refresh(world, client, tokens.refresh_token)).json() as Tokens
  await revoke(world, { client_id: client.client_id, token: renewed.refresh_token })
  await callMcp(world, renewed.access_token)
  const [grant] = await run('SELECT grant_id FROM oauth_grants')
  const steps = log.lines.filter(({ flowId, level, msg }) => flowId === grant?.['grant_id'] && Number(level) <= 30 && msg !== 'request completed').map(({ msg }) => msg)
  t.strictSame(steps, [
    'consent is asked for',
    'consent was given',
    'the browser is sent to the provider',
    'the browser is back from the provider',
    'the provider told who signed in',
    'a code was issued',
    'tokens were issued',
    'the access token is valid',
    'the access token is valid',
    'tokens were issued',
    'token revoked',
    'access refused'
  ])
  const [shown] = document('docs/troubleshooting.md').blocks
  t.strictSame(shown?.code.trim().split('\n').map(line => JSON.parse(line).msg), steps.slice(0, 8), 'as the page shows it')
  t.equal(log.lines.filter(({ flowId, msg }) => flowId === grant?.['grant_id'] && msg === 'request completed').length, 7, 'and how each request of it ended')
  const [valid] = log.of('the access token is valid')
  t.match(valid, { level: 20, reqId: String, clientId: client.client_id, userId: String, tokenId: String, scopes: Array, resource: world.mcpUrl, expiresAt: /^\d{4}-/ })
})

t.test('the audit trail tells of a flow under the same id, what came before there was a grant too', async t => {
  const started = await start(t, 'debug')
  await connect(started)
  const { events } = await started.world.app.mcpOAuth.audit.query()
  const [grant] = await started.run('SELECT grant_id FROM oauth_grants')
  t.strictSame(events.filter(({ grantId }) => grantId === grant?.['grant_id']).map(({ type }) => type), ['token.issued', 'code.issued', 'sign-in.allowed', 'consent.allowed'])
})

t.test('a refused code, and another try with another account, can be followed', async t => {
  const started = await start(t, 'debug')
  const { log, provider, world } = started
  const client = await register(world)
  const challenge = pkce()
  const ask = async () => await world.browser.visit(authorizeUrl(world, client, challenge))
  const code = (await allow(world, await ask())).url.searchParams.get('code') ?? ''
  await redeem(world, client, code, pkce())
  t.match(log.of('request refused').at(-1), { flowId: log.of('a code was issued')[0]?.['flowId'], err: { code: 'invalid_grant' } })
  const { events: [refused] } = await world.app.mcpOAuth.audit.query({ type: 'token.refused' })
  t.equal(refused?.grantId, log.of('a code was issued')[0]?.['flowId'])
  provider.signInAs('eve@example.com')
  const refusal = await allow(world, await ask())
  t.equal(refusal.status, 403)
  const again = log.of('consent is asked for once more')[0]
  t.equal(again?.['flowId'], log.of('consent is asked for').at(-1)?.['flowId'])
  t.match(log.of('sign-in refused').at(-1), { flowId: again?.['flowId'] })
  await world.browser.submit(refusal, { decision: 'allow' }, { until: world.mcpUrl })
  t.equal(log.of('consent was given').at(-1)?.['flowId'], again?.['nextFlowId'])
  await world.browser.submit(await ask(), { decision: 'deny' })
  t.equal(log.of('consent was denied')[0]?.['flowId'], log.of('consent is asked for').at(-1)?.['flowId'])
})

t.test('at debug there are the headers, those that may hold a secret without their values', async t => {
  const started = await start(t, 'debug')
  const { log, world } = started
  const { consent, tokens } = await connect(started)
  await callMcp(world, tokens.access_token, { headers: { 'x-api-key': 'abc' } })
  const headers = log.of('headers of a request').map(({ headers }) => headers)
  t.match(headers.at(-1), { host: /^127\.0\.0\.1:/, 'content-type': 'application/json', authorization: '[redacted]', 'x-api-key': '[redacted]' })
  t.ok(headers.some(shown => Object(shown).cookie === '[redacted]'), 'on the pages too')
  t.notMatch(log.text(), readForm(consent).fields['csrf'] ?? '')
})

t.test('at debug there are the statements to the database, without their parameters', async t => {
  const started = await start(t, 'debug')
  const { client } = await connect(started)
  const statements = started.log.of('a statement to the database').map(({ sql }) => String(sql))
  t.ok(statements.some(sql => /select .* from "oauth_clients" .*\$1/s.test(sql)))
  t.ok(statements.some(sql => /insert into "oauth_grants"/.test(sql)), 'those in transactions too')
  for (const parameter of ['you@example.com', client.client_id, 'http://127.0.0.1:4321']) t.notOk(statements.some(sql => sql.includes(parameter)), parameter)
})

t.test('the reasons for a 401 that troubleshooting.md explains are those of the log', async t => {
  const { log, world } = await start(t, 'info')
  const reasons = document('docs/troubleshooting.md').text
  const { tokens } = await connect({ log, world })
  const reasonOf = async (accessToken: string, change = async () => {}): Promise<string> => {
    await change()
    await callMcp(world, accessToken)
    const { message, cause } = Object(log.of('access refused').at(-1)?.['err'])
    return String(cause ?? message.split(': ').slice(1).join(': '))
  }
  const { users } = world.app.mcpOAuth
  const [user] = await users.list()
  const seen = [
    await reasonOf(tokens.access_token.replace(/.{20}$/, 'AAAAAAAAAAAAAAAAAAAA')),
    await reasonOf('nonsense'),
    await reasonOf(tokens.access_token, async () => { await users.update(user?.id ?? '', { status: 'suspended' }) }),
    await reasonOf(tokens.access_token, async () => { await users.remove(user?.id ?? '') })
  ]
  t.strictSame(seen, ['signature verification failed', 'The token is not a JWT in its canonical spelling', 'the user is suspended', 'the grant is revoked'])
  for (const reason of seen) t.match(reasons, reason.slice(0, 22))
})

t.test('at info there is none of it', async t => {
  const started = await start(t, 'info')
  const { tokens } = await connect(started)
  await callMcp(started.world, tokens.access_token)
  for (const message of ['headers of a request', 'a statement to the database', 'the access token is valid', 'consent is asked for']) {
    t.strictSame(started.log.of(message), [], message)
  }
  t.ok(started.log.of('request completed').some(({ flowId }) => flowId !== undefined), 'but the flow of a request can be seen')
})
