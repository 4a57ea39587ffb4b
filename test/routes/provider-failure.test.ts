import t from 'tap'
import type { Test } from 'tap'
import { oidc, ProviderError, StorageUnavailableError, type ProviderErrorReason } from '../../lib/index.ts'
import { linksOf, type Page } from '../fixtures/browser-jar.ts'
import { allow, authorizeUrl, pkce, refusalOf, register, type Registered } from '../fixtures/flow.ts'
import { freePort } from '../fixtures/free-port.js'
import { captureLog } from '../fixtures/log.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'
import { startOidcDouble } from '../fixtures/providers/oidc.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'
import { startWorld, type World } from '../fixtures/world.ts'

const reasons: ProviderErrorReason[] = ['unavailable', 'refused', 'untrusted']
const upstreamWords = /upstream|10\.1\.2\.3|AADSTS|stack|ProviderError| {4}at /

async function start (t: Test) {
  const log = captureLog()
  const played = await startPlayedWorld(t, { fastify: { logger: log.logger } })
  return { ...played, log, client: await register(played.world) }
}

async function signIn (world: World, client: Registered): Promise<Page> {
  return await allow(world, await world.browser.visit(authorizeUrl(world, client, pkce())))
}

/** A page in our words, with the way back to the client. */
function isExcuse (t: Test, world: World, page: Page): void {
  t.equal(page.status, 503)
  t.match(page.headers.get('retry-after'), /^[1-9]\d*$/)
  t.match(page.body, 'did not answer as it should')
  t.notMatch(page.body, upstreamWords)
  t.notMatch(page.body, 'http-equiv="refresh"', 'nobody is sent on by itself')
  const [back] = linksOf(page)
  t.match(Object.fromEntries(back?.searchParams ?? []), { error: 'temporarily_unavailable', state: 'client-state', iss: world.issuer })
}

for (const reason of reasons) {
  t.test(`PX-10: a provider that is ${reason} when the code is exchanged gives a page in our words`, async t => {
    const { provider, watch, log, world, client } = await start(t)
    provider.failure = new ProviderError(reason, 'upstream said AADSTS50011 at 10.1.2.3', { cause: new Error('socket hang up') })
    isExcuse(t, world, await signIn(world, client))
    t.match(log.of('a provider failed'), [{ level: 50, provider: 'local', err: { reason, message: /AADSTS50011.*socket hang up/ } }], 'the log has it all')
    t.notOk(watch.calls.includes('signIn'), 'the whitelist was not asked')
    t.notOk(watch.calls.includes('createGrant'))
    provider.failure = undefined
    t.ok((await signIn(world, client)).url.searchParams.has('code'), 'the next attempt works')
  })

  t.test(`PX-10: so does one that is ${reason} when the browser is to be sent there`, async t => {
    const { provider, log, world, client } = await start(t)
    provider.absence = new ProviderError(reason, 'upstream said AADSTS50011 at 10.1.2.3')
    isExcuse(t, world, await signIn(world, client))
    t.equal(log.of('a provider failed').length, 1)
  })
}

t.test('a program that asks for JSON gets it', async t => {
  const { provider, world, client } = await start(t)
  const json = { accept: 'application/json' }
  const unavailable = { status: 503, error: 'temporarily_unavailable' }
  const consent = await world.browser.visit(authorizeUrl(world, client, pkce()))
  const departure = await world.browser.submit(consent, { decision: 'allow' }, { until: `${world.issuer}/oauth/consent?` })
  provider.absence = new ProviderError('unavailable', 'upstream')
  t.same(await refusalOf(world.browser.fetch(departure.url, { headers: json })), unavailable)
  provider.absence = undefined
  const callback = await world.browser.visit(departure.url, { until: `${world.issuer}/oauth/callback` })
  provider.failure = new ProviderError('unavailable', 'upstream')
  const answer = await world.browser.fetch(callback.url, { headers: json })
  t.match(answer.headers.get('content-type'), 'application/json')
  t.same(await refusalOf(answer), unavailable)
})

t.test('what a provider throws beside its own errors is a fault of ours: 500, without details', async t => {
  const { provider, log, world, client } = await start(t)
  provider.failure = new TypeError('upstream is undefined')
  const failed = await signIn(world, client)
  t.equal(failed.status, 500)
  t.notMatch(failed.body, upstreamWords)
  provider.failure = undefined
  provider.absence = new TypeError('upstream is undefined')
  t.equal((await signIn(world, client)).status, 500)
  const url = authorizeUrl(world, client, pkce())
  Object.defineProperty(provider, 'name', { get () { throw new TypeError('upstream is undefined') } })
  const page = await world.browser.visit(url)
  t.equal(page.status, 500, 'the consent page too')
  t.notMatch(page.body, upstreamWords)
  t.same(linksOf(page), [], 'it is no answer for the client')
  t.equal(log.of('a request failed').length, 3)
})

t.test('a storage that goes down between the provider’s answer and the whitelist is 503', async t => {
  const { provider, watch, world, client } = await start(t)
  provider.identify = async () => {
    watch.failure = new StorageUnavailableError()
    return provider.identity
  }
  const page = await signIn(world, client)
  t.equal(page.status, 503)
  t.match(page.body, 'Please try again in a moment')
})

t.test('a sign-in begun at a provider that is not offered any more ends with a page', async t => {
  const storage = watchStorage()
  const old = await startWorld(t, { providers: [scriptedProvider({ id: 'old' })], storage: storage.storage })
  const client = await register(old)
  const departure = await old.browser.submit(await old.browser.visit(authorizeUrl(old, client, pkce())), { decision: 'allow' }, { until: `${old.issuer}/oauth/consent?` })
  const next = await startWorld(t, { providers: [scriptedProvider({ id: 'new' })], storage: storage.storage })
  const cookie = Object.entries(old.browser.cookies(old.issuer)).map(pair => pair.join('=')).join('; ')
  const state = departure.url.search
  t.equal((await fetch(`${next.issuer}/oauth/consent${state}`, { headers: { cookie } })).status, 403)
  t.equal((await fetch(`${next.issuer}/oauth/callback${state}&code=x`, { headers: { cookie } })).status, 403)
})

t.test('a real provider that refuses connections, answers nonsense or is gone', async t => {
  const gone = `http://127.0.0.1:${await freePort()}`
  const down = await startWorld(t, { providers: [oidc({ id: 'gone', name: 'Gone', issuer: gone, clientId: 'c', clientSecret: 's' })] })
  const page = await signIn(down, await register(down))
  isExcuse(t, down, page)
  t.notMatch(page.body, 'ECONNREFUSED')
  t.notMatch(page.body, new URL(gone).host)

  const double = await startOidcDouble(t)
  const { origin, clientId, clientSecret = '' } = double
  const world = await startWorld(t, { providers: [oidc({ id: 'double', issuer: origin, clientId, clientSecret })] })
  const client = await register(world)
  const failures: Record<string, string> = { refuses: '{"error":"invalid_client","error_description":"upstream secret is wrong"}', nonsense: '<html>upstream' }
  for (const [what, body] of Object.entries(failures)) {
    double.instead.set('/token', (_, response) => response.writeHead(400, { 'content-type': 'application/json' }).end(body))
    t.comment(what)
    isExcuse(t, world, await signIn(world, client))
  }
  double.instead.set('/token', request => request.socket.destroy())
  isExcuse(t, world, await signIn(world, client))
})
