import { Registry } from 'prom-client'
import t from 'tap'
import { measure } from '../../lib/metrics/index.ts'
import { resolveOptions } from '../../lib/resolve-options.ts'
import { pluginOptions } from '../fixtures/guarded-app.ts'
import { samplesIn } from '../fixtures/samples.ts'

const log = { error () {}, warn () {} }
const counts = { stored: 0, dropped: 0, waiting: 0 }

function auditOf (text: string): Record<string, number> {
  return Object.fromEntries(samplesIn(text).filter(({ name }) => name.startsWith('oauth_audit_')).map(({ name, value }) => [name, value]))
}

t.test('a scrape shows what the audit trail has counted by then, and the close takes it out', async t => {
  const registry = new Registry()
  const measurement = await measure(resolveOptions(pluginOptions({ metrics: { registry } })), log)
  t.strictSame(auditOf(await registry.metrics()), {}, 'not there where nobody tells')
  measurement.watchAudit(() => counts)
  t.strictSame(auditOf(await registry.metrics()), { oauth_audit_stored_total: 0, oauth_audit_dropped_total: 0, oauth_audit_queue_length: 0 })
  Object.assign(counts, { stored: 5, dropped: 2, waiting: 3 })
  for (const scrape of ['first', 'second']) {
    t.strictSame(auditOf(await registry.metrics()), { oauth_audit_stored_total: 5, oauth_audit_dropped_total: 2, oauth_audit_queue_length: 3 }, scrape)
  }
  measurement.close()
  t.strictSame(registry.getMetricsAsArray(), [])
})

t.test('without metrics nobody asks the audit trail', async t => {
  const measurement = await measure(resolveOptions(pluginOptions()), log)
  measurement.watchAudit(() => { throw new Error('asked') })
  measurement.close()
  t.equal(measurement.metrics, undefined)
})
