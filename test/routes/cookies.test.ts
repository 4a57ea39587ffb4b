import t from 'tap'
import type { Test } from 'tap'
import Fastify from 'fastify'
import mcpOAuth, { MemoryStorage } from '../../lib/index.ts'
import { createBrowser } from '../fixtures/browser-jar.ts'
import { allow, authorizeUrl, pkce, register } from '../fixtures/flow.ts'
import { captureLog } from '../fixtures/log.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { secret, startWorld } from '../fixtures/world.ts'

/** A server behind a proxy that ends TLS: it is asked by plain HTTP, and knows its https issuer. */
async function startBehindProxy (t: Test) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(mcpOAuth, {
    issuer: 'https://api.example.com', secret, storage: new MemoryStorage(), providers: [scriptedProvider()], resource: 'https://api.example.com/mcp', firstAdmin: { email: 'you@example.com' }
  })
  const registered = await app.inject({ method: 'POST', url: '/oauth/register', payload: { redirect_uris: ['https://client.example/cb'], token_endpoint_auth_method: 'none' } })
  const query = new URLSearchParams({
    client_id: registered.json().client_id, response_type: 'code', code_challenge: pkce().codeChallenge, code_challenge_method: 'S256', state: 'client-state'
  })
  return { app, url: `/oauth/authorize?${query}` }
}

function formOf (body: string): Record<string, string> {
  return Object.fromEntries([...body.matchAll(/name="(request|csrf)" value="([^"]+)"/g)].map(([, name = '', value = '']) => [name, value]))
}

t.test('PX-04: with an https issuer the cookies are __Host-, Secure, HttpOnly and Lax', async t => {
  const { app, url } = await startBehindProxy(t)
  const consent = await app.inject({ url, headers: { host: 'internal:8080', 'x-forwarded-proto': 'http' } })
  t.equal(consent.statusCode, 200, 'whatever the Host says')
  const [set = ''] = [consent.headers['set-cookie']].flat()
  t.match(set, /^__Host-mcp-oauth-consent=[\w-]{43}; Max-Age=3600; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  const cookie = set.split(';')[0] ?? ''
  const payload = new URLSearchParams({ ...formOf(consent.body), decision: 'allow' }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const bare = await app.inject({ method: 'POST', url: '/oauth/consent', headers: { ...headers, cookie: cookie.replace('__Host-', '') }, payload })
  t.equal(bare.statusCode, 403, 'one without the prefix, which a sibling domain may have planted, counts for nothing')
  const allowed = await app.inject({ method: 'POST', url: '/oauth/consent', headers: { ...headers, cookie }, payload })
  t.equal(allowed.statusCode, 303)
  const [signIn = ''] = [allowed.headers['set-cookie']].flat()
  t.match(signIn, /^__Host-mcp-oauth-sign-in=[\w-]{43}; Max-Age=900; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  t.not(signIn.split('=')[1]?.slice(0, 43), cookie.split('=')[1], 'PX-03: not the cookie of the page')
})

t.test('PX-04: with an http issuer on loopback, and only there, they go without', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()] })
  const consent = await world.browser.fetch(authorizeUrl(world, await register(world), pkce()))
  t.match(consent.headers.get('set-cookie'), /^mcp-oauth-consent=[\w-]{43}; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/)
})

t.test('PX-04: a page that is asked for under another loopback name is sent to the issuer’s', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()] })
  const client = await register(world)
  const url = authorizeUrl(world, client, pkce())
  const alias = url.replace('127.0.0.1', 'localhost')
  const response = await world.app.inject({ url: new URL(url).pathname + new URL(url).search, headers: { host: new URL(alias).host } })
  t.equal(response.statusCode, 303)
  t.equal(response.headers.location, url)
  t.equal(response.headers['set-cookie'], undefined, 'no cookie is set where the callback would not find it')
  for (const host of ['[::1]:1', 'LOCALHOST', '127.0.0.1:1']) {
    t.equal((await world.app.inject({ url: '/oauth/callback?state=x', headers: { host } })).statusCode, 303, host)
  }
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1@evil.example']) {
    t.equal((await world.app.inject({ url: '/oauth/callback?state=x', headers: { host } })).statusCode, 403, `${host} is not led anywhere`)
  }
  t.equal((await world.app.inject({ method: 'POST', url: '/oauth/consent', headers: { host: 'localhost', 'content-type': 'application/x-www-form-urlencoded' }, payload: '' })).statusCode, 400, 'nor is a form')
  const { app } = await startBehindProxy(t)
  t.equal((await app.inject({ url: '/oauth/callback?state=x', headers: { host: 'localhost' } })).statusCode, 403, 'an https issuer has no aliases')
})

t.test('PX-03: the page can be open in two tabs, and each decides for itself', async t => {
  const provider = scriptedProvider()
  const world = await startWorld(t, { providers: [provider] })
  const client = await register(world)
  const one = await world.browser.visit(authorizeUrl(world, client, pkce(), { state: 'one' }))
  const cookies = world.browser.cookies(world.issuer)
  const two = await world.browser.visit(authorizeUrl(world, client, pkce(), { state: 'two' }))
  t.same(world.browser.cookies(world.issuer), cookies, 'the GET is idempotent')
  t.equal((await allow(world, two)).url.searchParams.get('state'), 'two')
  t.equal((await allow(world, one)).url.searchParams.get('state'), 'one')
  t.equal((await allow(world, one, { browser: createBrowser() })).status, 403, 'another browser has no part in it')
})

t.test('PX-07: with several providers there is a button for each, and no way to leave the choice open', async t => {
  const first = scriptedProvider({ id: 'first', name: 'First <b>' })
  const second = scriptedProvider({ id: 'second', name: 'Second' })
  const world = await startWorld(t, { providers: [first, second] })
  const client = await register(world)
  const page = await world.browser.visit(authorizeUrl(world, client, pkce()))
  t.match(page.body, /Allow and sign in with First &#60;b&#62;.*Allow and sign in with Second.*Deny/s)
  const open: Array<Record<string, string>> = [{}, { provider: 'third' }, { provider: 'SECOND' }]
  for (const fields of open) {
    t.equal((await world.browser.submit(page, { ...fields, decision: 'allow' })).status, 400, JSON.stringify(fields))
  }
  t.equal(first.asked.length + second.asked.length, 0)
  t.ok((await allow(world, page, { provider: 'Second' })).url.searchParams.has('code'))
  t.equal(first.asked.length, 0)
  t.equal(second.asked.length, 1)
  const field = await world.browser.visit(authorizeUrl(world, client, pkce()))
  await world.browser.submit(field, { decision: 'allow', provider: 'second' }, { until: 'http://127.0.0.1:4321/' })
  t.equal(second.asked.length, 2, 'by a field too')
})

t.test('PX-04: cookies that go without Secure are warned of, once', async t => {
  const log = captureLog('warn')
  const world = await startWorld(t, { providers: [scriptedProvider()], fastify: { logger: log.logger } })
  const client = await register(world)
  for (let time = 0; time < 3; time++) await world.browser.visit(authorizeUrl(world, client, pkce()))
  t.equal(log.lines.filter(({ msg }) => String(msg).includes('cookies go without Secure')).length, 1)
})
