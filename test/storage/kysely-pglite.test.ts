import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { checkContract, connectPGlite, empty } from '../fixtures/storage.ts'

const db = connectPGlite(t)
await migrateToLatest(db)

await checkContract(t, async () => {
  await empty(db)
  return new KyselyStorage(db)
})
