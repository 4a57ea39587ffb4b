import t, { type Test } from 'tap'
import { startDatabase } from '../fixtures/database.ts'
import { launchChromium, untilTitle, type Window } from '../fixtures/chromium.ts'
import { callMcp, connect, type Connection } from '../fixtures/flow.ts'
import { complaintsOf } from '../fixtures/tour/check-pages.ts'
import { startWorld } from '../fixtures/world.ts'

t.setTimeout(600_000)
const chromium = await launchChromium(t)
const { run, storage } = await startDatabase(t)
const world = await startWorld(t, { storage, pages: { admin: true } })
const { users } = world.app.mcpOAuth

async function open (t: Test, { email = 'you@example.com', title = 'People', javaScriptEnabled = true } = {}): Promise<Window> {
  const window = await chromium.open(t, { javaScriptEnabled })
  await window.page.goto(`${world.issuer}/oauth/admin`)
  await signIn(window, email, title)
  return window
}

async function signIn ({ page }: Window, email: string, title: string): Promise<void> {
  world.upstream.signInAs(email)
  await page.getByRole('button', { name: 'Sign in with Local' }).click({ noWaitAfter: true })
  await untilTitle(page, title)
}

/** Goes to somebody's entry by a search. */
async function find ({ page }: Window, email: string): Promise<void> {
  await page.goto(`${world.issuer}/oauth/admin`)
  await page.getByRole('searchbox').fill(email.slice(0, -3))
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByRole('link', { name: email }).click()
  await untilTitle(page, email)
}

async function press ({ page }: Window, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click()
}

async function connectAs (email: string, name: string): Promise<Connection> {
  world.upstream.signInAs(email)
  return await connect(world, { metadata: { client_name: name } })
}

const statusOf = async ({ tokens }: Connection) => (await callMcp(world, tokens.access_token)).status
const rowOf = async (email: string) => (await users.list(email))[0]

t.test('whoever is no administrator is refused, whatever else they may do', { skip: chromium.skip }, async t => {
  await users.add({ email: 'user@example.com' })
  const window = await open(t, { email: 'user@example.com', title: 'You are not an administrator' })
  t.equal(await window.page.getByRole('button').count(), 0)
  t.notOk((await window.context.cookies()).some(({ name }) => name === 'mcp-oauth-admin'))
  await window.page.getByRole('link', { name: 'Use another account' }).click()
  await signIn(window, 'you@example.com', 'People')
  t.strictSame(complaintsOf(window), [])
})

