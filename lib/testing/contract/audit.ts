import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { sealBatch, signMark, type ChainEnd } from '../../audit/chain.ts'
import { eventOf, type AuditEntry, type AuditEvent } from '../../audit/event.ts'
import type { AuditBatch, AuditRecord } from '../../storage/audit.ts'
import type { OAuthStorage } from '../../storage/types.ts'
import { absurd, after, atOnce, now, type StorageCase } from './fixtures.ts'

const key = { keyId: 'key', key: Buffer.alloc(32, 1) }

function newEvent (entry: Partial<AuditEntry> = {}): AuditEvent {
  return eventOf({ type: 'access', actor: { type: 'user', id: 'ann', email: 'ann@example.com' }, at: now, ...entry })
}

/** All that an event can hold. */
const full: Partial<AuditEntry> = {
  at: new Date('2026-11-01T12:00:00.123Z'),
  userId: 'ann',
  clientId: 'client',
  grantId: 'grant',
  tokenId: 'token',
  outcome: 'refused',
  reason: 'it said "no" — \\ \u{1f600}',
  requestId: 'req-1',
  address: '2001:db8::ff00:42:8329',
  userAgent: 'Browser/1.0 (X11; "Linux")',
  details: { zebra: 1.5, b: true, aa: null, tools: ['one', 'two'], name: 'é\u2028', none: [] }
}

function batchOf (events: readonly AuditEvent[], { writer = 'writer', end = { sequence: 0, mac: '' } }: { writer?: string, end?: ChainEnd } = {}): AuditBatch {
  return sealBatch(key, writer, end, events, now)
}

function endOf ({ seal }: AuditBatch): ChainEnd {
  return { sequence: seal.last, mac: seal.mac }
}

/** Three batches of one writer, of two events each, a second apart. */
async function threeBatches (storage: OAuthStorage, writer = 'writer'): Promise<[AuditBatch, AuditBatch, AuditBatch]> {
  const events = (from: number) => [from, from + 1].map(seconds => newEvent({ at: after(seconds) }))
  const one = batchOf(events(1), { writer })
  const two = batchOf(events(3), { writer, end: endOf(one) })
  const three = batchOf(events(5), { writer, end: endOf(two) })
  for (const batch of [one, two, three]) await storage.appendAudit(batch)
  return [one, two, three]
}

const sequences = (records: readonly AuditRecord[]) => records.map(({ sequence }) => sequence)

