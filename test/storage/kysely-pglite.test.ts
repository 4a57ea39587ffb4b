import { PGlite } from '@electric-sql/pglite'
import { Kysely } from 'kysely'
import { PGliteDialect } from 'kysely-pglite-dialect'
import t from 'tap'
import { InvalidOptionError, StorageUnavailableError } from '../../lib/errors.ts'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { guideInserts } from '../fixtures/guide-schema.ts'
import { checkContract, empty } from '../fixtures/storage.ts'

// Its own initdb takes seconds.
t.setTimeout(120_000)

const pglite = new PGlite()
const db = new Kysely<any>({ dialect: new PGliteDialect(pglite) })
const storage = new KyselyStorage(db)

t.test('one that is not migrated is refused', async (t) => {
  await t.rejects(storage.prepare(), InvalidOptionError)
  await Promise.all([migrateToLatest(db), migrateToLatest(db)])
  await t.resolves(storage.prepare())
})

await checkContract(t, async () => {
  await empty(db)
  return storage
})

t.test('the guide\'s INSERT works', async (t) => {
  await empty(db)
  for (const statement of Object.values(guideInserts)) await pglite.query(statement)
  t.same((await storage.listUsers()).map((user) => user.role), ['user', 'admin'])
})

t.test('one that was closed is unavailable', async (t) => {
  await pglite.close()
  await t.rejects(storage.findUser('nobody'), StorageUnavailableError)
})
