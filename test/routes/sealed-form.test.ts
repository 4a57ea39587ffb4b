import t, { type Test } from 'tap'
import { mac, randomSecret } from '../../lib/keys/secrets.ts'
import { openForm, sealForm } from '../../lib/routes/sealed-form.ts'
import { serverBehind } from '../../lib/server.ts'
import { failureOf } from '../fixtures/property.ts'
import { startPlayedWorld } from '../fixtures/played-world.ts'

const now = new Date('2026-05-03T12:00:00Z')

async function start (t: Test) {
  const { world } = await startPlayedWorld(t)
  const server = serverBehind(world.app.mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  return server
}

t.test('PX-03: what was sealed is opened in the browser, for the purpose and within the hour', async t => {
  const server = await start(t)
  const browser = randomSecret()
  const { request, csrf } = sealForm(server, browser, 'admin', { pending: 'x' }, now)
  const later = (milliseconds: number) => new Date(now.getTime() + milliseconds)
  t.match(openForm(server, browser, 'admin', request, csrf, now), { id: /^[\w-]{22}$/, content: { pending: 'x' } })
  t.match(openForm(server, browser, 'admin', request, csrf, later(3_599_999)), { content: { pending: 'x' } })
  t.match(failureOf(() => openForm(server, browser, 'admin', request, csrf, later(3_600_000))), { page: 'expiredForm', statusCode: 403 })
  const foreign = { page: 'foreignForm', statusCode: 403 }
  t.match(failureOf(() => openForm(server, undefined, 'admin', request, csrf, now)), foreign)
  t.match(failureOf(() => openForm(server, randomSecret(), 'admin', request, csrf, now)), foreign)
  t.match(failureOf(() => openForm(server, browser, 'admin', request, undefined, now)), foreign)
  t.match(failureOf(() => openForm(server, browser, 'admin', request, '', now)), foreign)
  t.match(failureOf(() => openForm(server, browser, 'account', request, csrf, now)), foreign)
  t.match(failureOf(() => openForm(server, browser, 'account', request, mac(browser, 'account', request), now)), foreign, 'by whoever knows the cookie')
  t.match(failureOf(() => openForm(server, browser, 'admin', 'x.y', mac(browser, 'admin', 'x.y'), now)), foreign)
  t.match(failureOf(() => openForm(server, browser, 'admin', '', mac(browser, 'admin', ''), now)), foreign)
})

t.test('PX-03: two forms of one page have ids of their own', async t => {
  const server = await start(t)
  const browser = randomSecret()
  const ids = Array.from({ length: 100 }, () => {
    const { request, csrf } = sealForm(server, browser, 'consent', {}, now)
    return openForm(server, browser, 'consent', request, csrf, now).id
  })
  t.equal(new Set(ids).size, 100)
})
