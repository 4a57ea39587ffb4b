import t, { type Test } from 'tap'
import { untilTitle } from '../../fixtures/chromium.ts'
import { fillHidden, forgePost, hiddenFields, isFramed, lure, sites, stopAtCallback } from '../../fixtures/tour/attacker.ts'
import { complaintsOf } from '../../fixtures/tour/check-pages.ts'
import { openWindow, startRestaurant, type Stage } from '../../fixtures/tour/index.ts'
import { origin, signInHost } from '../../fixtures/tour/restaurant.ts'

t.setTimeout(600_000)
const restaurant = await startRestaurant(t)
const options = { skip: restaurant.chromium.skip }
const { clients, google, microsoft } = restaurant
const [evil, sibling] = sites

/** Two browsers that share nothing. The attacker has a listed account of his own. */
async function open (t: Test): Promise<{ victim: Stage, attacker: Stage }> {
  const [victim, attacker] = [await openWindow(t, restaurant, 'en'), await openWindow(t, restaurant, 'en')]
  google.asked.length = 0
  google.exchanged.length = 0
  return { victim, attacker }
}

async function grantsOf (email: string): Promise<number> {
  const [user] = await restaurant.world.app.mcpOAuth.users.list(email)
  return (await restaurant.database.storage.listConnections(user?.id ?? '', new Date())).length
}

/** What is left of a page when nothing is on its way any more. */
async function settled ({ page }: Stage): Promise<string> {
  await page.waitForLoadState('networkidle')
  return page.url()
}

const titleOf = async ({ page }: Stage) => await page.title()

t.test('C1: an attacker’s link asks, and reaches no provider, also where the victim has a session there and allowed another client', options, async t => {
  const { victim } = await open(t)
  await victim.connect(clients.planner)
  const asked = google.asked.length
  await lure(victim, evil, `<meta http-equiv="refresh" content="0; url=${restaurant.request(clients.editor).replaceAll('&', '&amp;')}">`)
  await untilTitle(victim.page, '“Cursor” wants access')
  t.match(await settled(victim), `${origin}/oauth/authorize`)
  t.match(await victim.page.textContent('main'), 'an app on this device')
  t.equal(google.asked.length, asked, 'nothing was begun')
  t.equal(victim.window.requests.filter(url => url.startsWith(signInHost)).length, 1, 'the provider has seen the first sign-in only')
})

t.test('C2: the attacker’s answer is refused in the victim’s browser, with and without a sign-in of its own, and his code stays unused', options, async t => {
  const { victim, attacker } = await open(t)
  const callback = await stopAtCallback(attacker, async () => {
    await attacker.ask(clients.planner)
    await attacker.allow()
  })
  for (const state of ['without', 'with'] as const) {
    if (state === 'with') await victim.connect(clients.planner)
    const exchanged = google.exchanged.length
    await lure(victim, evil, `<meta http-equiv="refresh" content="0; url=${callback.replaceAll('&', '&amp;')}">`)
    await untilTitle(victim.page, 'This sign-in was begun in another browser')
    t.equal(google.exchanged.length, exchanged, `${state} a sign-in of its own`)
  }
  await attacker.page.goto(callback)
  t.match(attacker.page.url(), 'code=', 'the browser that approved')
})

t.test('C3: a form of the attacker’s counts for nothing in the victim’s browser, posted from another site, from a sibling or from our own page', options, async t => {
  const { victim, attacker } = await open(t)
  await attacker.ask(clients.planner)
  const his = await hiddenFields(attacker)
  await victim.ask(clients.planner)
  const own = await hiddenFields(victim)
  for (const site of sites) {
    t.equal(await forgePost(victim, site, '/oauth/consent?provider=google', { ...his, decision: 'allow' }), 403, `his own form, from ${site}`)
    t.equal(await titleOf(victim), 'This form was not opened in this browser')
  }
  // Not even what he can not know: the cookie stays behind.
  t.equal(await forgePost(victim, evil, '/oauth/consent?provider=google', { ...own, decision: 'allow' }), 403, 'the victim’s form from another site')
  for (const fields of [his, { csrf: his['csrf'] ?? '' }, { request: his['request'] ?? '' }, { csrf: '' }]) {
    await victim.ask(clients.planner)
    await fillHidden(victim, fields)
    await victim.allow()
    await untilTitle(victim.page, 'This form was not opened in this browser')
  }
  t.equal(google.asked.length, 0, 'nothing was begun')
})

t.test('C4: a hostile name runs nothing, leads nowhere and covers nothing', options, async t => {
  const { victim } = await open(t)
  const names = ['<script>pwned = 1</script><img src=x onerror="pwned = 1">', '"><a href="https://evil.example">here</a><style>*{display:none}</style>', `Bank \u202Emoc\u202C ${'x'.repeat(2000)}`]
  for (const name of names) {
    await victim.ask(await restaurant.register(name, 'https://planner.example/callback'))
    const main = victim.page.locator('main')
    t.equal(await main.locator('script, img, a, style').count(), 0)
    t.notMatch(await main.textContent(), /[\u202A-\u202E\u2066-\u2069]/)
    t.equal(await victim.page.evaluate(() => Object.hasOwn(window, 'pwned')), false)
    await victim.page.setViewportSize({ width: 320, height: 800 })
    t.equal(await victim.page.evaluate(() => document.documentElement.scrollWidth), 320)
    t.ok(await victim.button('deny').isVisible())
  }
  t.strictSame(complaintsOf(victim.window), [])
})

