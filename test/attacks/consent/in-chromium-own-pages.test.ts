import t, { type Test } from 'tap'
import { untilTitle } from '../../fixtures/chromium.ts'
import { fillHidden, forgePost, hiddenFields, isFramed, lure, sites, stopAtCallback } from '../../fixtures/tour/attacker.ts'
import { complaintsOf } from '../../fixtures/tour/check-pages.ts'
import { openWindow, startRestaurant, type Stage } from '../../fixtures/tour/index.ts'
import { origin } from '../../fixtures/tour/restaurant.ts'

t.setTimeout(600_000)
const restaurant = await startRestaurant(t)
const options = { skip: restaurant.chromium.skip }
const { clients, google, world: { app: { mcpOAuth: { users } } } } = restaurant
const [evil, sibling] = sites

const kinds = {
  account: { signedIn: 'Your connected applications', signedOut: 'See what you have connected', email: 'ann@example.com' },
  admin: { signedIn: 'People', signedOut: 'Administration', email: 'you@example.com' }
} as const

type Kind = keyof typeof kinds

const cookieName = (kind: Kind) => `__Host-mcp-oauth-${kind}`

/** The attacker is somebody else, who may come in too: as an administrator where it is about administration. */
const attackers = { account: 'ben@example.com', admin: 'mallory@example.com' }
await users.add({ email: attackers.admin, role: 'admin' })

async function open (t: Test): Promise<{ victim: Stage, attacker: Stage }> {
  return { victim: await openWindow(t, restaurant, 'en'), attacker: await openWindow(t, restaurant, 'en') }
}

async function sessionOf ({ window: { context } }: Stage, kind: Kind): Promise<string | undefined> {
  return (await context.cookies(origin)).find(({ name }) => name === cookieName(kind))?.value
}

async function connectionsOf (email: string): Promise<number> {
  const [user] = await users.list(email)
  return (await restaurant.database.storage.listConnections(user?.id ?? '', new Date())).length
}

for (const kind of ['account', 'admin'] as const) {
  const { signedIn, signedOut, email } = kinds[kind]

  t.test(`C2: login CSRF: nobody is signed in at ${kind} by an attacker’s answer, link or form`, options, async t => {
    const { victim, attacker } = await open(t)
    google.signInAs(attackers[kind])
    const callback = await stopAtCallback(attacker, async () => {
      await attacker.goto(`/oauth/${kind}`)
      await attacker.allow()
    })
    const departure = callback.replace('/callback?', '/consent?')
    await attacker.goto(`/oauth/${kind}`)
    const his = await hiddenFields(attacker)
    await victim.goto(`/oauth/${kind}`)
    for (const link of [callback, departure]) {
      await lure(victim, evil, `<script>location = ${JSON.stringify(link)}</script>`)
      await untilTitle(victim.page, 'This sign-in was begun in another browser')
    }
    const asked = google.asked.length
    for (const site of sites) t.equal(await forgePost(victim, site, `/oauth/${kind}/sign-in?provider=google`, his), 403, site)
    t.equal(google.asked.length, asked, 'nothing was begun')
    t.equal(await sessionOf(victim, kind), undefined)
    await victim.goto(`/oauth/${kind}`)
    t.equal(await victim.page.title(), signedOut)
    await attacker.page.goto(callback)
    t.equal(await attacker.page.title(), signedIn, 'the browser that began it')
  })

  t.test(`a session at ${kind} that the attacker plants from a sibling is not taken, and signing in makes a new one`, options, async t => {
    const { victim, attacker } = await open(t)
    await attacker.signIn(kind, attackers[kind], signedIn)
    const planted = await sessionOf(attacker, kind) ?? ''
    const cookies = [`${cookieName(kind)}=${planted}; Secure; Path=/; Domain=restaurant.example`, `mcp-oauth-${kind}=${planted}; Secure; Path=/; Domain=restaurant.example`]
    await lure(victim, sibling, `<script>for (const cookie of ${JSON.stringify(cookies)}) document.cookie = cookie</script>`)
    t.strictSame((await victim.window.context.cookies(origin)).map(({ name }) => name), [`mcp-oauth-${kind}`], 'the browser refuses what has our prefix')
    await victim.goto(`/oauth/${kind}`)
    t.equal(await victim.page.title(), signedOut)

    // Had he a way around that: whatever was there before a sign-in is worth nothing after it.
    const plant = async (value: string) => {
      await victim.window.context.addCookies([{ name: cookieName(kind), value, url: origin, secure: true, httpOnly: true, sameSite: 'Lax' }])
    }
    await plant('A'.repeat(43))
    await victim.signIn(kind, email, signedIn)
    const own = await sessionOf(victim, kind)
    t.match(own, /^[\w-]{43}$/)
    t.not(own, 'A'.repeat(43))
    await plant(planted)
    await victim.goto(`/oauth/${kind}`)
    t.match(await victim.page.textContent('main'), `signed in as ${attackers[kind]}`, 'the page says whose it is')
    await victim.page.getByRole('button', { name: 'Sign out' }).click()
    await untilTitle(victim.page, signedOut)
    await attacker.goto(`/oauth/${kind}`)
    t.equal(await attacker.page.title(), signedOut, 'and nobody else has it')
  })

  t.test(`C3: no form of ${kind} counts with the attacker’s CSRF value, without one, or from another site`, options, async t => {
    const { victim, attacker } = await open(t)
    await victim.connect(clients.planner)
    await attacker.signIn(kind, attackers[kind], signedIn)
    const { csrf: his = '' } = await hiddenFields(attacker)
    await victim.signIn(kind, email, signedIn)
    const { csrf: own = '' } = await hiddenFields(victim)
    t.not(his, own)
    const [ben] = await users.list('ben@example.com')
    const forms: Record<Kind, Array<[path: string, fields: Record<string, string>]>> = {
      account: [['/oauth/account/end', { all: 'yes' }], ['/oauth/account/sign-out', {}]],
      admin: [['/oauth/admin/changes', { change: 'suspend', user: ben?.id ?? '' }], ['/oauth/admin/changes', { change: 'add-user', email: 'evil@evil.example', role: 'admin' }], ['/oauth/admin/sign-out', {}]]
    }
    const before = await connectionsOf('ann@example.com')
    for (const [path, fields] of forms[kind]) {
      // A sibling is the same site: there the cookie comes along, and the value alone decides.
      for (const sent of [{ ...fields, csrf: his }, fields]) t.equal(await forgePost(victim, sibling, path, sent), 403, path)
      t.equal(await forgePost(victim, evil, path, { ...fields, csrf: own }), 303, `${path}: to another site the browser gives no cookie`)
      t.equal(await sessionOf(victim, kind) === undefined, false, 'still signed in')
    }
    await victim.goto(`/oauth/${kind}`)
    await fillHidden(victim, { csrf: his })
    await victim.page.getByRole('button', { name: 'Sign out' }).click()
    await untilTitle(victim.page, 'This form was not opened in this browser')
    await victim.goto(`/oauth/${kind}`)
    t.equal(await victim.page.title(), signedIn)
    t.equal(await connectionsOf('ann@example.com'), before)
    t.match(await users.list('ben@example.com'), [{ status: 'active' }])
    t.strictSame(await users.list('evil@evil.example'), [])
    t.equal(await forgePost(victim, sibling, `/oauth/${kind}/sign-out`, { csrf: own }), 303, 'with her own value it would have counted')
    t.equal(await sessionOf(victim, kind), undefined)
  })

  t.test(`clickjacking: ${kind} is in no frame, of no site, signed in or not`, options, async t => {
    const { victim } = await open(t)
    for (const state of ['signed out', 'signed in']) {
      if (state === 'signed in') await victim.signIn(kind, email, signedIn)
      for (const site of sites) t.equal(await isFramed(victim, site, `${origin}/oauth/${kind}`), false, `${state}, ${site}`)
    }
  })
}

