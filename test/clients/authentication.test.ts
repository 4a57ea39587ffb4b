import t from 'tap'
import { noOrigin } from '../../lib/audit/event.ts'
import { activeClient } from '../../lib/clients/active-client.ts'
import { authenticateClient } from '../../lib/clients/authentication.ts'
import { hashSecret } from '../../lib/keys/secrets.ts'
import { parseParameters } from '../../lib/oauth/parameters.ts'
import { authorize, callMcp, connect, pkce, redeem, refresh, refusalOf, register, token } from '../fixtures/flow.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { startDatabase } from '../fixtures/database.ts'
import { storedGrant } from '../fixtures/stored-grant.ts'
import { startWorld } from '../fixtures/world.ts'

const world = await startWorld(t, { providers: [scriptedProvider()] })
const invalidClient = { status: 401, error: 'invalid_client' }
const invalidRequest = { status: 400, error: 'invalid_request' }

/** RFC 6749 §2.3.1: both halves form-encoded, the strict way that oauth4webapi has. */
function basic (id: string, secret: string, encode = (half: string) => half.replace(/[^A-Za-z0-9]/g, c => `%${c.charCodeAt(0).toString(16)}`)): string {
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
}

t.test('TK-07: who is not authenticated is invalid_client, with a challenge where Basic was used', async t => {
  const { client, tokens } = await connect(world, { metadata: { token_endpoint_auth_method: 'client_secret_basic' } })
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  const { client_id: id, client_secret: secret = '' } = client
  const wrong = await token(world, form, { authorization: basic(id, 'wrong') })
  t.equal(wrong.headers.get('www-authenticate'), 'Basic realm="oauth"')
  t.equal(wrong.headers.get('cache-control'), 'no-store')
  t.same(await refusalOf(wrong), invalidClient)
  t.same(await refusalOf(token(world, form, { authorization: basic('nobody', secret) })), invalidClient)
  t.same(await refusalOf(token(world, form, { authorization: basic(id, '') })), invalidClient)
  const inBody = await token(world, { ...form, client_id: id, client_secret: 'wrong' })
  t.equal(inBody.headers.get('www-authenticate'), null)
  t.same(await refusalOf(inBody), invalidClient)
  t.same(await refusalOf(token(world, { ...form, client_id: id })), invalidClient, 'a bare id')
})

t.test('TK-08: two methods at once are invalid_request', async t => {
  const { client, tokens } = await connect(world, { metadata: { token_endpoint_auth_method: 'client_secret_basic' } })
  const { client_id: id, client_secret: secret = '' } = client
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  const authorization = basic(id, secret)
  t.same(await refusalOf(token(world, { ...form, client_secret: secret }, { authorization })), invalidRequest)
  t.same(await refusalOf(token(world, { ...form, client_id: id, client_secret: secret }, { authorization })), invalidRequest)
  t.same(await refusalOf(token(world, { ...form, client_id: 'another' }, { authorization })), invalidRequest)
  t.equal((await token(world, { ...form, client_id: id }, { authorization })).status, 200, 'the same id beside Basic is harmless')
})

t.test('TK-08: Basic is form-decoded, and either way of sending a secret works', async t => {
  for (const method of ['client_secret_basic', 'client_secret_post', undefined]) {
    const { client, tokens } = await connect(world, { metadata: { token_endpoint_auth_method: method } })
    const { client_id: id, client_secret: secret = '' } = client
    const next = async (form: object, authorization?: string) => {
      const answer = await token(world, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, ...form }, authorization === undefined ? {} : { authorization })
      t.equal(answer.status, 200)
    }
    await next({}, basic(id, secret))
    await next({}, basic(id, secret, half => half))
    await next({}, basic(id, secret).replace('Basic', 'basic'))
    await next({ client_id: id, client_secret: secret })
  }
})

t.test('a public client proves nothing, and must not claim to', async t => {
  const { client, tokens } = await connect(world)
  const secret = (await register(world, { token_endpoint_auth_method: 'client_secret_post' })).client_secret ?? ''
  t.same(await refusalOf(refresh(world, client, tokens.refresh_token, { client_secret: secret })), invalidClient)
  t.equal((await refresh(world, client, tokens.refresh_token, { client_secret: '' })).status, 200, 'an empty secret is none')
})

