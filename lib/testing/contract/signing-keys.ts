import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { SigningKey } from '../../storage/records.ts'
import type { OAuthStorage } from '../../storage/types.ts'
import { absurd, after, atOnce, now, type StorageCase } from './fixtures.ts'

function newSigningKey (key: Partial<SigningKey> = {}): SigningKey {
  return {
    id: randomUUID(),
    algorithm: 'RS256',
    sealed: 'root.sealed',
    tokenLifetime: 604_800,
    createdAt: now,
    signsFrom: after(420),
    retiredAt: null,
    ...key
  }
}

async function stored (storage: OAuthStorage, changes: Partial<SigningKey> = {}): Promise<SigningKey> {
  const key = newSigningKey(changes)
  assert.equal(await storage.addSigningKey(key), true)
  return key
}

/** The one key that there is. */
async function onlyKey (storage: OAuthStorage): Promise<SigningKey | undefined> {
  const [key, ...others] = await storage.listSigningKeys()
  assert.deepEqual(others, [])
  return key
}

export const signingKeyCases: readonly StorageCase[] = [
  {
    name: 'listSigningKeys: what was added is found, one current key an algorithm',
    async run (storage) {
      assert.deepEqual(await storage.listSigningKeys(), [])
      const keys = [await stored(storage), await stored(storage, { algorithm: 'ES256' }), await stored(storage, { algorithm: 'EdDSA' })]
      const listed = await storage.listSigningKeys()
      assert.deepEqual(listed.toSorted((one, other) => keys.findIndex(({ id }) => id === one.id) - keys.findIndex(({ id }) => id === other.id)), keys)
    }
  },
  {
    name: 'addSigningKey: beside a current key of the algorithm, nothing is written',
    async run (storage) {
      const key = await stored(storage)
      assert.equal(await storage.addSigningKey(newSigningKey()), false)
      assert.deepEqual(await onlyKey(storage), key)
    }
  },
  {
    name: 'addSigningKey: of fifty at once, one is stored',
    async run (storage) {
      const added = await atOnce(50, async () => {
        const key = newSigningKey()
        return await storage.addSigningKey(key) ? [key] : []
      })
      assert.equal(added.flat().length, 1)
      assert.deepEqual(await storage.listSigningKeys(), added.flat())
    }
  },
  {
    name: 'retireSigningKey: of twenty at once one retires it, and then there is room for one successor',
    async run (storage) {
      const { id } = await stored(storage)
      const retired = await atOnce(20, async (turn) => await storage.retireSigningKey(id, after(turn)) ? [turn] : [])
      assert.deepEqual([(await onlyKey(storage))?.retiredAt], retired.flat().map(after))
      assert.equal((await atOnce(20, () => storage.addSigningKey(newSigningKey()))).filter((added) => added).length, 1)
      const keys = await storage.listSigningKeys()
      assert.deepEqual(keys.filter(({ retiredAt }) => retiredAt === null).length, 1)
      assert.equal(keys.length, 2)
    }
  },
  {
    name: 'extendSigningKey: raises the lifetime of tokens, and never lowers it',
    async run (storage) {
      const { id } = await stored(storage)
      assert.equal(await storage.extendSigningKey(id, 604_800), false)
      assert.equal(await storage.extendSigningKey(id, 60), false)
      assert.equal(await storage.extendSigningKey(id, 604_801), true)
      assert.equal((await onlyKey(storage))?.tokenLifetime, 604_801)
    }
  },
  {
    name: 'resealSigningKey: of twenty at once one replaces what stood there',
    async run (storage) {
      const key = await stored(storage)
      assert.equal(await storage.resealSigningKey(key.id, 'other', 'new'), false)
      const resealed = await atOnce(20, async (turn) => await storage.resealSigningKey(key.id, key.sealed, `new ${turn}`) ? [turn] : [])
      assert.equal(resealed.flat().length, 1)
      assert.deepEqual(await onlyKey(storage), { ...key, sealed: `new ${resealed.flat()[0]}` })
    }
  },
  {
    name: 'removeSigningKey: a key that is not retired stays',
    async run (storage) {
      const key = await stored(storage)
      assert.equal(await storage.removeSigningKey(key.id), false)
      assert.deepEqual(await onlyKey(storage), key)
      assert.equal(await storage.retireSigningKey(key.id, now), true)
      assert.equal((await atOnce(5, () => storage.removeSigningKey(key.id))).filter((removed) => removed).length, 1)
      assert.equal(await onlyKey(storage), undefined)
    }
  },
  {
    name: 'signing keys: an id that no key has changes nothing',
    async run (storage) {
      const key = await stored(storage)
      for (const id of ['none', absurd, '__proto__']) {
        assert.equal(await storage.retireSigningKey(id, now), false)
        assert.equal(await storage.extendSigningKey(id, 1_000_000), false)
        assert.equal(await storage.resealSigningKey(id, key.sealed, 'new'), false)
        assert.equal(await storage.removeSigningKey(id), false)
      }
      assert.deepEqual(await onlyKey(storage), key)
    }
  }
]
