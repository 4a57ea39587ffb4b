import t, { type Test } from 'tap'
import { eventually, launchChromium, untilTitle, type Window } from '../fixtures/chromium.ts'
import { authorizeUrl, callMcp, pkce, redeem, register, type Pkce, type Tokens } from '../fixtures/flow.ts'
import { callback, listen } from '../fixtures/landing.ts'
import { complaintsOf } from '../fixtures/tour/check-pages.ts'
import { startWorld } from '../fixtures/world.ts'

// The first run on a machine unpacks the browser.
t.setTimeout(120_000)
const chromium = await launchChromium(t)
const options = { skip: chromium.skip }
const world = await startWorld(t)
const redirectUri = `http://127.0.0.1:${await listen(t, callback)}/callback`
const client = await register(world, { client_name: 'Somebody’s client', redirect_uris: [redirectUri] })

function open (t: Test): Promise<Window> {
  world.upstream.signInAs('you@example.com', { sub: 'subject-1' })
  return chromium.open(t)
}

function request (challenge: Pkce = pkce(), parameters: Record<string, string> = {}): string {
  return authorizeUrl(world, client, challenge, { redirect_uri: redirectUri, ...parameters })
}

function allow ({ page }: Pick<Window, 'page'>): Promise<void> {
  return page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true })
}

/** The code that a page of the client was reached with. A second click may break off the way there that the first one began. */
async function codeAt ({ page }: Pick<Window, 'page'>): Promise<string> {
  await eventually(() => page.url().startsWith(`${redirectUri}?`) || undefined, 'the way back to the client')
  await page.waitForLoadState()
  return new URL(page.url()).searchParams.get('code') ?? ''
}

async function emailOf (code: string, challenge: Pkce): Promise<unknown> {
  const response = await redeem(world, client, code, challenge, { redirect_uri: redirectUri })
  const { access_token: accessToken } = await response.json() as Tokens
  return await (await callMcp(world, accessToken)).json()
}

t.test('C1: the upstream is not asked before a person has allowed it', options, async t => {
  const window = await open(t)
  await window.page.goto(request())
  t.match(await window.page.textContent('main'), 'Somebody’s client')
  await window.page.waitForTimeout(300)
  const upstream = () => window.requests.filter(url => url.startsWith(world.upstream.issuer))
  t.strictSame(upstream(), [], 'the page asks for nothing but itself')
  await allow(window)
  await codeAt(window)
  t.not(upstream().length, 0)
  t.strictSame(window.complaints, [])
})

t.test('deny and a refused sign-in stay on our page, with a link back', options, async t => {
  const window = await open(t)
  const { page } = window
  await page.goto(request())
  await page.getByRole('button', { name: 'Deny' }).click()
  t.equal(await page.title(), 'You denied the request')
  const back = page.getByRole('link')
  const { searchParams } = new URL(await back.getAttribute('href') ?? '')
  t.match(Object.fromEntries(searchParams), { error: 'access_denied', state: 'client-state', iss: world.issuer })
  await page.waitForTimeout(300)
  t.equal(await page.title(), 'You denied the request', 'nobody is sent anywhere')
  t.strictSame(window.complaints, [])
  await back.click()
  await page.waitForURL(`${redirectUri}?error=access_denied**`)

  world.upstream.signInAs('somebody.else@example.com')
  await page.goto(request())
  await allow(window)
  await eventually(async () => await page.title() === 'You are not on the list' ? true : undefined)
  t.match(await page.textContent('main'), 'somebody.else@example.com')
  await page.waitForTimeout(300)
  t.equal(await page.title(), 'You are not on the list', 'nobody is sent anywhere')
})

t.test('C2: a callback in another browser is refused, and the upstream code stays unused', options, async t => {
  const attacker = await open(t)
  const victim = await open(t)
  const challenge = pkce()
  // The attacker stops his own sign-in at the last step, and has the victim take it.
  let stolen = ''
  await attacker.page.route(url => url.href.startsWith(world.upstream.issuer), async route => {
    stolen = await followUpstream(route.request().url())
    await route.abort()
  })
  await attacker.page.goto(request(challenge))
  await allow(attacker)
  await eventually(() => stolen === '' ? undefined : stolen)

  t.equal((await victim.page.goto(stolen))?.status(), 403, 'a browser without a sign-in')
  await victim.page.goto(request())
  await allow(victim)
  await codeAt(victim)
  t.equal((await victim.page.goto(stolen))?.status(), 403, 'a browser with a sign-in of its own')

  await attacker.page.goto(stolen)
  t.match(await emailOf(await codeAt(attacker), challenge), { user: { email: 'you@example.com' } }, 'the browser that approved')
})

