import t from 'tap'
import { Pages } from '../../../lib/pages/layout.ts'
import { checkPages } from '../../../lib/pages/options.ts'
import { createCertificate } from '../../fixtures/certificate.ts'
import { eventually, launchChromium } from '../../fixtures/chromium.ts'
import { authorizeUrl, pkce } from '../../fixtures/flow.ts'
import { callback, listen } from '../../fixtures/landing.ts'
import { scriptedProvider } from '../../fixtures/scripted-provider.ts'
import { startWorld, type WorldOptions } from '../../fixtures/world.ts'

// The first run on a machine unpacks the browser.
t.setTimeout(120_000)
const chromium = await launchChromium(t)
const https = createCertificate()

t.test('C5: a form that is redirected to elsewhere is blocked here, and the watch sees it', { skip: chromium.skip }, async t => {
  const elsewhere = await listen(t, callback)
  const port = await listen(t, app => {
    app.addContentTypeParser('application/x-www-form-urlencoded', (_, payload, done) => { payload.resume().on('end', () => { done(null) }) })
    app.get('/', async (_, reply) => await reply.headers(new Pages(checkPages({}, 'here')).headers).send('<form method="post" action="/"><button>Allow</button></form>'))
    app.post('/', async (_, reply) => await reply.redirect(`http://localhost:${elsewhere}/callback`, 303))
  })
  for (const javaScriptEnabled of [true, false]) {
    const { page, complaints } = await chromium.open(t, { javaScriptEnabled })
    await page.goto(`http://127.0.0.1:${port}/`)
    await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true })
    t.match(await eventually(() => complaints.find(text => text.includes('form-action'))), 'form-action')
    t.not(await page.title(), 'Connected')
  }
})

/** An upstream that has nothing to ask: it sends the browser straight back. */
async function instantProvider (t: Parameters<typeof listen>[0]) {
  const provider = scriptedProvider()
  const port = await listen(t, app => {
    app.get<{ Querystring: { back: string } }>('/authorize', async ({ query }, reply) => await reply.redirect(query.back, 302))
  })
  return {
    ...provider,
    authorizationUrl: async (request: Parameters<typeof provider.authorizationUrl>[0]) =>
      `http://127.0.0.1:${port}/authorize?${new URLSearchParams({ back: await provider.authorizationUrl(request) })}`
  }
}

const issuers: Record<string, { options: WorldOptions, scripts: boolean[] }> = {
  http: { options: {}, scripts: [true, false] },
  https: { options: { fastify: { https }, host: 'localhost' }, scripts: [true] }
}

for (const [scheme, { options, scripts }] of Object.entries(issuers)) {
  t.test(`C5: consent arrives, from an ${scheme} issuer by an upstream that redirects at once`, { skip: chromium.skip }, async t => {
    const world = await startWorld(t, { ...options, providers: [await instantProvider(t)] })
    const inTheClear = await listen(t, callback)
    const redirectUris = {
      https: `https://client.example:${await listen(t, callback, { https })}/callback`,
      'http://127.0.0.1': `http://127.0.0.1:${inTheClear}/callback`,
      'http://localhost': `http://localhost:${inTheClear}/callback`,
      'cursor://': 'cursor://anysphere.cursor-mcp/oauth/callback'
    }
    const registration = await world.app.inject({ method: 'POST', url: '/oauth/register', payload: { redirect_uris: Object.values(redirectUris) } })

    for (const javaScriptEnabled of scripts) {
      for (const [name, redirectUri] of Object.entries(redirectUris)) {
        await t.test(`at ${name}, scripts ${javaScriptEnabled ? 'on' : 'off'}`, async t => {
          const { context, page, navigations, requests, complaints } = await chromium.open(t, { javaScriptEnabled, ignoreHTTPSErrors: true })
          await page.goto(authorizeUrl(world, registration.json(), pkce(), { redirect_uri: redirectUri }))
          await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true })

          const arrived = await eventually(() => [...requests, ...navigations].find(url => url.startsWith(`${redirectUri}?`)))
          const answer = new URL(arrived).searchParams
          t.match(answer.get('code'), /^[\w-]{43}$/)
          t.equal(answer.get('state'), 'client-state')
          t.equal(answer.get('iss'), world.issuer)
          if (redirectUri.startsWith('http')) {
            t.equal(await eventually(async () => await page.title() === 'Connected' ? page.url() : undefined), arrived)
          } else {
            t.equal(await page.getByRole('link', { name: 'Return to the application' }).getAttribute('href'), arrived, 'the last page stays, with a link')
          }
          t.strictSame(complaints, [])

          const cookies = await context.cookies(world.origin)
          const prefix = scheme === 'https' ? '__Host-' : ''
          t.strictSame(cookies.map(cookie => cookie.name).sort(), ['consent', 'known', 'sign-in'].map(name => `${prefix}mcp-oauth-${name}`))
          for (const cookie of cookies) t.match(cookie, { secure: scheme === 'https', httpOnly: true, sameSite: 'Lax', path: '/' })
        })
      }
    }
  })
}
