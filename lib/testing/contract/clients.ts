import assert from 'node:assert/strict'
import { absurd, granted, newClient, type StorageCase } from './fixtures.ts'

export const clientCases: readonly StorageCase[] = [
  {
    name: 'findClient: an id that no client has, however long, is not found',
    async run (storage) {
      assert.equal(await storage.findClient('none'), undefined)
      assert.equal(await storage.findClient(absurd), undefined)
      assert.equal(await storage.findClient('__proto__'), undefined)
    }
  },
  {
    name: 'createClient: what was stored is found',
    async run (storage) {
      const open = newClient()
      const confidential = newClient({
        secretHash: 'A'.repeat(43),
        tokenEndpointAuthMethod: 'client_secret_post',
        grantTypes: ['authorization_code'],
        clientUri: 'https://client.example.com',
        logoUri: 'https://client.example.com/logo.png',
        name: 'A "client" \u202E <b>&\u{1F600}',
        active: false
      })
      await storage.createClient(open)
      await storage.createClient(confidential)
      assert.deepEqual(await storage.findClient(open.id), open)
      assert.deepEqual(await storage.findClient(confidential.id), confidential)
    }
  },
  {
    name: 'setClientActive: says whether there is such a client, and every record of its grants shows it',
    async run (storage) {
      const { client, code } = await granted(storage)
      assert.equal(await storage.setClientActive('none', false), false)
      assert.equal(await storage.setClientActive(client.id, false), true)
      assert.equal((await storage.findClient(client.id))?.active, false)
      assert.equal((await storage.findCode(code.codeHash))?.client.active, false)
      assert.equal(await storage.setClientActive(client.id, true), true)
      assert.equal((await storage.findClient(client.id))?.active, true)
    }
  }
]