t.test('a client that the guide’s server left behind authenticates with its clear-text secret, which does not stay so', async t => {
  const { storage, run } = await startDatabase(t)
  const seeded = await startWorld(t, { providers: [scriptedProvider()], storage })
  await run(`INSERT INTO oauth_clients (client_id, client_secret, client_name, redirect_uris)
    VALUES ('seed', 'clear-text', 'Seed', '["http://127.0.0.1:4321/callback"]')`)
  const seed = { client_id: 'seed', client_secret: 'clear-text', redirect_uris: [] }
  const challenge = pkce()
  const code = (await authorize(seeded, seed, challenge)).searchParams.get('code') ?? ''
  t.same(await refusalOf(redeem(seeded, { ...seed, client_secret: 'wrong' }, code, challenge)), invalidClient)
  const tokens = await (await redeem(seeded, seed, code, challenge)).json() as { access_token: string, refresh_token: string }
  t.equal((await callMcp(seeded, tokens.access_token)).status, 200)
  t.equal((await refresh(seeded, seed, tokens.refresh_token)).status, 200)
  const [row] = await run("SELECT client_secret FROM oauth_clients WHERE client_id = 'seed'")
  const stored = String(row?.['client_secret'])
  t.match(stored, /^sha256:[\w-]{43}$/)
  for (const secret of [stored, stored.slice('sha256:'.length)]) {
    t.same(await refusalOf(refresh(seeded, { ...seed, client_secret: secret }, tokens.refresh_token)), invalidClient, 'T18')
  }
})

t.test('TK-07: who is refused is told the same, the log why; a deactivated client proves nothing', async t => {
  const { server, storage, client } = await storedGrant(t)
  await storage.createClient({ ...client, id: 'confidential', secretHash: hashSecret('s3cret') })
  const counted: string[] = []
  const guesses = { check: async () => {}, count: async (clientId: string) => { counted.push(clientId) } }
  const authenticate = (form: string, authorization?: string) => authenticateClient(server, authorization, parseParameters(form), guesses, noOrigin)
  const refused = (cause: string) => ({ name: 'OAuthError', code: 'invalid_client', statusCode: 401, message: 'The client is unknown, or its authentication failed', cause })
  await t.rejects(authenticate('client_id=nobody'), refused('the client is unknown'))
  for (const form of ['client_id=confidential', 'client_id=confidential&client_secret=wrong', 'client_id=client&client_secret=s3cret']) {
    await t.rejects(authenticate(form), refused('the client secret is missing or wrong'), form)
  }
  await t.rejects(authenticate('client_id=another', basic('confidential', 's3cret')), { code: 'invalid_request', message: 'The client must authenticate in one way only' })
  t.match(await authenticate('client_id=confidential&client_secret=s3cret'), { id: 'confidential' })
  t.match(await authenticate('client_id=client'), { id: 'client' })
  t.strictSame(counted, ['confidential', 'confidential'], 'W12: a guess is one at a client that has a secret')
  for (const id of ['client', 'confidential']) await storage.setClientActive(id, false)
  await t.rejects(authenticate('client_id=client'), refused('the client is deactivated'))
  await t.rejects(authenticate('', basic('confidential', 's3cret')), refused('the client is deactivated'))
})

t.test('OAuth 2.1 §4.1.2.1: for a client that is unknown or deactivated nobody is sent anywhere', async t => {
  const { server, storage, client } = await storedGrant(t)
  const refused = (cause: string) => ({ code: 'invalid_client', statusCode: 400, message: 'The application is not registered here, or not any more', cause })
  await t.rejects(activeClient(server, 'nobody'), refused('the client is unknown'))
  t.match(await activeClient(server, client.id), { id: client.id })
  await storage.setClientActive(client.id, false)
  await t.rejects(activeClient(server, client.id), refused('the client is deactivated'))
})
