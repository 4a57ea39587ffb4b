import assert from 'node:assert/strict'
import type { Transaction, TransactionKey } from '../../storage/records.ts'
import { absurd, after, atOnce, newDocument, newTransaction, now, type StorageCase } from './fixtures.ts'

function keyOf ({ handleHash, kind, bindingHash }: Transaction): TransactionKey {
  return { handleHash, kind, bindingHash, now }
}

export const transactionCases: readonly StorageCase[] = [
  {
    name: 'C3: createTransaction takes a consent once, of many at once',
    async run (storage) {
      const created = await atOnce(50, () => storage.createTransaction(newTransaction({ consentHash: 'consent' })))
      assert.equal(created.filter(Boolean).length, 1)
    }
  },
  {
    name: 'C3: createTransaction writes nothing where the consent was used, by a consumed transaction too',
    async run (storage) {
      const transaction = newTransaction({ consentHash: 'consent' })
      await storage.createTransaction(transaction)
      await storage.consumeTransaction(keyOf(transaction))
      const second = newTransaction({ consentHash: 'consent' })
      assert.equal(await storage.createTransaction(second), false)
      assert.equal(await storage.findTransaction(keyOf(second)), undefined)
    }
  },
  {
    name: 'C2: findTransaction and consumeTransaction refuse another handle, another browser and one that has expired',
    async run (storage) {
      const transaction = newTransaction()
      await storage.createTransaction(transaction)
      const key = keyOf(transaction)
      const wrong: TransactionKey[] = [
        { ...key, handleHash: 'another' },
        { ...key, handleHash: absurd },
        { ...key, bindingHash: 'another' },
        { ...key, now: transaction.expiresAt },
        { ...key, now: after(601) }
      ]
      for (const wrongKey of wrong) {
        assert.equal(await storage.findTransaction(wrongKey), undefined)
        assert.equal(await storage.consumeTransaction(wrongKey), undefined)
      }
      assert.deepEqual(await storage.consumeTransaction({ ...key, now: after(599.999) }), transaction, 'none of it consumed')
    }
  },
  {
    name: 'findTransaction: reads what was stored, and changes nothing',
    async run (storage) {
      const transaction = newTransaction({ state: null, scopes: [], nonce: null, prompts: [], maxAge: null, loginHint: null })
      assert.equal(await storage.createTransaction(transaction), true)
      assert.deepEqual(await storage.findTransaction(keyOf(transaction)), transaction)
      assert.deepEqual(await storage.findTransaction(keyOf(transaction)), transaction)
    }
  },
  {
    name: 'consumeTransaction: of many at once, one gets it, and nobody finds it afterwards',
    async run (storage) {
      const transaction = newTransaction({ state: 'x'.repeat(5000), clientDocument: newDocument() })
      await storage.createTransaction(transaction)
      const consumed = await atOnce(50, () => storage.consumeTransaction(keyOf(transaction)))
      assert.deepEqual(consumed.filter(Boolean), [transaction])
      assert.equal(await storage.findTransaction(keyOf(transaction)), undefined)
    }
  }
]
