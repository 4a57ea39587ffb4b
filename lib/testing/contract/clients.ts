import assert from 'node:assert/strict'
import type { PageRequest } from '../../storage/records.ts'
import { absurd, after, atOnce, granted, newClient, newDocument, now, type StorageCase } from './fixtures.ts'

const url = 'https://client.example.com/oauth/client.json'

function fetchedAfter (seconds: number): number {
  return after(seconds).getTime()
}

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
    name: 'REG-03: saveClientDocument stores a public client that is as the document has it',
    async run (storage) {
      const document = newDocument({ clientName: 'A "client" \u202E <b>&\u{1F600}', fetchedAt: fetchedAfter(-60) })
      assert.equal(await storage.saveClientDocument(url, document, now), true)
      assert.deepEqual(await storage.findClient(url), newClient({
        id: url,
        name: document.clientName,
        redirectUris: document.redirectUris,
        logoUri: document.logoUri,
        documentFetchedAt: after(-60)
      }))
    }
  },
  {
    name: 'REG-03: saveClientDocument brings the row up to date; what a later document wrote stays',
    async run (storage) {
      await storage.saveClientDocument(url, newDocument(), now)
      const later = newDocument({
        clientName: 'Later', redirectUris: ['https://later.example.com/'], grantTypes: ['authorization_code'], clientUri: 'https://later.example.com', logoUri: null, fetchedAt: fetchedAfter(60)
      })
      assert.equal(await storage.saveClientDocument(url, later, after(60)), true)
      const stored = await storage.findClient(url)
      const { clientName, fetchedAt, ...described } = later
      assert.deepEqual(stored, newClient({ id: url, name: clientName, ...described, documentFetchedAt: new Date(fetchedAt) }))
      assert.equal(await storage.saveClientDocument(url, newDocument({ fetchedAt: fetchedAfter(59) }), after(61)), true)
      assert.deepEqual(await storage.findClient(url), stored)
    }
  },
  {
    name: 'REG-03: of many documents that saveClientDocument gets at once, the latest stays',
    async run (storage) {
      const saved = await atOnce(20, (turn) => {
        const seconds = (turn * 7) % 20
        return storage.saveClientDocument(url, newDocument({ clientName: `${seconds}`, fetchedAt: fetchedAfter(seconds) }), now)
      })
      assert.ok(saved.every(Boolean))
      const stored = await storage.findClient(url)
      assert.equal(stored?.name, '19')
      assert.deepEqual(stored?.documentFetchedAt, after(19))
    }
  },
  {
    name: 'REG-03: saveClientDocument changes no row that is not active, and none that no document made',
    async run (storage) {
      const registered = newClient({ id: url, secretHash: 'A'.repeat(43), tokenEndpointAuthMethod: 'client_secret_post' })
      await storage.createClient(registered)
      assert.equal(await storage.saveClientDocument(url, newDocument({ fetchedAt: fetchedAfter(60) }), after(60)), false)
      assert.deepEqual(await storage.findClient(url), registered)
      const other = `${url}#other`
      await storage.saveClientDocument(other, newDocument(), now)
      await storage.setClientActive(other, false)
      const deactivated = await storage.findClient(other)
      for (const seconds of [0, 60]) {
        assert.equal(await storage.saveClientDocument(other, newDocument({ clientName: 'Later', fetchedAt: fetchedAfter(seconds) }), after(60)), false)
      }
      assert.deepEqual(await storage.findClient(other), deactivated)
    }
  },
  {
    name: 'REG-03: the records of a grant show its client as its document has it now',
    async run (storage) {
      await storage.saveClientDocument(url, newDocument(), now)
      const { code } = await granted(storage, { clientId: url })
      await storage.saveClientDocument(url, newDocument({ clientName: 'Later', fetchedAt: fetchedAfter(60) }), after(60))
      assert.deepEqual((await storage.findCode(code.codeHash))?.client, await storage.findClient(url))
      assert.equal((await storage.findCode(code.codeHash))?.client.name, 'Later')
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
  },
  {
    name: 'searchClients: pages, the newest first; what is searched for stands in name or id, in whatever case, and means nothing but itself',
    async run (storage) {
      const clients = [['one', 'Claude'], ['https://two.example/client', 'Cursor 100%'], ['three', 'Inspector']].map(([id = '', name = ''], turn) =>
        newClient({ id, name, createdAt: after(turn) }))
      for (const client of clients) await storage.createClient(client)
      const ids = async (page: PageRequest) => (await storage.searchClients(page)).map(({ id }) => id)
      assert.deepEqual(await storage.searchClients({ limit: 9 }), clients.toReversed())
      assert.deepEqual(await ids({ limit: 1, offset: 1 }), ['https://two.example/client'])
      assert.deepEqual(await ids({ limit: 9, search: 'cLAUDE' }), ['one'])
      assert.deepEqual(await ids({ limit: 9, search: 'TWO.example' }), ['https://two.example/client'])
      assert.deepEqual(await ids({ limit: 9, search: '%' }), ['https://two.example/client'])
      assert.deepEqual(await ids({ limit: 9, search: '_' }), [])
    }
  }
]
