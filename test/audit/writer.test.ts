import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createAudit } from '../../lib/audit/audit.ts'
import { eventOf, type AuditEntry } from '../../lib/audit/event.ts'
import { AuditWriter } from '../../lib/audit/writer.ts'
import { StorageUnavailableError } from '../../lib/errors.ts'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { MemoryStorage } from '../../lib/storage/memory/storage.ts'
import type { OAuthStorage } from '../../lib/storage/types.ts'
import { captureLog } from '../fixtures/log.ts'
import { watchStorage } from '../fixtures/watched-storage.ts'
import { secret } from '../fixtures/world.ts'
import { until } from '../fixtures/until.ts'

const keys = new KeyRing([secret])
const entry: AuditEntry = { type: 'user.added', actor: { type: 'operator', id: 'api' } }
const opening: AuditEntry = { type: 'audit.started', actor: { type: 'server' } }
const numbered = (count: number) => eventOf({ ...entry, userId: String(count) })

function setUp (given: OAuthStorage = new MemoryStorage()) {
  const lines: Array<{ level: string, message: string, object: object }> = []
  const write = (level: string) => (object: object, message: string) => { lines.push({ level, message, object }) }
  const log = { error: write('error'), info: write('info') }
  const watch = watchStorage(given)
  const writer = new AuditWriter({ storage: watch.storage, key: keys.auditKey, log, opening: async () => eventOf(opening) })
  return { storage: given, watch, writer, lines, log }
}

async function stored (storage: OAuthStorage): Promise<Array<string | null>> {
  const records = (await storage.queryAudit({ limit: 100_000 })).filter(({ type }) => type === 'user.added')
  return records.map(({ userId }) => userId).sort((one, other) => Number(one) - Number(other))
}

async function untilStored (storage: OAuthStorage, count: number): Promise<void> {
  await until(async () => (await stored(storage)).length >= count)
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => String(index))

function isSum ({ generated, stored, dropped, waiting }: AuditWriter['counts']): boolean {
  return generated === stored + dropped + waiting
}

t.test('events are stored in batches, in order, off the path of who tells them', async t => {
  const { storage, watch, writer } = setUp()
  t.teardown(async () => { await writer.close() })
  for (let count = 0; count < 2500; count++) writer.push(numbered(count))
  t.strictSame(watch.trail, [], 'not yet')
  await writer.flush()
  t.strictSame(await stored(storage), upTo(2500))
  t.strictSame(writer.counts, { generated: 2501, stored: 2501, dropped: 0, waiting: 0 })
  const appended = watch.trail.filter(name => name === 'appendAudit').length
  t.equal(appended, 3)
  const records = (await storage.listAuditRecords(writer.writer, 1, 3000, 3000)).slice(1)
  t.strictSame(records.map(({ userId }) => userId), upTo(2500))
})

t.test('few events wait for each other, and not for long', async t => {
  const { storage, writer } = setUp()
  t.teardown(async () => { await writer.close() })
  writer.push(numbered(0))
  await sleep(100)
  t.strictSame(await stored(storage), [])
  await untilStored(storage, 1)
  t.strictSame(await stored(storage), ['0'])
})

t.test('whatever is acknowledged is stored; whoever waits while the storage is down is refused, and the event comes later', async t => {
  const { storage, watch, writer } = setUp()
  t.teardown(async () => { await writer.close() })
  await writer.commit(numbered(0))
  t.strictSame(await stored(storage), ['0'])
  watch.failure = new StorageUnavailableError()
  await t.rejects(writer.commit(numbered(1)), StorageUnavailableError)
  await t.rejects(writer.commit(numbered(2)), StorageUnavailableError)
  t.match(writer.counts, { waiting: 2, dropped: 0 })
  watch.failure = undefined
  await untilStored(storage, 3)
  t.strictSame(await stored(storage), ['0', '1', '2'])
  await writer.commit(numbered(3))
  t.ok(isSum(writer.counts))
})

t.test('while the storage is down, a bounded number waits; the rest is counted, and the trail tells how many', async t => {
  const { storage, watch, writer, lines } = setUp()
  await writer.commit(numbered(0))
  watch.failure = new Error('a defect is no better than a storage that is down')
  for (let count = 1; count <= 12_000; count++) writer.push(numbered(count))
  await t.rejects(writer.commit(numbered(1)), { message: /the audit trail is full/ })
  t.match(writer.counts, { stored: 2, dropped: 2001 })
  t.ok(isSum(writer.counts))
  t.equal(lines.filter(({ message }) => message === 'audit events are lost: too many wait to be stored').length, 1)
  await sleep(50)
  await writer.flush()
  t.match(writer.counts, { stored: 2, waiting: 10_001 }, 'a flush does not wait for what can not be')
  watch.failure = undefined
  await sleep(1300)
  await writer.flush()
  t.strictSame(await stored(storage), upTo(10_001))
  const [told, ...others] = await storage.queryAudit({ types: ['audit.dropped'], limit: 10 })
  t.match(told, { details: { count: 2001 }, outcome: 'failed', actor: { type: 'server' } })
  t.strictSame(others, [])
  t.strictSame(writer.counts, { generated: 12_004, stored: 10_003, dropped: 2001, waiting: 0 })
  await writer.close()
  t.match(lines.map(({ message }) => message), [
    'audit events are lost: too many wait to be stored', 'audit events can not be stored; they wait', 'audit events are stored again', 'the audit trail ends here'
  ])
})

