import t from 'tap'
import type { AccessFacts } from '../../lib/audit/access-record.ts'
import { createAudit } from '../../lib/audit/audit.ts'
import type { AuditEntry, AuditEvent } from '../../lib/audit/event.ts'
import { SinkFeed, type AuditSink } from '../../lib/audit/sink.ts'
import { MemoryStorage, StorageUnavailableError } from '../../lib/index.ts'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { secret } from '../fixtures/world.ts'

const entry: AuditEntry = { type: 'user.added', actor: { type: 'operator', id: 'api' } }

function logged () {
  const lines: Array<{ message: string, object: object }> = []
  const write = (object: object, message: string) => { lines.push({ message, object }) }
  return { lines, log: { error: write, info: write } }
}

function auditInto (sink: AuditSink) {
  const { lines, log } = logged()
  return { lines, audit: createAudit({ sink, access: true, retention: 86_400 }, new MemoryStorage(), new KeyRing([secret]), log) }
}

t.test('nothing is handed over within the request: the sink comes later, in order, one event at a time', async t => {
  const order: string[] = []
  let busy = 0
  const { audit } = auditInto(async ({ userId }: AuditEvent) => {
    t.equal(busy++, 0)
    await new Promise(resolve => { setTimeout(resolve, 1) })
    busy--
    order.push(userId ?? '')
  })
  for (const userId of ['1', '2', '3']) audit.record({ ...entry, userId })
  t.strictSame(order, [])
  await audit.close()
  t.strictSame(order, ['1', '2', '3'])
})

t.test('a sink that throws or rejects is logged, and gets the next event all the same', async t => {
  const got: Array<string | null> = []
  const { audit, lines } = auditInto(({ userId }: AuditEvent) => {
    got.push(userId)
    if (userId === '1') throw new Error('down')
    return userId === '2' ? Promise.reject(new Error('down')) : undefined
  })
  for (const userId of ['1', '2', '3']) audit.record({ ...entry, userId })
  await audit.close()
  t.strictSame(got, ['1', '2', '3'])
  t.strictSame(lines.map(({ message }) => message).filter(message => message.includes('sink')), ['the audit sink failed', 'the audit sink failed'])
})

t.test('an event that can not even be read is logged, and thrown at nobody', async t => {
  const { audit, lines } = auditInto(() => t.fail('told'))
  t.doesNotThrow(() => { audit.record({ ...entry, get userId (): string { throw new Error('boom') } }) })
  await audit.close()
  t.match(lines, [{ message: 'an event could not be recorded', object: { type: 'user.added' } }])
})

t.test('a sink that never answers costs a bounded queue, and the close comes all the same; what it missed is told', async t => {
  const clock = t.intercept(globalThis, 'setTimeout', { value: (run: () => void) => setImmediate(run) })
  const { lines, log } = logged()
  const feed = new SinkFeed(() => new Promise(() => {}), log)
  const event = { type: 'user.added' } as AuditEvent
  feed.push(event)
  await new Promise(resolve => { setImmediate(resolve) })
  for (let count = 0; count < 10_050; count++) feed.push(event)
  await feed.close()
  t.ok(clock)
  t.match(lines, [{ message: 'the audit sink is too slow: events were not handed to it', object: { missed: 10_050 } }])
})

t.test('with audit: false nothing is done', async t => {
  const { lines, log } = logged()
  const audit = createAudit(undefined, new MemoryStorage(), new KeyRing([secret]), log)
  audit.record({ ...entry, get userId (): string { throw new Error('boom') } })
  const facts: AccessFacts = {
    type: 'access',
    subject: { user: { id: 'ann', email: 'ann@example.com' }, client: { id: 'client' }, grantId: 'grant', tokenId: 'token' },
    at: 0,
    outcome: 'success',
    reason: null,
    requestId: null,
    address: null,
    userAgent: null,
    method: 'GET',
    route: null,
    status: 200,
    duration: 0,
    rpc: [],
    tools: [],
    omitted: 0
  }
  audit.recordAccess(facts)
  await audit.commitAccess(facts)
  audit.start()
  t.equal(await audit.purge(new Date()), 0)
  t.strictSame(await audit.query(), { events: [], after: undefined })
  t.match(await audit.verify(), { intact: true, events: 0 })
  t.match(audit.counts, { generated: 0, stored: 0, dropped: 0, waiting: 0 })
  await audit.close()
  t.strictSame(lines, [])
})

t.test('once it is started, old events leave about once an hour, and the log says where the trail ends', async t => {
  const { lines, log } = logged()
  const due: Array<{ run: () => void, delay: number }> = []
  const { setTimeout } = globalThis
  const storage = new MemoryStorage()
  const audit = createAudit({ sink: undefined, access: true, retention: 86_400 }, storage, new KeyRing([secret]), log)
  audit.record(entry)
  await audit.query()
  t.intercept(globalThis, 'setTimeout', {
    value: (run: () => void, delay = 0) => {
      if (delay < 1_000_000) return setTimeout(run, delay)
      due.push({ run, delay })
      return { unref: () => undefined }
    }
  })
  const pass = async () => {
    due.shift()?.run()
    await new Promise(resolve => { setTimeout(resolve, 20) })
  }
  audit.start()
  t.ok(due.every(({ delay }) => delay >= 1_800_000 && delay <= 5_400_000))
  await pass()
  t.match(lines, [{ message: 'the audit trail ends here', object: { sequence: 2 } }])
  t.equal(due.length, 1, 'and again')
  for (const failure of [new StorageUnavailableError(), new Error('a defect')]) {
    storage.listAuditChains = async () => { throw failure }
    await pass()
  }
  t.match(lines.map(({ message }) => message).filter(message => message.includes('old')), ['old audit events stay for now: the storage is unavailable', 'old audit events could not be removed'])
  await audit.close()
})
