import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { compareClocks, timeOf } from '../../../lib/cli/doctor/clock.ts'
import { examine } from '../../../lib/cli/doctor/examine.ts'
import { ok, ProblemError, shared, type Check } from '../../../lib/cli/doctor/finding.ts'
import { StorageUnavailableError } from '../../../lib/errors.ts'
import { ProviderError } from '../../../lib/providers/types.ts'

const failing = (name: string, error: unknown): Check => ({ name, look: async () => { throw error } })

t.test('doctor: a check that fails or takes too long hides none of the others', async t => {
  const findings = await examine([
    [{ name: 'slow', look: async () => await sleep(60_000, ok('late'), { ref: false }) }, { name: 'after', look: async () => ok('there') }],
    [failing('broken', new Error('relation "x" does not exist')), failing('odd', 'nothing to read')],
    [failing('down', new StorageUnavailableError({ reason: 'ECONNREFUSED' })), failing('full', new StorageUnavailableError({ reason: '53300' }))],
    [failing('told', new ProblemError('it is so', 'Do this.')), failing('network', new ProviderError('unavailable', 'GET https://x failed', { cause: new Error('CERT_HAS_EXPIRED') }))]
  ], 50)
  t.strictSame(findings, [
    { check: 'slow', status: 'problem', message: 'Timeout: no answer within 0.05 seconds', advice: 'Something in between lets nothing pass: look at firewalls, security groups and the proxy.' },
    { check: 'after', status: 'ok', message: 'there' },
    { check: 'broken', status: 'problem', message: 'relation "x" does not exist', advice: 'Look at the log of whatever answers there.' },
    { check: 'odd', status: 'problem', message: 'nothing to read', advice: 'Look at the log of whatever answers there.' },
    { check: 'down', status: 'problem', message: 'The storage is unavailable: ECONNREFUSED', advice: 'Nothing listens there: start it, or correct host and port. DATABASE_URL is where it is looked for.' },
    { check: 'full', status: 'problem', message: 'The storage is unavailable: 53300', advice: 'Look at the log of the database. DATABASE_URL is where it is looked for.' },
    { check: 'told', status: 'problem', message: 'it is so', advice: 'Do this.' },
    { check: 'network', status: 'problem', message: 'GET https://x failed: CERT_HAS_EXPIRED', advice: 'Give it a certificate of a public authority for this very name, with the whole chain, and renew it in time.' }
  ])
})

t.test('doctor: what several need is looked up once', async t => {
  let count = 0
  const fact = shared('it is not to be had', async () => { count++; throw new Error('down') })
  await t.rejects(fact.find(), { message: 'down' })
  await t.rejects(fact.need(), { message: 'it is not to be had' })
  t.equal(count, 1)
})

t.test('doctor: clocks that are more than five seconds apart are a problem', async t => {
  const span = { sentAt: 100_000, receivedAt: 101_000 }
  for (const time of [95_000, 100_500, 106_000]) t.equal(compareClocks('x', new Date(time), span).status, 'ok', String(time))
  t.match(compareClocks('x', new Date(90_000), span), { status: 'problem', message: "the clock of x is 10 seconds behind this machine's", advice: /NTP/ })
  t.match(compareClocks('x', new Date(161_000), span), { status: 'problem', message: "the clock of x is 60 seconds ahead of this machine's" })
  t.equal(compareClocks('x', new Date(94_000), span).status, 'problem')
  t.equal(compareClocks('x', new Date(94_000), span, 1000).status, 'ok')
  t.match(compareClocks('x', undefined, span), { status: 'skipped' })
})

t.test('doctor: a time from a cache is as old as the cache says', async t => {
  const date = 'Thu, 26 Nov 2026 01:00:00 GMT'
  t.strictSame(timeOf({ headers: { date } }), new Date('2026-11-26T01:00:00Z'))
  t.strictSame(timeOf({ headers: { date, age: '60' } }), new Date('2026-11-26T01:01:00Z'))
  for (const headers of [{}, { date: 'soon' }, { date, age: 'old' }]) t.equal(timeOf({ headers }), undefined)
})
