import t, { type Test } from 'tap'
import { launchChromium, untilTitle, type Window } from '../fixtures/chromium.ts'
import { callMcp, connect, type Connection } from '../fixtures/flow.ts'
import { complaintsOf } from '../fixtures/tour/check-pages.ts'
import { startWorld } from '../fixtures/world.ts'

t.setTimeout(300_000)
const chromium = await launchChromium(t)
const world = await startWorld(t, { pages: { account: true } })
await world.app.mcpOAuth.users.add({ email: 'ann@example.com' })
const list = 'Your connected applications'

async function connectAs (email: string, ...names: string[]): Promise<Connection[]> {
  world.upstream.signInAs(email)
  const connections = []
  for (const name of names) connections.push(await connect(world, { metadata: { client_name: name } }))
  return connections
}

async function open (t: Test, javaScriptEnabled: boolean): Promise<Window> {
  const window = await chromium.open(t, { javaScriptEnabled })
  await window.page.goto(`${world.issuer}/oauth/account`)
  return window
}

async function signIn ({ page }: Window, email: string, title = list): Promise<void> {
  world.upstream.signInAs(email)
  await page.getByRole('button', { name: 'Sign in with Local' }).click({ noWaitAfter: true })
  await untilTitle(page, title)
}

const statusOf = async ({ tokens }: Connection) => (await callMcp(world, tokens.access_token)).status

/** No third party: only this server, and the provider that was chosen. */
function strangers ({ requests }: Window): string[] {
  return requests.filter(url => ![world.issuer, world.upstream.issuer].some(own => url.startsWith(`${own}/`)))
}

for (const javaScriptEnabled of [true, false]) {
  const how = `scripts ${javaScriptEnabled ? 'on' : 'off'}`

  t.test(`whoever is not listed sees nothing, and comes in with another account, ${how}`, { skip: chromium.skip }, async t => {
    const window = await open(t, javaScriptEnabled)
    const { page } = window
    await signIn(window, 'somebody.else@example.com', 'You are not on the list')
    t.match(await page.textContent('main'), 'somebody.else@example.com')
    await page.getByRole('link', { name: 'Use another account' }).click()
    t.equal(await page.title(), 'See what you have connected', 'nobody is signed in')
    await signIn(window, 'ann@example.com')
    t.match(await page.textContent('main'), 'You are signed in as ann@example.com.')
    t.strictSame(complaintsOf(window), [])
  })

  t.test(`one access ends, then all, and their tokens at once, ${how}`, { skip: chromium.skip }, async t => {
    const [first, second, third] = await connectAs('ann@example.com', 'First', 'Second', 'Third')
    const [others] = await connectAs('you@example.com', 'Of somebody else')
    if (first === undefined || second === undefined || third === undefined || others === undefined) throw new Error('not connected')
    t.strictSame(await Promise.all([first, second, third, others].map(statusOf)), [200, 200, 200, 200])

    const window = await open(t, javaScriptEnabled)
    const { page } = window
    await signIn(window, 'ann@example.com')
    t.strictSame(await page.getByRole('heading', { level: 2 }).allTextContents(), ['Third', 'Second', 'First'], 'what is not Ann’s is not here')
    t.match(await page.getByRole('listitem').filter({ hasText: 'Second' }).first().textContent(), /Answers go to.*127\.0\.0\.1:4321.*Connected.*Last used.*Ends by itself/s)

    await page.getByRole('button', { name: 'End the access of Second' }).click()
    t.strictSame(await Promise.all([first, second, third, others].map(statusOf)), [200, 401, 200, 200])
    t.equal(await page.getByRole('status').textContent(), 'The access has ended.')
    t.strictSame(await page.getByRole('heading', { level: 2 }).allTextContents(), ['Third', 'First'])

    await page.getByRole('button', { name: 'End all access' }).click()
    t.strictSame(await Promise.all([first, second, third, others].map(statusOf)), [401, 401, 401, 200])
    t.match(await page.textContent('main'), 'No application has access in your name.')
    t.equal(await page.getByRole('button', { name: /^End/ }).count(), 0)
    t.strictSame(complaintsOf(window), [])
    t.strictSame(strangers(window), [])
  })

  t.test(`whoever has signed out is out, also on the way back, ${how}`, { skip: chromium.skip }, async t => {
    const [connection] = await connectAs('ann@example.com', 'Stays')
    const window = await open(t, javaScriptEnabled)
    const { page, context } = window
    await signIn(window, 'ann@example.com')
    const session = (await context.cookies()).find(({ name }) => name === 'mcp-oauth-account')
    t.match(session, { httpOnly: true, sameSite: 'Lax' })
    await page.getByRole('button', { name: 'Sign out' }).click()
    t.equal(await page.title(), 'See what you have connected')
    t.notOk((await context.cookies()).some(({ name }) => name === 'mcp-oauth-account'))
    await page.goBack()
    t.equal(await page.title(), 'See what you have connected', 'no page is kept')
    if (session !== undefined) await context.addCookies([session])
    await page.goto(`${world.issuer}/oauth/account`)
    t.equal(await page.title(), 'See what you have connected', 'a copy of its cookie is worth nothing')
    t.equal(connection && await statusOf(connection), 200, 'signing out ends no access')
    t.strictSame(complaintsOf(window), [])
    if (connection !== undefined) await world.app.mcpOAuth.grants.revokeAll((await world.app.mcpOAuth.users.list('ann@example.com'))[0]?.id ?? '')
  })
}