t.test('C6: of a hundred open attempts in one browser each still works', options, async t => {
  const { victim } = await open(t)
  const first = victim.page
  await victim.ask(clients.planner, { state: 'first' })
  const others = await victim.window.context.newPage()
  for (let attempt = 0; attempt < 98; attempt++) await others.goto(restaurant.request(clients.planner, { state: `state-${attempt}` }), { waitUntil: 'commit' })
  const last = await victim.window.context.newPage()
  await last.goto(restaurant.request(clients.planner, { state: 'last' }))
  t.ok((await victim.window.context.cookies(origin)).length <= 3, 'the cookies do not pile up')
  for (const [page, state] of [[last, 'last'], [others, 'state-97'], [first, 'first']] as const) {
    await page.locator('button[formaction$="provider=google"]').click({ noWaitAfter: true })
    await page.waitForURL('https://planner.example/callback?code=**')
    t.equal(new URL(page.url()).searchParams.get('state'), state)
  }
})

t.test('C7: a link approves nothing, whatever it says and whatever it knows', options, async t => {
  const { victim } = await open(t)
  await victim.ask(clients.planner)
  const own = new URLSearchParams({ ...await hiddenFields(victim), decision: 'allow', provider: 'google' })
  await lure(victim, evil, '<a>Win</a>')
  for (const path of [`/oauth/consent?${own}`, `/oauth/authorize?${own}&${new URL(restaurant.request(clients.planner)).searchParams}&prompt=login`]) {
    await victim.goto(path)
    t.match(await settled(victim), path.slice(0, 15))
  }
  t.equal(google.asked.length, 0)
})

t.test('C8: a state that was changed leads nowhere', options, async t => {
  const { victim } = await open(t)
  const callback = await stopAtCallback(victim, async () => {
    await victim.ask(clients.planner)
    await victim.allow()
  })
  const state = new URL(callback).searchParams.get('state') ?? ''
  for (const changed of [`${state}A`, state.slice(1), Buffer.from('{"redirect_uri":"https://evil.example"}').toString('base64url')]) {
    await victim.page.goto(callback.replace(state, changed))
    t.match(await titleOf(victim), /^This sign-in/)
    t.match(await settled(victim), origin)
  }
  t.equal(google.exchanged.length, 0)
  await victim.page.goto(callback)
  t.match(victim.page.url(), 'https://planner.example/callback?code=', 'the right one still counts')
})

t.test('C9: an answer for one provider is not exchanged at the other', options, async t => {
  const { victim } = await open(t)
  microsoft.exchanged.length = 0
  const begin = async (id: 'google' | 'microsoft', code: string) => await stopAtCallback(victim, async () => {
    restaurant[id].answer = { code }
    await victim.ask(clients.planner)
    await victim.allow(id)
  })
  const [atGoogle, atMicrosoft] = [new URL(await begin('google', 'of-google')), new URL(await begin('microsoft', 'of-microsoft'))]
  atGoogle.searchParams.set('code', atMicrosoft.searchParams.get('code') ?? '')
  atGoogle.searchParams.set('iss', 'https://microsoft.example')
  await victim.page.goto(atGoogle.href)
  t.match(google.exchanged, [{ code: 'of-microsoft', issuer: 'https://microsoft.example' }], 'it is the provider of the sign-in that judges, with the issuer that came')
  t.equal(microsoft.exchanged.length, 0, 'Microsoft’s code is not redeemed where it would be good')
})

t.test('C10: what a provider says about an error is not shown', options, async t => {
  const { victim } = await open(t)
  google.answer = { error: 'access_denied', error_description: 'Your account is locked, call 555 0100', error_uri: 'https://evil.example/' }
  await victim.ask(clients.planner)
  await victim.allow()
  await untilTitle(victim.page, 'You did not sign in')
  t.notMatch(await victim.page.content(), /locked|call[ +]555|evil\.example/)
})

t.test('C11: nobody is sent to a client by an error or a denial, only by a click', options, async t => {
  const { victim } = await open(t)
  const errors: Array<() => Promise<void>> = [
    async () => {
      await victim.ask(clients.planner)
      await victim.button('deny').click()
    },
    async () => { await victim.ask(clients.planner, { scope: 'kitchen:close' }) },
    async () => { await victim.ask(clients.planner, { response_type: 'token' }) },
    async () => { await victim.ask(clients.planner, { resource: 'https://evil.example/mcp' }) }
  ]
  for (const make of errors) {
    await make()
    t.match(await settled(victim), origin)
    await victim.page.getByRole('link', { name: 'Back to planner.example' }).click()
    await victim.page.waitForURL('https://planner.example/callback?error=**')
  }
  t.equal(victim.window.requests.filter(url => url.startsWith('https://planner.example/callback')).length, errors.length, 'one request a click')
})

t.test('C12, AZ-12: the attacker’s link to a client that the victim allowed before asks again', options, async t => {
  const { victim, attacker } = await open(t)
  await victim.connect(clients.planner)
  const [asked, grants] = [google.asked.length, await grantsOf('ann@example.com')]
  // His PKCE challenge and state: the code would be good in his session at the client.
  const link = restaurant.request(clients.planner, { state: 'of-the-attacker' })
  await lure(victim, evil, `<script>location = ${JSON.stringify(link)}</script>`)
  await untilTitle(victim.page, '“Menu Planner” wants access')
  t.match(await victim.page.textContent('main'), 'You allowed this on')
  t.match(await settled(victim), link)
  t.equal(google.asked.length, asked)
  t.equal(await grantsOf('ann@example.com'), grants)
  await attacker.page.goto(link)
  t.notMatch(await attacker.page.textContent('main'), 'You allowed this', 'nor does he learn what she allowed')
})

t.test('AZ-09: neither another site nor a sibling can have the consent page in a frame', options, async t => {
  const { victim } = await open(t)
  await victim.connect(clients.planner)
  for (const site of [evil, sibling]) t.equal(await isFramed(victim, site, restaurant.request(clients.planner)), false, site)
})
