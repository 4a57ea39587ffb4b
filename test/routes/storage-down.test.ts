import t from 'tap'
import type { Test } from 'tap'
import { KyselyStorage } from '../../lib/storage/kysely/index.ts'
import { readForm } from '../fixtures/browser-jar.ts'
import { startDatabase } from '../fixtures/database.ts'
import { authorize, authorizeUrl, callMcp, connect as connectClient, pkce, redeem, refresh, type Connection } from '../fixtures/flow.ts'
import { captureLog } from '../fixtures/log.ts'
import { createDatabase } from '../fixtures/postgres.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { connect } from '../fixtures/storage.ts'
import { tcpProxy } from '../fixtures/tcp-proxy.ts'
import { startWorld, type World } from '../fixtures/world.ts'

/** A database behind a line that can be cut, and a storage at the end of it. */
async function startLine (t: Test) {
  const database = await startDatabase(t)
  const url = new URL(database.url)
  const line = await tcpProxy(t, Number(url.port))
  url.port = String(line.port)
  return { database, line, storage: new KyselyStorage(connect(t, url.href)) }
}

const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Each endpoint that needs the storage, and a protected route, as a program asks. */
async function askAll (world: World, { client, tokens }: Connection, forms: { consent: Record<string, string>, callback: URL }) {
  const { issuer, browser } = world
  const accept = { accept: 'application/json' }
  const post = (path: string, body: string, headers: Record<string, string>) => browser.fetch(issuer + path, { method: 'POST', body, headers: { ...accept, ...headers } })
  return {
    'the protected route': await callMcp(world, tokens.access_token),
    'the protected route, by another method': await callMcp(world, tokens.access_token, { method: 'PUT' }),
    register: await post('/oauth/register', '{}', { 'content-type': 'application/json' }),
    authorize: await browser.fetch(authorizeUrl(world, client, pkce()), { headers: accept }),
    consent: await post('/oauth/consent', String(new URLSearchParams({ ...forms.consent, decision: 'allow' })), form),
    'the page after it': await browser.fetch(`${issuer}/oauth/consent?state=${forms.callback.searchParams.get('state')}`, { headers: accept }),
    callback: await browser.fetch(forms.callback, { headers: accept }),
    'token, by code': await redeem(world, client, 'x', pkce()),
    'token, by refresh token': await refresh(world, client, tokens.refresh_token)
  }
}

async function areUnavailable (t: Test, answers: Record<string, Response>): Promise<void> {
  for (const [what, answer] of Object.entries(answers)) {
    t.equal(answer.status, 503, what)
    t.match(answer.headers.get('retry-after'), /^[1-9]\d*$/)
    t.equal(answer.headers.get('www-authenticate'), null, 'no client is told to sign in again')
    t.match(await answer.json(), { error: 'temporarily_unavailable' })
  }
}

t.test('TK-07, RS-06: while the database is down everything is 503, and afterwards as it was', async t => {
  const { line, storage } = await startLine(t)
  const world = await startWorld(t, { storage, providers: [scriptedProvider()], revalidateAfter: 0, after: app => { app.all('/mcp', async request => request.mcpOAuth) } })
  const connection = await connectClient(world)
  const { client, tokens } = connection
  const consent = await world.browser.visit(authorizeUrl(world, client, pkce()))
  const begun = await world.browser.submit(await world.browser.visit(authorizeUrl(world, client, pkce())), { decision: 'allow' }, { until: `${world.issuer}/oauth/callback` })
  const challenge = pkce()
  const code = (await authorize(world, client, challenge)).searchParams.get('code') ?? ''

  await line.cut()
  const answers = await askAll(world, connection, { consent: readForm(consent).fields, callback: begun.url })
  await areUnavailable(t, answers)
  const page = await world.browser.visit(authorizeUrl(world, client, pkce()))
  t.equal(page.status, 503)
  t.match(page.body, /Please try again in a moment/, 'a person gets a page')
  t.equal((await fetch(`${world.issuer}/.well-known/oauth-authorization-server`)).status, 200, 'what needs no database goes on')

  await line.mend()
  t.equal((await callMcp(world, tokens.access_token)).status, 200)
  t.equal((await redeem(world, client, code, challenge)).status, 200, 'nothing was used up')
  t.equal((await refresh(world, client, tokens.refresh_token)).status, 200)
  t.ok((await world.browser.visit(begun.url, { until: 'http://127.0.0.1:4321/' })).url.searchParams.has('code'), 'a sign-in that was under way can be completed')
})

t.test('I9: a server that starts while the database is down answers 503, recovers, and puts the first administrator in then', async t => {
  const { database, line, storage } = await startLine(t)
  await line.cut()
  const log = captureLog('error')
  const world = await startWorld(t, { storage, providers: [scriptedProvider()], fastify: { logger: log.logger } })
  t.match(log.lines, [{ msg: /storage is unavailable/ }], 'the start says so')
  const nobody = { client: { client_id: 'x', redirect_uris: [] }, tokens: { access_token: 'x', refresh_token: 'x', expires_in: 1, scope: '', token_type: '' } }
  const callback = new URL(`${world.issuer}/oauth/callback?state=x&code=x`)
  const { 'the protected route': mcp, ...others } = await askAll(world, nobody, { consent: {}, callback })
  t.equal(mcp.status, 503)
  await areUnavailable(t, others)
  t.same(await database.run('SELECT FROM user_profiles'), [])

  await line.mend()
  const { tokens } = await connectClient(world)
  t.equal((await callMcp(world, tokens.access_token)).status, 200, 'without a restart')
  t.match(await database.run('SELECT email, role FROM user_profiles'), [{ email: 'you@example.com', role: 'admin' }])
})

t.test('a database that was not migrated stops the start, and says what to do', async t => {
  const storage = new KyselyStorage(connect(t, await createDatabase(t)))
  await t.rejects(startWorld(t, { storage, providers: [scriptedProvider()] }), { name: 'InvalidOptionError', message: /migrate/ })
})
