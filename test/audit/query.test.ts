import t from 'tap'
import { queryAuditTrail } from '../../lib/audit/query.ts'
import { MemoryStorage } from '../../lib/storage/memory/storage.ts'
import { createAudit } from '../../lib/audit/audit.ts'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { secret } from '../fixtures/world.ts'

async function setUp (count: number) {
  const storage = new MemoryStorage()
  const audit = createAudit({ sink: undefined, access: true, retention: 86_400 }, storage, new KeyRing([secret]), { error: () => {}, info: () => {} })
  for (let index = 0; index < count; index++) audit.record({ type: index % 2 === 0 ? 'user.added' : 'user.removed', actor: { type: 'operator' }, userId: String(index), at: new Date(1000 * index) })
  await audit.query()
  t.teardown(async () => { await audit.close() })
  return storage
}

t.test('a query that can not be one is refused', async t => {
  const storage = new MemoryStorage()
  for (const query of [{ limit: 0 }, { limit: 1001 }, { limit: 1.5 }, { limit: NaN }]) await t.rejects(queryAuditTrail(storage, query), { name: 'TypeError', message: /limit must be/ })
  for (const after of ['', 'x', 'W10', Buffer.from('[1,"w",2]; DROP').toString('base64url'), Buffer.from('[1,"w"]').toString('base64url')]) {
    await t.rejects(queryAuditTrail(storage, { after }), { name: 'TypeError', message: /after is not/ }, after)
  }
  for (const name of ['since', 'until']) await t.rejects(queryAuditTrail(storage, { [name]: new Date(NaN) }), { name: 'TypeError', message: `${name} is not a date` })
})

t.test('pages follow each other until the last one, with the same filter', async t => {
  const storage = await setUp(10)
  const found: Array<string | null> = []
  let after: string | undefined
  let pages = 0
  do {
    const page = await queryAuditTrail(storage, { type: ['user.added', 'user.removed'], limit: 5, after })
    found.push(...page.events.map(({ userId }) => userId))
    after = page.after
    pages++
  } while (after !== undefined)
  t.equal(pages, 2, 'a last page that is full is the last one all the same')
  t.strictSame(found, ['9', '8', '7', '6', '5', '4', '3', '2', '1', '0'])
  t.match(await queryAuditTrail(storage, { type: 'user.removed', since: new Date(3000), until: new Date(7000) }), { events: [{ userId: '5' }, { userId: '3' }], after: undefined })
})