for (const javaScriptEnabled of [true, false]) {
  const how = `scripts ${javaScriptEnabled ? 'on' : 'off'}`
  const ann = `ann.${javaScriptEnabled}@example.com`

  t.test(`people are added, changed and removed, and it counts at once, ${how}`, { skip: chromium.skip }, async t => {
    const window = await open(t, { javaScriptEnabled })
    const { page } = window
    const done = async () => { t.equal(await page.getByRole('status').textContent(), 'Done.') }

    await page.getByLabel('E-mail address', { exact: true }).fill(ann)
    await page.getByLabel('Name', { exact: true }).fill('Ann')
    await press(window, 'Add')
    await untilTitle(page, ann)
    await done()
    t.match(await rowOf(ann), { name: 'Ann', role: 'user', status: 'active' })
    const first = await connectAs(ann, 'First')

    await page.goto(`${world.issuer}/oauth/admin`)
    await page.getByLabel('E-mail addresses, one a line').fill(`bob.${javaScriptEnabled}@example.com\n\n${ann}\ncid.${javaScriptEnabled}@example.com`)
    await press(window, 'Add all')
    t.equal(await page.getByRole('status').textContent(), 'Added: 2/3.')
    t.match(await rowOf(`cid.${javaScriptEnabled}@example.com`), { status: 'active' })

    await find(window, ann)
    t.equal(await statusOf(first), 200)
    await press(window, 'Suspend')
    await done()
    t.equal(await statusOf(first), 401, 'suspended: the token is dead')
    await press(window, 'Give access again')
    t.equal(await statusOf(first), 200)

    await press(window, 'Make an administrator')
    t.match(await rowOf(ann), { role: 'admin' })
    await press(window, 'Make an ordinary user')
    t.match(await rowOf(ann), { role: 'user' })

    t.match(await rowOf(ann), { provider: 'local', providerUserId: `subject-of-${ann}` })
    await press(window, 'Let another account sign in')
    t.match(await rowOf(ann), { provider: null, providerUserId: null })
    t.equal(await statusOf(first), 401, 'what the account of before has connected is dead')
    t.match(await page.textContent('main'), 'No application has access in this name.')

    const connection = await connectAs(ann, 'Of Ann')
    await page.reload()
    t.match(await page.getByRole('listitem').filter({ hasText: 'Of Ann' }).first().textContent(), 'Answers go to')
    await press(window, 'End the access of an application')
    await done()
    t.equal(await statusOf(connection), 401, 'ended: the token is dead')
    t.match(await page.textContent('main'), 'No application has access in this name.')

    const again = [await connectAs(ann, 'One'), await connectAs(ann, 'Two')]
    await page.reload()
    await press(window, 'End all access of applications')
    t.strictSame(await Promise.all(again.map(statusOf)), [401, 401])

    const last = await connectAs(ann, 'Last')
    await page.getByText('Remove from the list …').click()
    await press(window, 'Remove from the list')
    await untilTitle(page, 'People')
    await done()
    t.equal(await rowOf(ann), undefined)
    t.equal(await statusOf(last), 401, 'removed: the token is dead')
    t.strictSame(complaintsOf(window), [])
  })

  t.test(`an application is deactivated and activated, ${how}`, { skip: chromium.skip }, async t => {
    const name = `Application with scripts ${javaScriptEnabled}`
    const connection = await connectAs('user@example.com', name)
    const window = await open(t, { javaScriptEnabled })
    const { page } = window
    await page.getByRole('link', { name: 'Applications' }).click()
    await page.getByRole('searchbox').fill('with SCRIPTS')
    await press(window, 'Search')
    await page.getByRole('link', { name }).click()
    await press(window, 'Deactivate')
    t.equal(await page.getByRole('status').textContent(), 'Done.')
    t.equal(await statusOf(connection), 401)
    await press(window, 'Activate')
    t.equal(await statusOf(connection), 200)
    t.strictSame(complaintsOf(window), [])
  })

  t.test(`a change that comes late waits for a sign-in and a second look, ${how}`, { skip: chromium.skip }, async t => {
    const window = await open(t, { javaScriptEnabled })
    const { page } = window
    await find(window, 'user@example.com')
    await run("UPDATE oauth_sessions SET authenticated_at = authenticated_at - interval '6 minutes'")
    await press(window, 'Suspend')
    t.equal(await page.title(), 'Sign in again to go on')
    t.match(await page.textContent('main'), 'Suspend: user@example.com')
    t.match(await rowOf('user@example.com'), { status: 'active' }, 'nothing has happened')
    const before = (await window.context.cookies()).find(({ name }) => name === 'mcp-oauth-admin')

    await signIn(window, 'you@example.com', 'Confirm the change')
    t.match(await page.textContent('main'), /You have signed in again.*Suspend.*user@example\.com/s)
    t.match(await rowOf('user@example.com'), { status: 'active' }, 'nothing has happened')
    t.not((await window.context.cookies()).find(({ name }) => name === 'mcp-oauth-admin')?.value, before?.value, 'the session is another one')
    await page.getByRole('link', { name: 'Do not' }).click()
    t.match(await rowOf('user@example.com'), { status: 'active' })
    await page.goBack()
    await press(window, 'Do it')
    t.equal(await page.getByRole('status').textContent(), 'Done.')
    t.match(await rowOf('user@example.com'), { status: 'suspended' })
    await press(window, 'Give access again')
    t.match(await rowOf('user@example.com'), { status: 'active' }, 'for five minutes nothing else is asked')
    t.strictSame(complaintsOf(window), [])
  })

  t.test(`the last administrator stays one, ${how}`, { skip: chromium.skip }, async t => {
    const window = await open(t, { javaScriptEnabled })
    const { page } = window
    for (const change of ['Suspend', 'Make an ordinary user', 'Remove from the list']) {
      await find(window, 'you@example.com')
      if (change.startsWith('Remove')) await page.getByText('Remove from the list …').click()
      await press(window, change)
      t.equal(await page.title(), 'Somebody has to administer', change)
      t.match(await rowOf('you@example.com'), { role: 'admin', status: 'active' })
      await page.getByRole('link', { name: 'Back to the administration' }).click()
      t.equal(await page.title(), 'People')
    }
  })
}

t.test('whoever loses the role is out at the next click, and whoever signs out at once', { skip: chromium.skip }, async t => {
  const id = await users.add({ email: 'second@example.com', role: 'admin' }) ?? ''
  const window = await open(t, { email: 'second@example.com' })
  const { page } = window
  await find(window, 'user@example.com')
  await users.update(id, { role: 'user' })
  await press(window, 'Suspend')
  t.equal(await page.title(), 'Administration', 'asked to sign in')
  t.match(await rowOf('user@example.com'), { status: 'active' })

  const own = await open(t)
  await press(own, 'Sign out')
  t.equal(await own.page.title(), 'Administration')
  await own.page.goBack()
  t.equal(await own.page.title(), 'Administration', 'no page is kept')
  t.notOk((await own.context.cookies()).some(({ name }) => name === 'mcp-oauth-admin'))
})
