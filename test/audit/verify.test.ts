import t from 'tap'
import { createAudit } from '../../lib/audit/audit.ts'
import { sealBatch, signMark } from '../../lib/audit/chain.ts'
import { eventOf } from '../../lib/audit/event.ts'
import { formatAnchor } from '../../lib/audit/opening.ts'
import { verifyAuditTrail, type AuditVerification } from '../../lib/audit/verify.ts'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { StorageUnavailableError } from '../../lib/errors.ts'
import type { OAuthStorage } from '../../lib/storage/types.ts'
import { startDatabase, type TestDatabase } from '../fixtures/database.ts'
import { empty } from '../fixtures/storage.ts'
import { secret } from '../fixtures/world.ts'

t.setTimeout(180_000)

const other = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
const keys = new KeyRing([secret])
const day = 86_400
const log = { error: () => {}, info: () => {} }
const database: TestDatabase = await startDatabase(t)
const { storage, run } = database

function auditOf (ring = keys, over: OAuthStorage = storage) {
  return createAudit({ sink: undefined, access: true, retention: day }, over, ring, log)
}

/** One process that writes batches of two events, and its opening before them. @returns its name */
async function written (batches = 3, ring = keys): Promise<string> {
  const audit = auditOf(ring)
  for (let batch = 0; batch < batches; batch++) {
    for (const userId of ['ann', 'bob']) audit.record({ type: 'user.changed', actor: { type: 'operator', id: 'api' }, userId, details: { b: 1, a: ['x'] }, address: '2001:db8::1' })
    await audit.query()
  }
  await audit.close()
  const [record] = await storage.queryAudit({ limit: 1 })
  return record?.writer ?? ''
}

const verify = async (ring = keys, seen: readonly string[] = []) => await verifyAuditTrail(storage, ring, seen)
const told = ({ findings }: AuditVerification) => findings.map(({ kind, first, last }) => `${kind} ${first}-${last}`)

/** Moves what was written into the past, as time would, with seals that hold. */
async function aged (ring = keys, batches = 3): Promise<string> {
  const RealDate = Date
  const then = RealDate.now() - 2 * day * 1000
  globalThis.Date = class extends RealDate {
    constructor (value?: number | string) { super(value ?? then) }
    static override now () { return then }
  } as DateConstructor
  try {
    return await written(batches, ring)
  } finally {
    globalThis.Date = RealDate
  }
}

t.beforeEach(async () => { await empty(database.db) })

t.test('what was written holds, of any number of writers', async t => {
  await Promise.all([written(), written(), written(1)])
  const verification = await verify()
  t.match(verification, { intact: true, events: 17, chains: 3, findings: [] })
  t.equal(verification.heads.length, 3)
  t.match(await verify(keys, verification.heads.map(formatAnchor)), { intact: true })
})

const changes = {
  type: "'user.removed'",
  at: "at + interval '1 millisecond'",
  actor_type: "'administrator'",
  actor_id: "'mallory'",
  actor_email: "'mallory@example.com'",
  user_id: "'mallory'",
  client_id: "'x'",
  grant_id: "'x'",
  token_id: "'x'",
  outcome: "'failed'",
  reason: "'x'",
  request_id: "'x'",
  address: "'::1'",
  user_agent: "'x'",
  details: '\'{"a":["x"],"b":2}\''
}

