import assert from 'node:assert/strict'
import type { PurgeKind, Token } from '../../storage/records.ts'
import type { OAuthStorage } from '../../storage/types.ts'
import { after, atOnce, granted, newSession, newToken, newTransaction, now, redeemed, type StorageCase } from './fixtures.ts'

/** Of each, whether it still stands. */
async function standing (storage: OAuthStorage, ...tokens: readonly Token[]): Promise<boolean[]> {
  const found = await Promise.all(tokens.map(({ id }) => storage.findToken(id)))
  return found.map((record) => record !== undefined)
}

export const housekeepingCases: readonly StorageCase[] = [
  {
    name: 'purge: an empty storage has nothing to remove',
    async run (storage) {
      for (const kind of ['tokens', 'codes', 'grants', 'transactions', 'sessions', 'clients'] satisfies PurgeKind[]) {
        assert.equal(await storage.purge(kind, after(1_000_000_000), 10), 0, kind)
      }
    }
  },
  {
    name: 'purge: of tokens, those that expired before go, the oldest first, so many at most; the grant of the last one goes along',
    async run (storage) {
      const { grant, code, accessToken, refreshToken } = await redeemed(storage, { expiresAt: after(300) })
      assert.equal(await storage.purge('tokens', after(300), 10), 0, 'before, not at')
      assert.equal(await storage.purge('tokens', after(301), 10), 1)
      assert.deepEqual(await standing(storage, accessToken, refreshToken), [true, false])
      assert.equal((await storage.findCode(code.codeHash))?.grant.id, grant.id)
      const { accessToken: second } = await redeemed(storage)
      assert.equal(await storage.purge('tokens', after(604_801), 1), 1)
      assert.deepEqual(await standing(storage, accessToken, second), [false, true])
      assert.equal(await storage.findCode(code.codeHash), undefined)
      assert.equal(await storage.revokeGrant(grant.id, now), false, 'it is gone')
    }
  },
  {
    name: 'purge: a refresh token that was used stays until it expires, and is a replay until then',
    async run (storage) {
      const { grant, refreshToken } = await redeemed(storage, { expiresAt: after(1000) })
      const successor = newToken(grant, { expiresAt: after(500) })
      const rotation = { tokenId: refreshToken.id, successor, accessToken: newToken(grant, { type: 'access_token', expiresAt: after(400) }), now }
      assert.equal((await storage.rotateRefreshToken(rotation)).outcome, 'rotated')
      assert.equal(await storage.purge('tokens', after(501), 10), 2, 'its successor and the access token')
      assert.deepEqual(await standing(storage, refreshToken), [true])
      const replay = { ...rotation, successor: newToken(grant), accessToken: newToken(grant), now: after(600) }
      assert.deepEqual(await storage.rotateRefreshToken(replay), { outcome: 'reused' })
      assert.deepEqual(await standing(storage, replay.successor, replay.accessToken), [false, false])
    }
  },
  {
    name: 'purge: a revoked grant stays as long as its tokens, and so does their being dead',
    async run (storage) {
      const { grant, refreshToken } = await redeemed(storage)
      await storage.revokeGrant(grant.id, now)
      for (const kind of ['tokens', 'codes', 'grants'] satisfies PurgeKind[]) assert.equal(await storage.purge(kind, after(3600), 10), 0, kind)
      assert.deepEqual((await storage.findToken(refreshToken.id))?.grant.revokedAt, now)
    }
  },
  {
    name: 'purge: a code that nobody used goes with its grant; a used one stays, and is a replay',
    async run (storage) {
      const unused = await granted(storage)
      const used = await redeemed(storage)
      assert.equal(await storage.purge('codes', after(60), 10), 0, 'before, not at')
      assert.equal(await storage.purge('codes', after(61), 10), 1)
      assert.equal(await storage.findCode(unused.code.codeHash), undefined)
      assert.deepEqual(await storage.listConnections(unused.user.id, now), [])
      const tokens = { accessToken: newToken(unused.grant), refreshToken: undefined }
      assert.equal(await storage.redeemCode({ codeHash: unused.code.codeHash, ...tokens, now }), 'dead')
      const replay = { codeHash: used.code.codeHash, accessToken: newToken(used.grant), refreshToken: undefined, now: after(3600) }
      assert.equal(await storage.redeemCode(replay), 'replayed')
    }
  },
  {
    name: 'purge: of grants, those that expired before and have no token left go, the oldest first, so many at most',
    async run (storage) {
      const [second, first] = [await granted(storage, { expiresAt: after(200) }), await granted(storage, { expiresAt: after(100) })]
      const { refreshToken, code } = await redeemed(storage, {}, { expiresAt: after(50) })
      assert.equal(await storage.purge('grants', after(100), 10), 0, 'before, not at')
      assert.equal(await storage.purge('grants', after(201), 1), 1)
      assert.equal(await storage.findCode(first.code.codeHash), undefined)
      assert.notEqual(await storage.findCode(second.code.codeHash), undefined)
      assert.equal(await storage.purge('grants', after(201), 10), 1)
      assert.deepEqual(await standing(storage, refreshToken), [true])
      assert.notEqual(await storage.findCode(code.codeHash), undefined)
    }
  },
  {
    name: 'C3: purge: of transactions, those that expired before go, used or not; until then none of them is begun twice',
    async run (storage) {
      const [used, waiting] = [newTransaction({ consentHash: 'used' }), newTransaction({ consentHash: 'waiting', expiresAt: after(700) })]
      for (const transaction of [used, waiting]) await storage.createTransaction(transaction)
      const { handleHash, bindingHash } = used
      await storage.consumeTransaction({ handleHash, bindingHash, now })
      assert.equal(await storage.purge('transactions', after(600), 10), 0, 'before, not at')
      assert.equal(await storage.createTransaction(newTransaction({ consentHash: 'used' })), false)
      assert.equal(await storage.purge('transactions', after(701), 1), 1)
      assert.equal(await storage.consumeTransaction({ handleHash, bindingHash, now }), 'unknown')
      assert.equal(await storage.createTransaction(newTransaction({ consentHash: 'waiting' })), false)
      assert.equal(await storage.createTransaction(newTransaction({ consentHash: 'used' })), true)
    }
  },
  {
    name: 'purge: of sessions, those that expired before go, the oldest first, so many at most',
    async run (storage) {
      const [second, first] = [newSession({ expiresAt: after(200) }), newSession({ expiresAt: after(100) })]
      for (const session of [second, first]) await storage.createSession(session)
      const stand = async () => await Promise.all([first, second].map(async ({ sessionHash }) => await storage.findSession(sessionHash, now) !== undefined))
      assert.equal(await storage.purge('sessions', after(100), 10), 0, 'before, not at')
      assert.equal(await storage.purge('sessions', after(201), 1), 1)
      assert.deepEqual(await stand(), [false, true])
    }
  },
  {
    name: 'purge: of ten at once, no row is counted twice',
    async run (storage) {
      for (let index = 0; index < 20; index++) await storage.createSession(newSession({ expiresAt: after(1) }))
      const removed = await atOnce(10, () => storage.purge('sessions', after(2), 7))
      const left = Number(await storage.purge('sessions', after(2), 100))
      assert.equal(removed.reduce((sum: number, count) => sum + (count ?? 0), left), 20)
    }
  },
  {
    name: 'searchConnections: the living grants of everybody with their clients, the newest first, by page, searched by what they name',
    async run (storage) {
      const one = await granted(storage)
      const other = await granted(storage, { createdAt: after(10) })
      const { grant: revoked } = await granted(storage)
      await storage.revokeGrant(revoked.id, now)
      await granted(storage, { expiresAt: after(20) })
      const ids = async (page: { search?: string, offset?: number, limit?: number }) => {
        const found = await storage.searchConnections({ limit: 10, ...page }, after(20))
        return found.map(({ grant }) => grant.id)
      }
      const [{ grant, client } = assert.fail()] = await storage.searchConnections({ limit: 1 }, after(20))
      assert.deepEqual({ grant, client }, { grant: other.grant, client: other.client })
      assert.deepEqual(await ids({}), [other.grant.id, one.grant.id])
      assert.deepEqual(await ids({ offset: 1, limit: 1 }), [one.grant.id])
      for (const search of [one.grant.id, one.grant.userId, one.grant.email.toUpperCase(), one.client.id]) assert.deepEqual(await ids({ search }), [one.grant.id], search)
      assert.deepEqual(await ids({ search: 'a cLIENT' }), [other.grant.id, one.grant.id])
      assert.deepEqual(await ids({ search: '%' }), [])
    }
  },
  {
    name: 'revokeEveryGrant: all that live, whoever has them, so many at most, each once',
    async run (storage) {
      const { code } = await granted(storage)
      for (let index = 0; index < 4; index++) await granted(storage)
      await granted(storage, { expiresAt: after(20) })
      assert.equal(await storage.revokeEveryGrant(2, after(20)), 2)
      assert.equal(await storage.revokeEveryGrant(10, after(20)), 3)
      assert.equal(await storage.revokeEveryGrant(10, after(20)), 0)
      assert.deepEqual((await storage.findCode(code.codeHash))?.grant.revokedAt, after(20))
      assert.deepEqual(await storage.searchConnections({ limit: 10 }, now).then(({ length }) => length), 1, 'what had expired is left as it is')
    }
  }
]