t.test('a session at account is none at admin, also an administrator’s, and the other way round', options, async t => {
  for (const [kind, other] of [['account', 'admin'], ['admin', 'account']] as const) {
    const { victim } = await open(t)
    await victim.signIn(kind, 'you@example.com', kinds[kind].signedIn)
    await victim.goto(`/oauth/${other}`)
    t.equal(await victim.page.title(), kinds[other].signedOut)
    const value = await sessionOf(victim, kind) ?? ''
    await victim.window.context.addCookies([{ name: cookieName(other), value, url: origin, secure: true, httpOnly: true, sameSite: 'Lax' }])
    await victim.goto(`/oauth/${other}`)
    t.equal(await victim.page.title(), kinds[other].signedOut, `under the name of one at ${other}`)
    await victim.goto(`/oauth/${kind}`)
    t.equal(await victim.page.title(), kinds[kind].signedIn)
  }
})

t.test('a sign-in that began for one page completes no other', options, async t => {
  const { victim } = await open(t)
  google.signInAs('you@example.com')
  const callback = await stopAtCallback(victim, async () => {
    await victim.goto('/oauth/account')
    await victim.allow()
  })
  await victim.goto('/oauth/admin')
  await victim.page.goto(callback)
  t.equal(await victim.page.title(), 'Your connected applications')
  t.equal(await sessionOf(victim, 'admin'), undefined)
  const fields = await (async () => {
    await victim.goto('/oauth/admin')
    const admin = await hiddenFields(victim)
    await victim.page.getByRole('button').first().waitFor()
    return admin
  })()
  t.equal(await forgePost(victim, sibling, '/oauth/account/sign-in?provider=google', fields), 403, 'nor does a form')
})

t.test('C4: hostile names run nothing at account and admin', options, async t => {
  const { victim } = await open(t)
  const hostile = '"><script>pwned = 1</script><img src=x onerror="pwned = 1">\u202E'
  const client = await restaurant.register(hostile, 'https://planner.example/callback')
  await victim.connect(client)
  await victim.signIn('account', 'ann@example.com', 'Your connected applications')
  const isSafe = async (path: string) => {
    await victim.goto(path)
    const main = victim.page.locator('main')
    t.equal(await main.locator('script, img').count(), 0, path)
    t.equal(await victim.page.evaluate(() => Object.hasOwn(window, 'pwned')), false)
    t.notMatch(await main.textContent(), '\u202E')
  }
  await isSafe('/oauth/account')
  t.match(await victim.page.textContent('main'), '<script>', 'it is there, as text')
  const userId = await users.add({ email: 'hostile@example.com', name: hostile }) ?? ''
  const [ann] = await users.list('ann@example.com')
  await victim.administer((await import('../../../lib/pages/words/en.ts')).en)
  const search = encodeURIComponent(hostile)
  for (const path of [
    '', `?search=${search}`, `/user?id=${userId}`, `/user?id=${ann?.id}`, '/clients', `/clients?search=${search}`, `/client?id=${encodeURIComponent(client.client_id)}`, `?added=${search}&done=${search}`, `?offset=${search}`
  ]) await isSafe(`/oauth/admin${path}`)
  t.strictSame(complaintsOf(victim.window), [])
})
