import t, { type Test } from 'tap'
import { untilTitle } from '../fixtures/chromium.ts'
import { complaintsOf } from '../fixtures/tour/check-pages.ts'
import { openWindow, startRestaurant, type Stage } from '../fixtures/tour/index.ts'

t.setTimeout(300_000)
const restaurant = await startRestaurant(t)
const options = { skip: restaurant.chromium.skip }
const { users } = restaurant.world.app.mcpOAuth

/** Nobody here has a mouse. */
async function open (t: Test, path?: string): Promise<Stage> {
  const stage = await openWindow(t, restaurant, 'en')
  if (path !== undefined) await stage.goto(path)
  return stage
}

/** What has the focus, and whether one sees that it has. */
async function focused ({ page }: Stage): Promise<{ text: string, isVisible: boolean }> {
  return await page.evaluate(() => {
    const { activeElement: element } = document
    if (element === null) return { text: '', isVisible: false }
    const { outlineStyle, outlineWidth } = getComputedStyle(element)
    const label = element.closest('label')?.textContent ?? element.textContent ?? ''
    return { text: label.trim(), isVisible: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 }
  })
}

/** Presses Tab until something has the focus. @throws where it is not reached */
async function tabTo (t: Test, stage: Stage, wanted: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await stage.page.keyboard.press('Tab')
    const { text, isVisible } = await focused(stage)
    if (text !== wanted) continue
    t.ok(isVisible, `one sees the focus on ${wanted}`)
    return
  }
  throw new Error(`“${wanted}” is not reached by Tab`)
}

async function press (t: Test, stage: Stage, wanted: string, key: 'Enter' | 'Space', title: string): Promise<void> {
  await tabTo(t, stage, wanted)
  await stage.page.keyboard.press(key)
  await untilTitle(stage.page, title)
}

t.test('consent: the buttons come in their order, to deny is as near as to allow, and Enter on nothing allows nothing', options, async t => {
  const stage = await open(t)
  await stage.ask(restaurant.clients.planner)
  const asked = () => restaurant.google.asked.length + restaurant.microsoft.asked.length
  await stage.page.keyboard.press('Enter')
  const order = []
  for (let presses = 0; presses < 3; presses++) {
    await stage.page.keyboard.press('Tab')
    order.push((await focused(stage)).text)
  }
  t.strictSame(order, ['Allow and sign in with Google', 'Allow and sign in with Microsoft', 'Deny'])
  t.equal(asked(), 0)
  await stage.page.keyboard.press('Space')
  await untilTitle(stage.page, 'You denied the request')
  await press(t, stage, 'Back to planner.example', 'Enter', 'Connected')
  t.match(stage.page.url(), 'error=access_denied')

  await stage.ask(restaurant.clients.planner)
  restaurant.microsoft.signInAs('ben@restaurant.example')
  await press(t, stage, 'Allow and sign in with Microsoft', 'Enter', 'You are not on the list')
  t.equal(restaurant.microsoft.asked.length, 1, 'the provider that was chosen')
  t.equal(asked(), 1, 'and no other')
  await press(t, stage, 'Use another account: Sign in with Google', 'Space', 'Connected')
  t.match(stage.page.url(), 'code=')
  t.strictSame(complaintsOf(stage.window), [])
})

t.test('account: sign in, end one, end all, sign out', options, async t => {
  const stage = await open(t)
  await stage.connect(restaurant.clients.planner)
  await stage.connect(restaurant.clients.assistant)
  await stage.connect(restaurant.clients.editor)
  await stage.goto('/oauth/account')
  await press(t, stage, 'Sign in with Google', 'Enter', 'Your connected applications')
  await tabTo(t, stage, 'End the access of Menu Planner')
  await stage.page.keyboard.press('Space')
  await stage.page.getByRole('status').waitFor()
  t.strictSame(await stage.page.getByRole('heading', { level: 2 }).allTextContents(), ['Cursor', 'Table Assistant'])
  await tabTo(t, stage, 'End all access')
  await stage.page.keyboard.press('Enter')
  await stage.page.getByText('No application has access').waitFor()
  await press(t, stage, 'Sign out', 'Space', 'See what you have connected')
  t.strictSame(complaintsOf(stage.window), [])
})

t.test('administration: add, find, change, remove, sign out', options, async t => {
  const stage = await open(t, '/oauth/admin')
  const { keyboard } = stage.page
  restaurant.google.signInAs('you@example.com')
  await press(t, stage, 'Sign in with Google', 'Enter', 'People')
  await tabTo(t, stage, 'E-mail address')
  await keyboard.type('zoe@example.com')
  await tabTo(t, stage, 'as an administrator')
  await keyboard.press('Space')
  await keyboard.press('Enter')
  await untilTitle(stage.page, 'zoe@example.com')
  t.match(await users.list('zoe@example.com'), [{ role: 'admin' }])

  await press(t, stage, 'People', 'Enter', 'People')
  await tabTo(t, stage, 'Search addresses and names')
  await keyboard.type('ZOE')
  await keyboard.press('Enter')
  await stage.page.waitForURL('**?search=ZOE')
  await press(t, stage, 'zoe@example.com', 'Enter', 'zoe@example.com')
  await tabTo(t, stage, 'Make an ordinary user')
  await keyboard.press('Space')
  await stage.page.getByRole('status').waitFor()
  t.match(await users.list('zoe@example.com'), [{ role: 'user' }])
  await tabTo(t, stage, 'Remove from the list …')
  await keyboard.press('Enter')
  await press(t, stage, 'Remove from the list', 'Space', 'People')
  t.strictSame(await users.list('zoe@example.com'), [])

  await press(t, stage, 'Applications', 'Enter', 'Applications')
  await press(t, stage, 'Menu Planner', 'Enter', 'Menu Planner')
  await press(t, stage, 'Sign out', 'Enter', 'Administration')
  t.strictSame(complaintsOf(stage.window), [])
})
