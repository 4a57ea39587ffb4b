import assert from 'node:assert/strict'
import { after, atOnce, granted, grantedTo, newClient, type StorageCase } from './fixtures.ts'

export const registrationCases: readonly StorageCase[] = [
  {
    name: 'REG-11: registerClient: what was stored is found, and the same metadata gets the client that stands',
    async run (storage) {
      const client = newClient()
      assert.deepEqual(await storage.registerClient(client, 'hash'), client)
      assert.deepEqual(await storage.findClient(client.id), client)
      const again = newClient({ createdAt: after(60) })
      assert.deepEqual(await storage.registerClient(again, 'hash'), client)
      assert.equal(await storage.findClient(again.id), undefined)
      const other = newClient()
      assert.deepEqual(await storage.registerClient(other, 'other hash'), other)
      await storage.setClientActive(client.id, false)
      assert.deepEqual(await storage.registerClient(newClient(), 'hash'), { ...client, active: false }, 'a deactivated one too')
    }
  },
  {
    name: 'REG-11: registerClient: without a hash it is a new one each time',
    async run (storage) {
      const clients = Array.from({ length: 3 }, () => newClient({ secretHash: 'A'.repeat(43), tokenEndpointAuthMethod: 'client_secret_post' }))
      for (const client of clients) assert.deepEqual(await storage.registerClient(client, null), client)
      for (const client of clients) assert.deepEqual(await storage.findClient(client.id), client)
    }
  },
  {
    name: 'REG-11: of a hundred registrations of the same metadata at once, one stores, and all get that one',
    async run (storage) {
      const answers = await atOnce(100, async (turn) => await storage.registerClient(newClient({ id: `client ${turn}` }), 'hash'))
      assert.equal(new Set(answers.map(({ id }) => id)).size, 1)
      const stored = await atOnce(100, (turn) => storage.findClient(`client ${turn}`))
      assert.equal(stored.filter((client) => client !== undefined).length, 1)
    }
  },
  {
    name: 'REG-11: purge: of clients, only who registered itself, got no grant and is active goes, the oldest first, so many at most',
    async run (storage) {
      const { client: granting } = await granted(storage)
      const operators = newClient()
      await storage.createClient(operators)
      for (const seconds of [3, 1, 2, 4, 10]) {
        await storage.registerClient(newClient({ id: `after ${seconds}`, createdAt: after(seconds) }), `hash ${seconds}`)
      }
      await storage.setClientActive('after 4', false)
      const standing = async () => {
        const ids = [granting.id, operators.id, 'after 1', 'after 2', 'after 3', 'after 4', 'after 10']
        const clients = await Promise.all(ids.map((id) => storage.findClient(id)))
        return clients.map((client) => client !== undefined)
      }
      assert.equal(await storage.purge('clients', after(1), 10), 0, 'before, not at')
      assert.equal(await storage.purge('clients', after(10), 2), 2)
      assert.deepEqual(await standing(), [true, true, false, false, true, true, true])
      assert.equal(await storage.purge('clients', after(10), 2), 1)
      assert.deepEqual(await standing(), [true, true, false, false, false, true, true])
      const back = newClient({ createdAt: after(20) })
      assert.deepEqual(await storage.registerClient(back, 'hash 1'), back, 'who is gone can register again')
    }
  },
  {
    name: 'REG-11: purge: who registers again counts from then on, and who was used stays',
    async run (storage) {
      const back = newClient()
      await storage.registerClient(back, 'back')
      await storage.registerClient(newClient({ createdAt: after(100) }), 'back')
      const used = newClient()
      await storage.registerClient(used, 'used')
      await grantedTo(storage, used)
      await storage.registerClient(newClient({ createdAt: after(1) }), 'used')
      assert.equal(await storage.purge('clients', after(100), 10), 0)
      assert.equal(await storage.purge('clients', after(101), 10), 1)
      assert.equal(await storage.findClient(back.id), undefined)
      assert.deepEqual(await storage.findClient(used.id), used)
    }
  }
]
