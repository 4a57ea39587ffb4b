import t, { type Test } from 'tap'
import { launchChromium, untilTitle, type Window } from '../fixtures/chromium.ts'
import { callMcp, connect } from '../fixtures/flow.ts'
import { complaintsOf } from '../fixtures/tour/check-pages.ts'
import { startWorld } from '../fixtures/world.ts'

t.setTimeout(300_000)
const chromium = await launchChromium(t)
const world = await startWorld(t, { pages: { account: true, admin: true } })
const { users } = world.app.mcpOAuth
await users.add({ email: 'ann@example.com' })
await users.add({ email: 'root@example.com', role: 'admin' })
const call = (name: string) => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name } }) })

const today = new Date().toISOString().slice(0, 10)
world.upstream.signInAs('ann@example.com')
const { tokens } = await connect(world, { metadata: { client_name: 'Planner' } })
for (let turn = 0; turn < 60; turn++) await callMcp(world, tokens.access_token, call(`tool-${turn}`))

async function signIn (t: Test, at: 'account' | 'admin', email: string, title: string, javaScriptEnabled: boolean): Promise<Window> {
  const window = await chromium.open(t, { javaScriptEnabled })
  world.upstream.signInAs(email)
  await window.page.goto(`${world.issuer}/oauth/${at}`)
  await window.page.getByRole('button', { name: 'Sign in with Local' }).click({ noWaitAfter: true })
  await untilTitle(window.page, title)
  return window
}

async function kinds ({ page }: Window): Promise<string[]> {
  await page.waitForLoadState()
  return await page.locator('.events strong').allTextContents()
}

for (const javaScriptEnabled of [true, false]) {
  const how = `scripts ${javaScriptEnabled ? 'on' : 'off'}`

  t.test(`an administrator looks for what one person's application did, page by page, ${how}`, { skip: chromium.skip }, async t => {
    const window = await signIn(t, 'admin', 'root@example.com', 'People', javaScriptEnabled)
    const { page } = window
    await page.getByRole('link', { name: 'ann@example.com' }).click()
    await page.getByRole('link', { name: 'What happened in this name' }).click()
    t.equal(await page.title(), 'What happened')
    await page.getByLabel('Kind of event').selectOption('Request')
    await page.getByLabel('From this day').fill(today)
    await page.getByRole('button', { name: 'Show' }).click()
    t.strictSame(new Set(await kinds(window)), new Set(['Request']))
    t.equal((await kinds(window)).length, 50)
    t.match(await page.locator('.events li').first().textContent(), /ann@example\.com.*Planner mcp-.*tool-59/s)
    await page.getByRole('link', { name: 'Older' }).click()
    t.equal((await kinds(window)).length, 10)
    t.match(await page.locator('.events li').last().textContent(), 'tool-0')
    t.equal(await page.getByLabel('Kind of event').inputValue(), 'access', 'the filter stays')
    await page.getByRole('link', { name: 'Latest' }).click()
    t.equal((await kinds(window)).length, 50)
    await page.getByLabel('Person (e-mail').fill('nobody@example.com')
    await page.getByRole('button', { name: 'Show' }).click()
    t.match(await page.getByRole('status').textContent(), 'This address is not on the list')
    t.strictSame(complaintsOf(window), [])
  })

  t.test(`a person sees what is theirs, and goes back, ${how}`, { skip: chromium.skip }, async t => {
    const window = await signIn(t, 'account', 'ann@example.com', 'Your connected applications', javaScriptEnabled)
    const { page } = window
    await page.getByRole('link', { name: 'What happened in your name' }).click()
    t.equal(await page.title(), 'What happened in your name')
    t.equal((await kinds(window))[0], 'Signed in here')
    t.match(await page.textContent('main'), /Planner.*tool-59/s)
    t.notMatch(await page.textContent('main'), 'root@example.com')
    await page.getByRole('link', { name: 'Older' }).click()
    t.ok((await kinds(window)).includes('Application connected'))
    await page.getByRole('link', { name: 'Back to your applications' }).click()
    t.equal(await page.title(), 'Your connected applications')
    t.strictSame(complaintsOf(window), [])
  })
}
