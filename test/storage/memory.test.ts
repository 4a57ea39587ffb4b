import t from 'tap'
import { MemoryStorage } from '../../lib/storage/memory/storage.ts'
import { checkContract } from '../fixtures/storage.ts'

await checkContract(t, () => new MemoryStorage())

t.test('it needs nothing to be ready', async (t) => {
  await t.resolves(new MemoryStorage().prepare())
})