t.test('a row that was changed by hand is noticed, whatever column it is, and where', async t => {
  await written()
  for (const [column, value] of Object.entries(changes)) {
    const [before] = await run(`SELECT ${column}::text AS value FROM oauth_audit_events WHERE sequence = 4`)
    await run(`UPDATE oauth_audit_events SET ${column} = ${value} WHERE sequence = 4`)
    t.strictSame(told(await verify()), ['changed 4-5'], column)
    const type = { at: 'timestamptz', details: 'jsonb' }[column] ?? 'text'
    await run(`UPDATE oauth_audit_events SET ${column} = ${before?.['value'] === null ? 'NULL' : `'${before?.['value']}'::${type}`} WHERE sequence = 4`)
    t.match(await verify(), { intact: true }, `${column} put back`)
  }
  await run("UPDATE oauth_audit_events SET details = '[]' WHERE sequence = 4")
  t.strictSame(told(await verify()), ['changed 4-5'])
  await run("UPDATE oauth_audit_events SET details = 'null' WHERE sequence = 4")
  t.strictSame(told(await verify()), ['changed 4-5'])
})

t.test('rows that are removed in the middle are noticed, with their seal or without', async t => {
  await written()
  await run('DELETE FROM oauth_audit_events WHERE sequence = 5')
  t.strictSame(told(await verify()), ['removed 5-5'])
  await run('DELETE FROM oauth_audit_events WHERE sequence = 4')
  await run('DELETE FROM oauth_audit_seals WHERE last_sequence = 5')
  t.strictSame(told(await verify()), ['removed 4-5'])
})

t.test('rows that are removed at the start are noticed: no checkpoint says that they may be', async t => {
  await written()
  await run('DELETE FROM oauth_audit_events WHERE sequence <= 3')
  await run('DELETE FROM oauth_audit_seals WHERE last_sequence <= 3')
  t.strictSame(told(await verify()), ['removed 1-3'])
})

t.test('a tail that was cut is noticed: the head says how far it went', async t => {
  await written()
  await run('DELETE FROM oauth_audit_events WHERE sequence > 5')
  t.strictSame(told(await verify()), ['removed 6-7'])
  await run('DELETE FROM oauth_audit_seals WHERE last_sequence > 5')
  t.strictSame(told(await verify()), ['cut 6-7'])
  const [seal] = await run('SELECT mac FROM oauth_audit_seals WHERE last_sequence = 5')
  await run(`UPDATE oauth_audit_chains SET head_sequence = 5, head_mac = '${seal?.['mac']}'`)
  t.strictSame(told(await verify()), ['changed 5-5'], 'a head can not be made')
  await run('DELETE FROM oauth_audit_chains')
  t.strictSame(told(await verify()), ['cut 6-6'], 'nor be missing')
})

t.test('a head of before, put back, is noticed by whoever kept a later one, and by the writers that saw it', async t => {
  const writer = await written(1)
  const [old] = await run('SELECT * FROM oauth_audit_chains')
  const audit = auditOf()
  await audit.close()
  await empty(database.db)
  const longer = auditOf()
  for (let count = 0; count < 2; count++) {
    longer.record({ type: 'user.added', actor: { type: 'operator' } })
    await longer.query()
  }
  const [before] = await run('SELECT * FROM oauth_audit_chains')
  longer.record({ type: 'user.removed', actor: { type: 'operator' } })
  await longer.close()
  const { heads } = await verify()
  await written(1)
  await run('DELETE FROM oauth_audit_events WHERE sequence = 4')
  await run('DELETE FROM oauth_audit_seals WHERE last_sequence = 4')
  await run(`UPDATE oauth_audit_chains SET head_sequence = ${before?.['head_sequence']}, head_mac = '${before?.['head_mac']}', head_signature = '${before?.['head_signature']}' WHERE writer = '${before?.['writer']}'`)
  t.strictSame(told(await verify()), ['cut 4-4'], 'the writer that came later saw where it ended')
  await run(`DELETE FROM oauth_audit_events WHERE writer <> '${before?.['writer']}'`)
  await run(`DELETE FROM oauth_audit_seals WHERE writer <> '${before?.['writer']}'`)
  await run(`DELETE FROM oauth_audit_chains WHERE writer <> '${before?.['writer']}'`)
  t.match(await verify(), { intact: true }, 'all of it put back to one moment is what it was')
  t.strictSame(told(await verify(keys, heads.map(formatAnchor))), ['cut 4-4'], 'but not for who has kept a head')
  t.match(await verify(keys, ['nonsense', '']), { intact: true })
  t.ok(writer !== '' && old !== undefined)
})

