import t from 'tap'
import { accessEvent, accessText, type AccessFacts } from '../../lib/audit/access-record.ts'
import { columnsOf } from '../../lib/audit/columns.ts'
import { eventOf } from '../../lib/audit/event.ts'
import { fc } from '../fixtures/property.ts'

const text = fc.string({ unit: 'binary', maxLength: 700 })
const optional = fc.option(text)
const list = fc.array(text, { maxLength: 16 })

const anyFacts: fc.Arbitrary<AccessFacts> = fc.record({
  type: fc.constantFrom('access', 'access.answered'),
  subject: fc.record({ user: fc.record({ id: text, email: text }), client: fc.record({ id: text }), grantId: text, tokenId: text }),
  at: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  outcome: fc.constantFrom('success', 'refused', 'failed'),
  reason: optional,
  requestId: optional,
  address: optional,
  userAgent: optional,
  method: text,
  route: optional,
  status: fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }),
  duration: fc.option(fc.integer({ min: 0, max: 1e9 }).map(tenths => tenths / 10), { nil: undefined }),
  rpc: list,
  tools: list,
  omitted: fc.nat()
})

t.test('an access is written as any other event would be, to the letter, and twice the same', async t => {
  fc.assert(fc.property(anyFacts, fc.nat(), (facts, sequence) => {
    const written = accessText(sequence, facts)
    t.equal(written, JSON.stringify(columnsOf(sequence, accessEvent(facts))))
    t.equal(accessText(sequence, facts), written)
  }), { numRuns: 300 })
})

t.test('and is in the same bounds', async t => {
  fc.assert(fc.property(anyFacts, facts => {
    const event = accessEvent(facts)
    t.strictSame({ ...eventOf(event), details: {} }, { ...event, details: {} })
    t.ok(JSON.stringify(event.details).length < 25_000)
  }), { numRuns: 100 })
})

t.test('what is known of before is forgotten before it is too much', async t => {
  const [facts] = fc.sample(anyFacts, 1)
  if (facts === undefined) throw new Error('no sample')
  for (let turn = 0; turn < 1100; turn++) {
    const userAgent = `Browser/${turn}`
    t.equal(JSON.parse(accessText(1, { ...facts, userAgent }))[14], userAgent)
  }
})