export const auditCases: readonly StorageCase[] = [
  {
    name: 'appendAudit: what was stored is read as it was written, to the millisecond',
    async run (storage) {
      assert.deepEqual(await storage.listAuditChains(), [])
      const events = [newEvent(), newEvent(full)]
      const batch = batchOf(events)
      await storage.appendAudit(batch)
      const records = await storage.listAuditRecords('writer', 1, 2, 10)
      assert.deepEqual(records, events.map((event, index) => ({ writer: 'writer', sequence: index + 1, ...event })))
      assert.deepEqual(records.map(({ details }) => Object.keys(details)), events.map(({ details }) => Object.keys(details)), 'in the same order')
      assert.deepEqual(await storage.listAuditSeals('writer', 0, 10), [batch.seal])
      assert.deepEqual(await storage.listAuditChains(), [{ writer: 'writer', head: batch.head, checkpoint: undefined }])
    }
  },
  {
    name: 'appendAudit: the same batch again, and an older one, change nothing',
    async run (storage) {
      const [one, two, three] = await threeBatches(storage)
      for (const batch of [one, three, two]) await storage.appendAudit(batch)
      await atOnce(10, () => storage.appendAudit(three))
      assert.deepEqual(sequences(await storage.listAuditRecords('writer', 1, 10, 10)), [1, 2, 3, 4, 5, 6])
      assert.deepEqual(await storage.listAuditSeals('writer', 0, 10), [one.seal, two.seal, three.seal])
      assert.deepEqual((await storage.listAuditChains()).map(({ head }) => head), [three.head])
    }
  },
  {
    name: 'appendAudit: of many at once from many writers, all are stored',
    async run (storage) {
      const writers = Array.from({ length: 20 }, () => randomUUID())
      await Promise.all(writers.map(writer => storage.appendAudit(batchOf([newEvent(), newEvent()], { writer }))))
      assert.deepEqual((await storage.listAuditChains()).map(({ writer }) => writer), writers.sort())
      assert.equal((await storage.queryAudit({ limit: 100 })).length, 40)
    }
  },
  {
    name: 'appendAudit: a batch of a thousand',
    async run (storage) {
      const batch = batchOf(Array.from({ length: 1000 }, (_, index) => newEvent({ at: after(index) })))
      await storage.appendAudit(batch)
      assert.deepEqual(sequences(await storage.listAuditRecords('writer', 999, 1000, 10)), [999, 1000])
    }
  },
  {
    name: 'listAuditSeals and listAuditRecords: a part, in order, and no more than asked for',
    async run (storage) {
      const [one, two, three] = await threeBatches(storage)
      assert.deepEqual(await storage.listAuditSeals('writer', 2, 1), [two.seal])
      assert.deepEqual(await storage.listAuditSeals('writer', 3, 10), [two.seal, three.seal])
      assert.deepEqual(await storage.listAuditSeals('writer', 6, 10), [])
      assert.deepEqual(await storage.listAuditSeals('writer', 0, 2), [one.seal, two.seal])
      assert.deepEqual(sequences(await storage.listAuditRecords('writer', 2, 5, 10)), [2, 3, 4, 5])
      assert.deepEqual(sequences(await storage.listAuditRecords('writer', 2, Number.MAX_SAFE_INTEGER, 2)), [2, 3])
      assert.deepEqual(await storage.listAuditRecords('writer', Number.MIN_SAFE_INTEGER, 0, 1), [])
      for (const writer of ['other', absurd, '__proto__']) {
        assert.deepEqual(await storage.listAuditSeals(writer, 0, 10), [])
        assert.deepEqual(await storage.listAuditRecords(writer, 1, 10, 10), [])
      }
    }
  },
  {
    name: 'queryAudit: all filters, and each by itself',
    async run (storage) {
      const kept = newEvent({ ...full, at: after(10), type: 'token.issued' })
      await storage.appendAudit(batchOf([
        kept, newEvent({ ...kept, userId: 'bob' }), newEvent({ ...kept, clientId: 'other' }), newEvent({ ...kept, type: 'access' }), newEvent({ ...kept, at: after(9) }), newEvent({ ...kept, at: after(11) })
      ]))
      const found = async (filter: object) => sequences(await storage.queryAudit({ limit: 10, ...filter })).sort()
      assert.deepEqual(await found({ userId: 'ann' }), [1, 3, 4, 5, 6])
      assert.deepEqual(await found({ clientId: 'client' }), [1, 2, 4, 5, 6])
      assert.deepEqual(await found({ types: ['token.issued'] }), [1, 2, 3, 5, 6])
      assert.deepEqual(await found({ types: ['token.issued', 'access'] }), [1, 2, 3, 4, 5, 6])
      assert.deepEqual(await found({ since: after(10) }), [1, 2, 3, 4, 6])
      assert.deepEqual(await found({ until: after(11) }), [1, 2, 3, 4, 5])
      assert.deepEqual(await found({ userId: 'ann', clientId: 'client', types: ['token.issued'], since: after(10), until: after(11) }), [1])
      for (const nobody of ['', absurd, 'ANN', '__proto__']) assert.deepEqual(await found({ userId: nobody }), [])
    }
  },
  {
    name: 'queryAudit: the latest first, a page at a time, though several have the same time',
    async run (storage) {
      for (const writer of ['b', 'a', 'B']) await storage.appendAudit(batchOf([newEvent(), newEvent(), newEvent({ at: after(1) })], { writer }))
      const pages: AuditRecord[] = []
      for (let before: AuditRecord | undefined, turn = 0; turn < 9; turn++) {
        const [record] = await storage.queryAudit({ before, limit: 1 })
        if (record !== undefined) pages.push(record)
        before = record
      }
      assert.deepEqual(pages.map(({ writer, sequence }) => `${writer}${sequence}`), ['b3', 'a3', 'B3', 'b2', 'b1', 'a2', 'a1', 'B2', 'B1'])
      assert.deepEqual(await storage.queryAudit({ before: pages.at(-1), limit: 1 }), [])
    }
  },
  {
    name: 'removeAudit: up to the checkpoint, events and seals, and no other writer\'s',
    async run (storage) {
      const [, two, three] = await threeBatches(storage)
      await threeBatches(storage, 'other')
      const checkpoint = signMark(key, 'checkpoint', two.seal)
      assert.equal(await storage.removeAudit(checkpoint, 0), true)
      assert.deepEqual(sequences(await storage.listAuditRecords('writer', 1, 10, 10)), [5, 6])
      assert.deepEqual(await storage.listAuditSeals('writer', 0, 10), [three.seal])
      assert.deepEqual((await storage.listAuditChains())[1], { writer: 'writer', head: three.head, checkpoint })
      assert.equal((await storage.listAuditRecords('other', 1, 10, 10)).length, 6)
      await storage.appendAudit(batchOf([newEvent()], { end: endOf(three) }))
      assert.deepEqual((await storage.listAuditChains())[1]?.checkpoint, checkpoint, 'what comes later leaves it')
    }
  },
  {
    name: 'removeAudit: of twenty at once one wins, and one that is late changes nothing',
    async run (storage) {
      const [one, two, three] = await threeBatches(storage)
      const removed = await atOnce(20, () => storage.removeAudit(signMark(key, 'checkpoint', one.seal), 0))
      assert.equal(removed.filter(Boolean).length, 1)
      assert.equal(await storage.removeAudit(signMark(key, 'checkpoint', three.seal), 0), false)
      assert.equal(await storage.removeAudit(signMark(key, 'checkpoint', { ...two.seal, writer: 'nobody' }), 0), false)
      assert.deepEqual(sequences(await storage.listAuditRecords('writer', 1, 10, 10)), [3, 4, 5, 6])
      assert.equal(await storage.removeAudit(signMark(key, 'checkpoint', two.seal), 2), true)
      assert.deepEqual(sequences(await storage.listAuditRecords('writer', 1, 10, 10)), [5, 6])
    }
  }
]
