import t from 'tap'
import { launchChromium, untilTitle } from '../fixtures/chromium.ts'
import { freePort } from '../fixtures/free-port.js'
import { callback, listen } from '../fixtures/landing.ts'
import { complaintsOf } from '../fixtures/tour/check-pages.ts'
import { startServer } from './processes.ts'
import { startAuthorization } from './sign-in.ts'

t.setTimeout(300_000)
const chromium = await launchChromium(t)

t.test('the example shows all pages: a client is connected, its person sees and ends it, and an administrator adds another person', { skip: chromium.skip }, async t => {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const { output } = await startServer(t, { cwd: t.testdir(), env: { PORT: String(port) } })
  for (const page of ['account', 'admin']) t.match(output.stdout, `${origin}/oauth/${page}`)
  const redirectUri = `http://127.0.0.1:${await listen(t, callback)}/callback`
  const { url, redeem } = await startAuthorization(origin, redirectUri)
  const window = await chromium.open(t, { javaScriptEnabled: false })
  const { page } = window
  /** At the page that stands in for a real provider. */
  const signIn = async (title: string) => {
    await untilTitle(page, 'Local sign-in')
    await page.getByRole('button', { name: 'Sign in' }).click({ noWaitAfter: true })
    await untilTitle(page, title)
  }

  await page.goto(url)
  t.match(await page.textContent('body'), /The Restaurant.*“Test client” wants access.*See restaurants, menus and orders/s)
  await page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true })
  await signIn('Connected')
  const token = await redeem(new URL(page.url()))
  const status = async () => (await fetch(`${origin}/api/restaurants`, { headers: { authorization: `Bearer ${token}` } })).status
  t.equal(await status(), 200)

  await page.goto(`${origin}/oauth/account`)
  await page.getByRole('button', { name: 'Sign in' }).click({ noWaitAfter: true })
  await signIn('Your connected applications')
  await page.getByRole('button', { name: 'End the access of Test client' }).click()
  t.equal(await status(), 401)

  await page.goto(`${origin}/oauth/admin`)
  await page.getByRole('button', { name: 'Sign in' }).click({ noWaitAfter: true })
  await signIn('People')
  await page.getByLabel('E-mail address', { exact: true }).fill('ann@example.com')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await untilTitle(page, 'ann@example.com')
  t.strictSame(complaintsOf(window), [])
  t.strictSame(window.requests.filter(url => !/^(?:data:|http:\/\/(?:localhost|127\.0\.0\.1):)/.test(url)), [], 'nobody else is asked for anything')
})