t.test('a writer that was removed as a whole is noticed', async t => {
  const gone = await written()
  await written()
  for (const table of ['events', 'seals', 'chains']) await run(`DELETE FROM oauth_audit_${table} WHERE writer = '${gone}'`)
  t.strictSame(told(await verify()), ['cut 1-7'])
})

t.test('rows that nobody sealed are noticed, of a known writer and of one that never was', async t => {
  const writer = await written(1)
  const insert = (name: string, sequence: number) => run(`INSERT INTO oauth_audit_events (writer, sequence, type, at, actor_type, outcome, details)
    VALUES ('${name}', ${sequence}, 'user.added', now(), 'operator', 'success', '{}')`)
  await insert(writer, 4)
  t.strictSame(told(await verify()), ['added 4-4'])
  await run('DELETE FROM oauth_audit_events WHERE sequence = 4')
  await insert(writer, 0)
  t.strictSame(told(await verify()), ['added 0-0'])
  await run('DELETE FROM oauth_audit_events WHERE sequence = 0')
  await insert('made-up', 1)
  t.strictSame(told(await verify()), ['added 1-1', 'cut 1-1'])
})

t.test('a seal that was changed is noticed, and nothing is read that it only claims', async t => {
  await written()
  for (const [column, value] of Object.entries({ first_sequence: '3', sealed_at: "sealed_at + interval '1 second'", key_id: "'x'", previous_mac: "'x'", digest: "'x'", mac: "'x'" })) {
    const [before] = await run(`SELECT ${column}::text AS value FROM oauth_audit_seals WHERE last_sequence = 5`)
    await run(`UPDATE oauth_audit_seals SET ${column} = ${value} WHERE last_sequence = 5`)
    t.notOk((await verify()).intact, column)
    await run(`UPDATE oauth_audit_seals SET ${column} = '${before?.['value']}' WHERE last_sequence = 5`)
  }
  await run('UPDATE oauth_audit_seals SET last_sequence = 9000000000 WHERE last_sequence = 7')
  const { findings } = await verify()
  t.ok(findings.some(({ kind, first, last }) => kind === 'changed' && first === 6 && last === 9_000_000_000))
})

t.test('a batch that takes the place of another one is noticed, though its own seal holds', async t => {
  const events = [eventOf({ type: 'user.added', actor: { type: 'operator' }, userId: 'ann' })]
  const start = { sequence: 0, mac: '' }
  const one = sealBatch(keys.auditKey, 'writer', start, events, new Date())
  const instead = sealBatch(keys.auditKey, 'writer', start, [eventOf({ type: 'user.added', actor: { type: 'operator' }, userId: 'bob' })], new Date())
  const two = sealBatch(keys.auditKey, 'writer', { sequence: 1, mac: one.seal.mac }, events, new Date())
  for (const batch of [instead, two]) await storage.appendAudit(batch)
  t.strictSame(told(await verify()), ['changed 2-2'], 'what follows hangs on the one that was there')
})

t.test('a secret that was rotated still verifies; one that is not given is told, and a wrong one can not pass for it', async t => {
  await written(1)
  const rotated = new KeyRing([other, secret])
  await written(1, rotated)
  t.match(await verify(rotated), { intact: true, chains: 2 })
  const alone = await verify(new KeyRing([other]))
  t.strictSame(new Set(alone.findings.map(({ kind }) => kind)), new Set(['unverified']))
  t.equal(alone.findings.length, 2, 'the events, and the head')
})

