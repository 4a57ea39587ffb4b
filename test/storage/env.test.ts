import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { InvalidOptionError, StorageUnavailableError } from '../../lib/errors.ts'
import { migrateToLatest, storageFromEnv } from '../../lib/storage/kysely/index.ts'
import { createDatabase } from '../fixtures/postgres.ts'
import { tcpProxy } from '../fixtures/tcp-proxy.ts'

t.setTimeout(120_000)

t.test('DATABASE_URL that is absent or another database\'s stops the start, with what to do and without what it is', async (t) => {
  const absent: NodeJS.ProcessEnv = {}
  for (const env of [absent, { DATABASE_URL: '' }, { DATABASE_URL: 'mysql://root:hunter2@localhost/app' }, { DATABASE_URL: 'hunter2' }]) {
    const error = await storageFromEnv(env).catch((refusal: unknown) => refusal)
    t.ok(error instanceof InvalidOptionError)
    t.match(error, { option: 'DATABASE_URL', message: /^DATABASE_URL: set it to .*postgres:\/\// })
    t.notMatch(String(error), /hunter2/)
  }
})

t.test('the environment of the process is the default', async (t) => {
  const before = process.env['DATABASE_URL']
  t.teardown(() => {
    delete process.env['DATABASE_URL']
    if (before !== undefined) process.env['DATABASE_URL'] = before
  })
  process.env['DATABASE_URL'] = await createDatabase(t)
  const { db, storage } = await storageFromEnv()
  await migrateToLatest(db)
  await t.resolves(storage.prepare())
  await db.destroy()
})

t.test('connections that are lost, idle or at work, do not end the process', async (t) => {
  const address = new URL((await createDatabase(t)).replace('postgres://', 'postgresql://'))
  const proxy = await tcpProxy(t, Number(address.port))
  address.port = String(proxy.port)
  const { db, storage } = await storageFromEnv({ DATABASE_URL: address.href })
  t.teardown(() => db.destroy())
  await migrateToLatest(db)
  for (const work of ['SELECT', 'SELECT pg_sleep(10)']) {
    const working = sql.raw(work).execute(db).then(() => 'answered', () => 'lost')
    if (work === 'SELECT') await working
    else await sleep(100)
    await proxy.cut()
    t.equal(await working, work === 'SELECT' ? 'answered' : 'lost')
    await sleep(50)
    await t.rejects(storage.prepare(), StorageUnavailableError)
    await proxy.mend()
    await t.resolves(storage.prepare())
  }
})

t.test('a database that does not answer is given up after five seconds', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const { db, storage } = await storageFromEnv({ DATABASE_URL: `postgres://127.0.0.1:${port}/none` })
  const start = Date.now()
  await t.rejects(storage.prepare(), StorageUnavailableError)
  const waited = Date.now() - start
  t.ok(waited > 4000 && waited < 9000, `${waited} ms`)
  await db.destroy()
})

t.test('changes are heard by DATABASE_URL, or where DATABASE_LISTEN_URL leads, or not at all', async (t) => {
  const url = await createDatabase(t)
  const hears = async (DATABASE_LISTEN_URL?: string, turns = 400) => {
    const { db, storage } = await storageFromEnv({ DATABASE_URL: url, DATABASE_LISTEN_URL })
    const told: string[] = []
    const end = await storage.watchChanges({ changed: (changes) => { told.push(String(changes)) }, failed: (error) => { told.push(Object(error).code) } })
    for (let attempt = 0; attempt < turns && told.length === 0; attempt++) await sleep(25)
    await end()
    await db.destroy()
    return told
  }
  t.strictSame(await hears(), ['everything'])
  t.strictSame(await hears(url), ['everything'])
  t.strictSame(await hears('postgres://127.0.0.1:1/none'), ['ECONNREFUSED'])
  t.strictSame(await hears('none', 40), [])
  await t.rejects(storageFromEnv({ DATABASE_URL: url, DATABASE_LISTEN_URL: 'localhost' }), InvalidOptionError)
})