/** Signs in at the upstream and answers with the callback that it would send the browser to. */
async function followUpstream (url: string): Promise<string> {
  const { url: end } = await world.browser.visit(url, { until: `${world.issuer}/oauth/callback` })
  return end.href
}

t.test('AZ-09: no page of ours can be put into a frame', options, async t => {
  const port = await listen(t, app => {
    const escaped = request().replaceAll('&', '&amp;')
    app.get('/', async (_, reply) => await reply.type('text/html').send(`<iframe src="/inner"></iframe><iframe src="${escaped}"></iframe>`))
    app.get('/inner', async (_, reply) => await reply.type('text/html').send('<button>Allow</button>'))
  })
  const { page } = await open(t)
  for (const origin of [`http://localhost:${port}`, `http://127.0.0.1:${port}`]) {
    await page.goto(`${origin}/`)
    const [, inner, ours] = page.frames()
    t.equal(await inner?.getByRole('button').count(), 1, 'an ordinary page is shown')
    t.equal(ours?.url(), 'chrome-error://chromewebdata/')
    t.equal(await ours?.getByRole('button').count(), 0)
  }
})

t.test('PX-03: two tabs of one browser at once, each gets its own answer, in whatever order', options, async t => {
  const first = await open(t)
  const second = { page: await first.context.newPage() }
  const [challenge, other] = [pkce(), pkce()]
  await first.page.goto(request(challenge, { state: 'first' }))
  await second.page.goto(request(other, { state: 'second' }))
  await allow(second)
  const secondCode = await codeAt(second)
  await allow(first)
  const firstCode = await codeAt(first)
  t.equal(new URL(first.page.url()).searchParams.get('state'), 'first')
  t.equal(new URL(second.page.url()).searchParams.get('state'), 'second')
  t.match(await emailOf(firstCode, challenge), { user: { email: 'you@example.com' } })
  t.match(await emailOf(secondCode, other), { user: { email: 'you@example.com' } })
})

t.test('a double click on allow signs in once', options, async t => {
  const window = await open(t)
  const challenge = pkce()
  await window.page.goto(request(challenge))
  await window.page.getByRole('button', { name: 'Allow' }).dblclick({ noWaitAfter: true })
  t.match(await emailOf(await codeAt(window), challenge), { user: { email: 'you@example.com' } })
  t.equal(window.requests.filter(url => url.startsWith(`${redirectUri}?`)).length, 1)
  t.strictSame(window.complaints, [])
})

t.test('back after allow asks anew: nothing is approved on the earlier approval', options, async t => {
  const window = await open(t)
  const challenge = pkce()
  await window.page.goto(request(challenge))
  await allow(window)
  const code = await codeAt(window)
  await window.page.goBack()
  t.match(await window.page.title(), 'Somebody’s client')
  await window.page.waitForTimeout(300)
  t.match(await window.page.title(), 'Somebody’s client', 'it waits for a click')
  await allow(window)
  const again = await codeAt(window)
  t.not(again, code)
  t.match(await emailOf(again, challenge), { user: { email: 'you@example.com' } })
})

for (const javaScriptEnabled of [true, false]) {
  t.test(`whoever is not listed uses another account and arrives, scripts ${javaScriptEnabled ? 'on' : 'off'}`, options, async t => {
    const window = await chromium.open(t, { javaScriptEnabled })
    const { page } = window
    const challenge = pkce()
    world.upstream.signInAs('somebody.else@example.com')
    await page.goto(request(challenge))
    await allow(window)
    await untilTitle(page, 'You are not on the list')
    t.match(await page.textContent('main'), /somebody\.else@example\.com.*Reference: /s)
    t.equal(await page.getByRole('link', { name: /^Back to 127\.0\.0\.1/ }).count(), 1)
    world.upstream.signInAs('you@example.com', { sub: 'subject-1' })
    await page.getByRole('button', { name: 'Use another account' }).click({ noWaitAfter: true })
    t.match(await emailOf(await codeAt(window), challenge), { user: { email: 'you@example.com' } })
    t.strictSame(window.requests.filter(url => ![world.issuer, world.upstream.issuer, redirectUri].some(own => url.startsWith(own)) && !url.startsWith('data:')), [], 'nobody else was asked for anything')
    t.strictSame(complaintsOf(window), [])
  })
}
