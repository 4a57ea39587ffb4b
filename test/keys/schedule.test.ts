import t from 'tap'
import { after, endOf, hasEnded, isDue, jwksMaxAge, maySign, publishedAfter, refreshAfter, signerAt } from '../../lib/keys/schedule.ts'
import type { SigningKey } from '../../lib/storage/records.ts'
import { fc } from '../fixtures/property.ts'

const now = new Date('2026-01-01T00:00:00Z')
const day = 86_400

function key (signsFrom: Date, retiredAt: Date | null = null): { record: SigningKey } {
  return { record: { id: 'k', algorithm: 'RS256', sealed: '', tokenLifetime: 7 * day, createdAt: now, signsFrom, retiredAt } }
}

t.test('T15: a key signs when every process and every copy of the published keys has it, and no sooner', async t => {
  t.ok(publishedAfter > jwksMaxAge + refreshAfter, 'with room for clocks that differ')
  const old = key(now, after(now, day))
  const next = key(after(now, day + publishedAfter))
  t.equal(signerAt([old, next], after(now, day + publishedAfter - 1)), old)
  t.equal(signerAt([next, old], after(now, day + publishedAfter)), next)
  t.equal(signerAt([next], now), next, 'by a clock that is behind')
  t.equal(signerAt([], now), undefined)
})

t.test('T15: a retired key goes when the last token is dead that any process signed with it', async t => {
  const { record } = key(now, now)
  const lastSignature = after(now, refreshAfter + publishedAfter)
  t.ok(maySign(record, after(lastSignature, -1)))
  t.notOk(maySign(record, lastSignature))
  const end = after(lastSignature, record.tokenLifetime)
  t.strictSame(endOf(record), end)
  t.notOk(hasEnded(record, after(end, -1)))
  t.ok(hasEnded(record, end))
  t.equal(endOf(key(now).record), null)
  t.ok(maySign(key(now).record, after(now, 1000 * day)))
})

t.test('a key is due when it has signed for its lifetime, once', async t => {
  t.notOk(isDue(key(now).record, 90 * day, after(now, 90 * day - 1)))
  t.ok(isDue(key(now).record, 90 * day, after(now, 90 * day)))
  t.notOk(isDue(key(now, after(now, day)).record, 90 * day, after(now, 91 * day)))
})

t.test('T15: however often keys are rotated, the one that signs outlives its tokens', async t => {
  const gaps = fc.array(fc.integer({ min: 0, max: 2 * publishedAfter }), { minLength: 1, maxLength: 8 })
  fc.assert(fc.property(gaps, fc.integer({ min: 0, max: 20 * publishedAfter }), (gaps, at) => {
    // Rotated after each gap, by a process that read the keys at once.
    let time = now
    const keys = [key(now)]
    for (const gap of gaps) {
      time = after(time, gap)
      const last = keys.at(-1)
      if (last !== undefined) last.record.retiredAt = time
      keys.push(key(after(time, publishedAfter)))
    }
    const moment = after(now, at)
    const signer = signerAt(keys, moment)
    if (signer === undefined) return false
    const end = endOf(signer.record)
    return maySign(signer.record, moment) && (end === null || end >= after(moment, signer.record.tokenLifetime))
  }))
  t.pass()
})