t.test('a batch whose answer was lost is stored once', async t => {
  const memory = new MemoryStorage()
  const { append } = { append: memory.appendAudit.bind(memory) }
  let losses = 2
  memory.appendAudit = async batch => {
    await append(batch)
    if (losses-- > 0) throw new StorageUnavailableError({ reason: 'ECONNRESET' })
  }
  const { writer } = setUp(memory)
  for (let count = 0; count < 5; count++) writer.push(numbered(count))
  await t.rejects(writer.commit(numbered(5)), StorageUnavailableError)
  await writer.close()
  t.strictSame(await stored(memory), upTo(6))
  t.strictSame(writer.counts, { generated: 7, stored: 7, dropped: 0, waiting: 0 })
})

t.test('at the close, what waits is stored; afterwards nothing is taken, and what comes is counted', async t => {
  const { storage, writer, lines } = setUp()
  writer.push(numbered(0))
  await writer.close()
  t.strictSame(await stored(storage), ['0'])
  writer.push(numbered(1))
  await t.rejects(writer.commit(numbered(2)), StorageUnavailableError)
  await writer.close()
  t.strictSame(writer.counts, { generated: 4, stored: 2, dropped: 2, waiting: 0 })
  t.match(lines[0], { level: 'info', message: 'the audit trail ends here', object: { writer: writer.writer, sequence: 2, mac: /^[\w-]{43}$/ } })
})

t.test('a close while the storage is down gives up after a while, and says how many were lost', async t => {
  const { watch, writer, lines } = setUp()
  await writer.commit(numbered(0))
  watch.failure = new StorageUnavailableError()
  for (let count = 1; count <= 3; count++) writer.push(numbered(count))
  const began = Date.now()
  await writer.close()
  t.ok(Date.now() - began < 7000)
  t.strictSame(writer.counts, { generated: 5, stored: 2, dropped: 3, waiting: 0 })
  t.match(lines.at(-2), { level: 'error', message: 'audit events were lost: the storage was not there to take them', object: { dropped: 3 } })
  const { calls } = watch
  const before = calls.length
  await sleep(300)
  t.ok(calls.length - before <= 1, 'it does not go on trying')
})

t.test('a storage that was never there: nothing is stored, all is counted', async t => {
  const watch = watchStorage(new MemoryStorage())
  watch.failure = new StorageUnavailableError()
  const log = captureLog()
  const write = (object: object, msg: string) => { log.lines.push({ ...object, msg }) }
  const audit = createAudit({ sink: undefined, access: true, retention: 86_400 }, watch.storage, keys, { error: write, info: write })
  audit.record(entry)
  await audit.close()
  t.strictSame(audit.counts, { generated: 1, stored: 0, dropped: 1, waiting: 0 })
  t.strictSame(log.of('the audit trail ends here'), [])
})

t.test('what comes through after the close has given up is no loss', async t => {
  const memory = new MemoryStorage()
  const append = memory.appendAudit.bind(memory)
  let release = () => {}
  memory.appendAudit = async batch => {
    await new Promise<void>(resolve => { release = resolve })
    await append(batch)
  }
  const { writer } = setUp(memory)
  const waiting = t.rejects(writer.commit(numbered(0)), { message: /the app has closed/ })
  await writer.close()
  await waiting
  t.strictSame(writer.counts, { generated: 2, stored: 0, dropped: 2, waiting: 0 })
  release()
  await sleep(20)
  t.strictSame(writer.counts, { generated: 2, stored: 2, dropped: 0, waiting: 0 })
})

t.test('what waits keeps nothing of the requests that it came from', async t => {
  const { watch, writer } = setUp()
  watch.failure = new StorageUnavailableError()
  const before = process.memoryUsage()
  for (let count = 0; count < 10_000; count++) {
    const body = `client_id=${String(count).padStart(20, 'x')}&rest=${'y'.repeat(50_000)}${count}`
    const clientId = body.slice(10, 30)
    writer.push(eventOf({ type: 'client.refused', actor: { type: 'anonymous' }, clientId, userAgent: body }))
  }
  if (globalThis.gc !== undefined) globalThis.gc()
  const grown = process.memoryUsage().heapUsed - before.heapUsed
  t.ok(grown < 150_000_000, `${Math.round(grown / 1e6)} MB for what was half a gigabyte`)
  watch.failure = undefined
  await writer.close()
})

/** A storage that takes its time. */
class SlowStorage extends MemoryStorage {
  delay = 900
  override async appendAudit (batch: Parameters<MemoryStorage['appendAudit']>[0]): Promise<void> {
    // What takes longest must not keep the test's process.
    await sleep(this.delay, undefined, { ref: this.delay < 10_000 })
    await super.appendAudit(batch)
  }
}

t.test('what comes while a slow storage is at work does not wait for more to come', async t => {
  const { storage, writer } = setUp(new SlowStorage())
  t.teardown(async () => { await writer.close() })
  writer.push(numbered(0))
  await sleep(700)
  writer.push(numbered(1))
  await untilStored(storage, 2)
  t.strictSame(await stored(storage), ['0', '1'])
  writer.push(numbered(2))
  await untilStored(storage, 3)
  t.strictSame(await stored(storage), ['0', '1', '2'])
})

t.test('a close behind a flush loses nothing', async t => {
  const storage = new SlowStorage()
  storage.delay = 50
  const { writer } = setUp(storage)
  writer.push(numbered(0))
  const flushed = writer.flush()
  await sleep(20)
  writer.push(numbered(1))
  await flushed
  await writer.close()
  t.match(writer.counts, { dropped: 0, waiting: 0 })
  t.strictSame(await stored(storage), ['0', '1'])
})

t.test('whoever waits for a flush is let go where the close has given up', async t => {
  const storage = new SlowStorage()
  storage.delay = 20_000
  const { writer } = setUp(storage)
  for (let count = 0; count < 1500; count++) writer.push(numbered(count))
  const flushed = writer.flush()
  await sleep(50)
  await writer.close()
  await flushed
  t.equal(writer.counts.dropped, writer.counts.generated)
})
