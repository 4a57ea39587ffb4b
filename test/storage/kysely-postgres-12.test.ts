import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { createDatabase } from '../fixtures/postgres.ts'
import { checkContract, connect, empty } from '../fixtures/storage.ts'

t.setTimeout(120_000)

const db = connect(t, await createDatabase(t, { version: 12 }))
await migrateToLatest(db)

await checkContract(t, async () => {
  await empty(db)
  return new KyselyStorage(db)
})
