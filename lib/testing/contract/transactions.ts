import assert from 'node:assert/strict'
import type { SessionTransaction, Transaction, TransactionKey, TransactionRefusal } from '../../storage/records.ts'
import { absurd, after, atOnce, newDocument, newTransaction, now, type StorageCase } from './fixtures.ts'

function keyOf ({ handleHash, bindingHash }: Transaction): TransactionKey {
  return { handleHash, bindingHash, now }
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
      assert.equal(await storage.findTransaction(keyOf(second)), 'unknown')
    }
  },
  {
    name: 'C2: findTransaction and consumeTransaction refuse another handle, another browser and one that has expired',
    async run (storage) {
      const transaction = newTransaction()
      await storage.createTransaction(transaction)
      const key = keyOf(transaction)
      const wrong: Array<[TransactionKey, TransactionRefusal]> = [
        [{ ...key, handleHash: 'another' }, 'unknown'],
        [{ ...key, handleHash: absurd }, 'unknown'],
        [{ ...key, bindingHash: 'another' }, 'other-browser'],
        [{ ...key, bindingHash: '', now: after(601) }, 'other-browser'],
        [{ ...key, now: transaction.expiresAt }, 'expired'],
        [{ ...key, now: after(601) }, 'expired']
      ]
      for (const [wrongKey, refusal] of wrong) {
        assert.equal(await storage.findTransaction(wrongKey), refusal)
        assert.equal(await storage.consumeTransaction(wrongKey), refusal)
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
    name: 'a sign-in for a session is kept with what waits to be confirmed, and nothing of clients',
    async run (storage) {
      const { handleHash, bindingHash, consentHash, provider, prompts, maxAge, loginHint, createdAt, expiresAt } = newTransaction({ maxAge: 0 })
      const common = { handleHash, bindingHash, consentHash, provider, prompts, maxAge, loginHint, createdAt, expiresAt }
      const admin: SessionTransaction = { ...common, kind: 'admin', pending: 'change=suspend&user=ann' }
      const account: SessionTransaction = { ...common, kind: 'account', pending: null, handleHash: 'handle', consentHash: 'consent' }
      for (const transaction of [admin, account]) {
        assert.equal(await storage.createTransaction(transaction), true)
        assert.deepEqual(await storage.findTransaction(keyOf(transaction)), transaction)
        assert.deepEqual(await storage.consumeTransaction(keyOf(transaction)), transaction)
      }
    }
  },
  {
    name: 'consumeTransaction: of many at once, one gets it, and nobody finds it afterwards',
    async run (storage) {
      const transaction = newTransaction({ state: 'x'.repeat(5000), clientDocument: newDocument() })
      await storage.createTransaction(transaction)
      const consumed = await atOnce(50, () => storage.consumeTransaction(keyOf(transaction)))
      assert.deepEqual(consumed.filter(result => result !== 'used'), [transaction])
      assert.equal(await storage.consumeTransaction({ ...keyOf(transaction), bindingHash: 'another' }), 'other-browser')
      assert.equal(await storage.consumeTransaction({ ...keyOf(transaction), now: after(601) }), 'used')
      assert.equal(await storage.findTransaction(keyOf(transaction)), 'used')
    }
  }
]
