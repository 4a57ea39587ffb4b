import t from 'tap'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import { ProviderError } from '../../lib/index.ts'
import type { Page } from '../fixtures/browser-jar.ts'
import { allow, authorize, authorizeUrl, pkce, register } from '../fixtures/flow.ts'
import { scriptedProvider, type ScriptedProvider } from '../fixtures/scripted-provider.ts'
import { startWorld, type World } from '../fixtures/world.ts'

const cursor = 'cursor://anysphere.cursor-mcp/oauth/callback'

/** One of each page that a person may see. */
async function everyPage (world: World, provider: ScriptedProvider): Promise<Record<string, Page | { headers: Headers, body: string, status: number }>> {
  const { browser, issuer } = world
  const client = await register(world, { redirect_uris: [cursor, 'http://127.0.0.1:4321/callback'] })
  const consent = await browser.visit(authorizeUrl(world, client, pkce()))
  const begun = await browser.submit(consent, { decision: 'allow' }, { until: `${issuer}/oauth/consent?` })
  const departure = await browser.fetch(begun.url)
  const forCursor = await browser.visit(authorizeUrl(world, client, pkce(), { redirect_uri: cursor }))
  const answered = await browser.submit(forCursor, { decision: 'allow' }, { until: `${issuer}/oauth/callback` })
  const landing = await browser.fetch(answered.url)
  const denied = await browser.submit(await browser.visit(authorizeUrl(world, client, pkce())), { decision: 'deny' })
  provider.signInAs('stranger@example.com')
  const notListed = await allow(world, await browser.visit(authorizeUrl(world, client, pkce())))
  provider.failure = new ProviderError('unavailable', 'down')
  const failed = await allow(world, await browser.visit(authorizeUrl(world, client, pkce())))
  return {
    consent,
    denied,
    'not listed': notListed,
    'provider failed': failed,
    'on to the provider': { headers: departure.headers, body: await departure.text(), status: departure.status },
    'back to an app': { headers: landing.headers, body: await landing.text(), status: landing.status },
    'bad request': await browser.visit(authorizeUrl(world, client, pkce(), { scope: 'nonsense' })),
    'bad client': await browser.visit(`${issuer}/oauth/authorize?client_id=nobody`),
    'bad form': await browser.visit(`${issuer}/oauth/consent`, { method: 'POST', form: {} }),
    'bad callback': await browser.visit(`${issuer}/oauth/callback?state=x`)
  }
}

const expected = { consent: 200, denied: 200, 'not listed': 403, 'provider failed': 503, 'on to the provider': 200, 'back to an app': 200, 'bad request': 400, 'bad client': 400, 'bad form': 400, 'bad callback': 403 }

const apps: Record<string, { before?: (app: FastifyInstance) => unknown, after?: (app: FastifyInstance) => unknown }> = {
  'an app of its own': {},
  'an app with @fastify/helmet before': { before: app => app.register(helmet) },
  'an app with @fastify/helmet after': { after: app => app.register(helmet) },
  'an app with a lax @fastify/helmet': {
    before: app => app.register(helmet, { contentSecurityPolicy: { directives: { scriptSrc: ["'unsafe-inline'"] } }, frameguard: { action: 'sameorigin' }, referrerPolicy: { policy: 'unsafe-url' } })
  },
  'an app with @fastify/cors': { before: app => app.register(cors, { origin: true, credentials: true }) }
}

for (const [name, { before, after }] of Object.entries(apps)) {
  t.test(`AZ-09: every page is unframed, unscripted, uncached and tells no referrer, in ${name}`, async t => {
    const provider = scriptedProvider()
    const world = await startWorld(t, {
      providers: [provider],
      ...(before && { before }),
      after: async app => {
        app.post('/mcp', async request => request.mcpOAuth)
        await after?.(app)
      }
    })
    const pages = await everyPage(world, provider)
    t.same(Object.fromEntries(Object.entries(pages).map(([what, { status }]) => [what, status])), expected)
    for (const [what, { headers, body }] of Object.entries(pages)) {
      const policy = headers.get('content-security-policy') ?? ''
      t.match(policy, "frame-ancestors 'none'", what)
      t.match(policy, "default-src 'none'")
      t.match(policy, "form-action 'self'")
      t.match(policy, "base-uri 'none'")
      t.notMatch(policy, /script-src|unsafe|\*/, 'nothing may run')
      t.equal(headers.get('x-frame-options'), 'DENY')
      t.equal(headers.get('referrer-policy'), 'no-referrer')
      t.equal(headers.get('cache-control'), 'no-store')
      t.equal(headers.get('x-content-type-options'), 'nosniff')
      t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
      t.notMatch(body, /<script|javascript:|\son\w+=/i)
    }
  })
}

t.test('AZ-02: the pages have no CORS headers, also where the app allows every origin', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()], before: app => app.register(cors, { origin: true, credentials: true }) })
  const client = await register(world)
  const headers = { origin: 'https://evil.example' }
  for (const url of [authorizeUrl(world, client, pkce()), `${world.issuer}/oauth/consent?state=x`, `${world.issuer}/oauth/callback?state=x`]) {
    const answer = await world.browser.fetch(url, { headers })
    t.equal(answer.headers.get('access-control-allow-origin'), null, url)
    t.equal(answer.headers.get('access-control-allow-credentials'), null)
  }
  const form = await world.browser.fetch(`${world.issuer}/oauth/consent`, { method: 'POST', headers, body: new URLSearchParams() })
  t.equal(form.headers.get('access-control-allow-origin'), null)
})

t.test('AZ-10: the redirects are 303 after the form and 302 to the client, uncached', async t => {
  const world = await startWorld(t, { providers: [scriptedProvider()] })
  const client = await register(world)
  const consent = await world.browser.visit(authorizeUrl(world, client, pkce()))
  const form = /name="request" value="([^"]+)"[\s\S]*name="csrf" value="([^"]+)"/.exec(consent.body)
  const posted = await world.browser.fetch(`${world.issuer}/oauth/consent`, {
    method: 'POST', body: new URLSearchParams({ request: form?.[1] ?? '', csrf: form?.[2] ?? '', decision: 'allow' })
  })
  t.equal(posted.status, 303)
  t.match(posted.headers.get('location'), /^\/oauth\/consent\?state=[\w-]{43}$/, 'to a page of our own')
  t.equal(posted.headers.get('cache-control'), 'no-store')
  const departure = await world.browser.visit(new URL(posted.headers.get('location') ?? '', world.issuer), { until: `${world.issuer}/oauth/callback` })
  const back = await world.browser.fetch(departure.url)
  t.equal(back.status, 302)
  t.equal(back.headers.get('cache-control'), 'no-store')
  t.equal(back.headers.get('referrer-policy'), 'no-referrer')
  const end = await authorize(world, client, pkce())
  t.equal(end.searchParams.get('iss'), world.issuer, 'AS-06')
})
