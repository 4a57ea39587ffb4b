import t from 'tap'
import { MemoryStorage, type ChangeWatcher } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, guardedApp } from '../fixtures/guarded-app.ts'
import { captureLog } from '../fixtures/log.ts'

for (const metrics of [false, true]) {
  t.test(`what a storage tells of counts at the next request, with metrics ${metrics ? 'on' : 'off'}, until the app closes`, async t => {
    let watcher: ChangeWatcher | undefined
    const storage = new class extends MemoryStorage {
      async watchChanges (given: ChangeWatcher) {
        watcher = given
        return async () => { watcher = undefined }
      }
    }()
    const log = captureLog()
    const app = await guardedApp(t, { storage, metrics, revalidateAfter: 3600, after: answering(), fastify: { logger: log.logger } })
    const headers = await signInAs(app, { email: 'ann@example.com' })
    const call = async () => (await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode
    t.equal(await call(), 200)
    const [user] = await storage.listUsers('ann@example.com')
    const id = user?.id ?? ''
    await storage.updateUser(id, { status: 'suspended' }, new Date())
    t.equal(await call(), 200, 'nobody has told')
    watcher?.changed([{ kind: 'user', id: 'another' }])
    t.equal(await call(), 200)
    watcher?.changed([{ kind: 'user', id }])
    t.equal(await call(), 401)
    watcher?.failed(new Error('lost'))
    t.match(log.of('changes made elsewhere go unheard; until that is mended, they count within revalidateAfter (3600 s)'), [{ level: 40, err: { message: 'lost' } }])
    await app.close()
    t.equal(watcher, undefined)
  })
}
