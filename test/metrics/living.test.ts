import { mock } from 'node:test'
import t from 'tap'
import { StorageUnavailableError } from '../../lib/index.ts'
import { livingCount } from '../../lib/metrics/living.ts'
import { appOfAnn } from '../fixtures/app-of-ann.ts'
import { captureLog } from '../fixtures/log.ts'
import { valueOf } from '../fixtures/samples.ts'

const minute = 60_000
const start = Date.parse('2026-01-01T00:00:00Z')

t.afterEach(() => { mock.timers.reset() })

t.test('a scrape in a loop asks the storage once a minute', async t => {
  const { app, watch } = await appOfAnn(t, { metrics: true })
  mock.timers.enable({ apis: ['Date'], now: start })
  await Promise.all(Array.from({ length: 20 }, async () => await app.mcpOAuth.metrics.text()))
  mock.timers.setTime(start + minute - 1)
  await app.mcpOAuth.metrics.text()
  t.strictSame(watch.calls, ['countLiving'])
  mock.timers.setTime(start + minute)
  await app.mcpOAuth.metrics.text()
  t.strictSame(watch.calls, ['countLiving', 'countLiving'])
})

t.test('what lives is counted as the storage has it', async t => {
  const { app } = await appOfAnn(t, { metrics: true })
  t.equal(await valueOf(app, 'oauth_grants_alive'), 1)
  t.equal(await valueOf(app, 'oauth_clients_alive'), 1)
})

t.test('where the storage is down, the two are absent for a minute, the rest is there, and the log says why', async t => {
  const log = captureLog()
  const { app, watch } = await appOfAnn(t, { metrics: true, fastify: { logger: log.logger } })
  t.equal(await valueOf(app, 'oauth_grants_alive'), 1)
  mock.timers.enable({ apis: ['Date'], now: Date.now() + minute })
  watch.failure = new StorageUnavailableError({ reason: 'ECONNREFUSED' })
  for (const scrape of [1, 2, 3]) t.equal(await valueOf(app, 'oauth_grants_alive'), undefined, `neither 0 nor what it was before: ${scrape}`)
  t.equal(await valueOf(app, 'oauth_clients_alive'), undefined)
  t.equal(watch.calls.length, 2, 'a failure is not repeated by each scrape')
  t.equal(await valueOf(app, 'oauth_storage_errors_total', { operation: 'countLiving', kind: 'unavailable' }), 1)
  t.match(log.of('what lives could not be counted; the metrics leave it out for a minute'), [{ level: 50, err: { message: /ECONNREFUSED/ } }])
  watch.failure = undefined
  mock.timers.setTime(Date.now() + minute)
  t.equal(await valueOf(app, 'oauth_grants_alive'), 1)
})

t.test('a storage that hangs holds a scrape up for a second, and is asked once', async t => {
  let asked = 0
  let answer: (living: { grants: number, clients: number }) => void = () => {}
  const current = livingCount(async () => {
    asked++
    return await new Promise(resolve => { answer = resolve })
  }, () => {})
  const before = performance.now()
  t.strictSame(await Promise.all([current(), current()]), [undefined, undefined])
  t.ok(performance.now() - before < 3000)
  t.equal(asked, 1)
  answer({ grants: 3, clients: 2 })
  t.strictSame(await current(), { grants: 3, clients: 2 })
})