t.test('old events leave, and the checkpoint that stays verifies', async t => {
  const old = await aged()
  await written(1)
  const audit = auditOf()
  t.equal(await audit.purge(new Date()), 7)
  t.equal(await audit.purge(new Date()), 0)
  const { events } = await audit.query({ type: 'audit.purged' })
  t.match(events, [{ actor: { type: 'server' }, details: { writer: old, first: 1, last: 7, verified: true } }])
  await audit.close()
  t.strictSame(await run(`SELECT count(*)::int AS count FROM oauth_audit_events WHERE writer = '${old}'`), [{ count: 0 }])
  t.match(await verify(), { intact: true, chains: 3 })

  await run(`UPDATE oauth_audit_chains SET checkpoint_sequence = 6 WHERE writer = '${old}'`)
  t.strictSame(told(await verify()).sort(), ['changed 6-6', 'cut 7-7', 'cut 7-7'], 'the checkpoint, the head, and what a later writer saw')
  await run(`UPDATE oauth_audit_chains SET checkpoint_sequence = NULL WHERE writer = '${old}'`)
  t.strictSame(told(await verify()), ['cut 1-7', 'cut 7-7'], 'without it, they are missing, and another one has seen them')
})

t.test('of a chain that goes on, only what is old leaves, and what was put where it stood is noticed', async t => {
  const old = await aged()
  const chain = async () => (await storage.listAuditChains()).find(({ writer }) => writer === old)
  await run('UPDATE oauth_audit_seals SET sealed_at = now() WHERE last_sequence > 3')
  const audit = auditOf()
  await audit.purge(new Date())
  await audit.close()
  t.match(await chain(), { checkpoint: { sequence: 3 } })
  await run(`INSERT INTO oauth_audit_events (writer, sequence, type, at, actor_type, outcome, details) VALUES ('${old}', 2, 'access', now(), 'user', 'success', '{}')`)
  t.ok(told(await verify()).includes('added 2-2'))
})

t.test('what was changed by hand is never made good by its age', async t => {
  const errors: object[] = []
  const strict = createAudit({ sink: undefined, access: true, retention: day }, storage, keys, { ...log, error: object => { errors.push(object) } })
  for (const change of [
    "UPDATE oauth_audit_seals SET digest = 'x' WHERE last_sequence = 5", 'DELETE FROM oauth_audit_seals WHERE last_sequence = 5', "UPDATE oauth_audit_seals SET previous_mac = 'x' WHERE last_sequence = 5",
    "UPDATE oauth_audit_chains SET checkpoint_sequence = 0, checkpoint_mac = '', checkpoint_signature = 'x', checkpoint_key_id = head_key_id"
  ]) {
    await empty(database.db)
    await aged()
    await run(change)
    t.equal(await strict.purge(new Date()), 0, change)
    t.match(errors.pop(), { err: { name: 'AuditTamperedError' } })
  }
  await strict.close()
})

t.test('events under a secret that is gone leave too, and the trail says that nobody could tell', async t => {
  await aged(new KeyRing([other]))
  const audit = auditOf()
  t.equal(await audit.purge(new Date()), 7)
  t.match((await audit.query({ type: 'audit.purged' })).events, [{ details: { verified: false } }])
  await audit.close()
  t.strictSame((await verify()).findings.map(({ kind }) => kind), ['unverified', 'unverified'], 'the head, and the removal')
})

t.test('a checkpoint under a secret that is gone is told', async t => {
  const old = await aged()
  const audit = auditOf(new KeyRing([other, secret]))
  await audit.purge(new Date())
  await audit.close()
  t.ok((await verify()).findings.some(({ kind, writer }) => kind === 'unverified' && writer === old))
  const again = auditOf(keys)
  t.equal(await again.purge(new Date()), 0)
  await again.close()
})

t.test('two processes that remove old events at once do it once', async t => {
  await aged()
  const [one, two] = [auditOf(), auditOf()]
  const removeAudit = storage.removeAudit.bind(storage)
  let about = 0
  let meet = () => {}
  const both = new Promise<void>(resolve => { meet = resolve })
  t.intercept(storage, 'removeAudit', {
    value: async (...parameters: Parameters<typeof removeAudit>) => {
      if (++about === 2) meet()
      await both
      return await removeAudit(...parameters)
    }
  })
  const removed = await Promise.all([one.purge(new Date()), two.purge(new Date())])
  t.strictSame(removed.sort(), [0, 7])
  t.equal(about, 2, 'both were about the same ones')
  await Promise.all([one.close(), two.close()])
  t.match(await verify(), { intact: true })
})

t.test('what is removed for its age while the trail is verified is no finding', async t => {
  const old = await aged()
  const { seal } = { seal: (await storage.listAuditSeals(old, 0, 10)).at(-1) }
  if (seal === undefined) throw new Error('there is no seal')
  let isFirst = true
  const racing: OAuthStorage = new Proxy(storage, {
    get (target, name) {
      const method: unknown = Reflect.get(target, name)
      if (name !== 'listAuditRecords' || typeof method !== 'function') return typeof method === 'function' ? method.bind(target) : method
      return async (...parameters: unknown[]) => {
        if (isFirst) await target.removeAudit(signMark(keys.auditKey, 'checkpoint', seal), 0)
        isFirst = false
        return Reflect.apply(method, target, parameters)
      }
    }
  })
  t.match(await verifyAuditTrail(racing, keys), { intact: true, chains: 1 })
  t.match(await verifyAuditTrail(storage, keys, [formatAnchor({ writer: old, sequence: 3, mac: 'x'.repeat(43) })]), { intact: true }, 'an end that is behind the checkpoint')
})

t.test('a batch that comes while the trail is verified is no finding', async t => {
  await written(1)
  const audit = auditOf()
  const happen = async () => {
    audit.record({ type: 'user.added', actor: { type: 'operator' } })
    return (await audit.query({ limit: 1 })).events[0]?.writer
  }
  const growing = await happen()
  let isFirst = true
  const racing: OAuthStorage = new Proxy(storage, {
    get (target, name) {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return async (...parameters: unknown[]) => {
        const answer: unknown = await Reflect.apply(method, target, parameters)
        if (name !== 'listAuditSeals' || parameters[0] !== growing || !Array.isArray(answer) || answer.length > 0 || !isFirst) return answer
        isFirst = false
        await happen()
        return answer
      }
    }
  })
  t.match(await verifyAuditTrail(racing, keys), { intact: true })
  t.notOk(isFirst)
  await audit.close()
})

t.test('many batches leave in steps, and the trail tells of them once', async t => {
  const old = await aged(keys, 45)
  const audit = auditOf()
  t.equal(await audit.purge(new Date()), 91)
  t.match((await audit.query({ type: 'audit.purged' })).events.map(({ details }) => details), [{ writer: old, first: 1, last: 91, verified: true }])
  await audit.close()
  t.match(await verify(), { intact: true })
})

t.test('old events stay while the storage is down', async t => {
  const audit = auditOf()
  await aged()
  t.intercept(storage, 'removeAudit', { value: async () => { throw new StorageUnavailableError() } })
  await t.rejects(audit.purge(new Date()), StorageUnavailableError)
  await audit.close()
})

t.test('rows without a chain keep no process from writing', async t => {
  await run("INSERT INTO oauth_audit_events (writer, sequence, type, at, actor_type, outcome, details) VALUES ('made-up', 1, 'audit.started', now(), 'server', 'success', '{\"heads\":[\"nonsense\"]}')")
  await written(1)
  t.strictSame(told(await verify()), ['added 1-1', 'cut 1-1'])
})

t.test('what an opening names and nobody can read is no finding of its own', async t => {
  const audit = auditOf()
  audit.record({ type: 'audit.started', actor: { type: 'server' }, details: { heads: ['nonsense'] } })
  await audit.query()
  await audit.close()
  t.match(await verify(), { intact: true })
})
