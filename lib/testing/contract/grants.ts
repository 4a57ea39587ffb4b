import assert from 'node:assert/strict'
import { absurd, after, atOnce, granted, isRevoked, newToken, newUser, now, type StorageCase } from './fixtures.ts'

export const grantCases: readonly StorageCase[] = [
  {
    name: 'findCode: what nobody stored, however long, is not found',
    async run (storage) {
      assert.equal(await storage.findCode('none'), undefined)
      assert.equal(await storage.findCode(absurd), undefined)
    }
  },
  {
    name: 'createGrant: stores neither grant nor code where one of them can\'t be',
    async run (storage) {
      await assert.rejects(granted(storage, { id: 'grant', clientId: 'none' }, { codeHash: 'code' }))
      assert.equal(await storage.findCode('code'), undefined)
      assert.equal(await storage.revokeGrant('grant', now), false)
    }
  },
  {
    name: 'findCode: brings the code with its grant, client and user',
    async run (storage) {
      const { code, grant, client, user } = await granted(storage)
      assert.deepEqual(await storage.findCode(code.codeHash), {
        code, grant, client, user: await storage.findUser(user.id), ambiguous: false
      })
    }
  },
  {
    name: 'I5, I8: what is found shows the user as the row is now',
    async run (storage) {
      const { code, user } = await granted(storage)
      await storage.updateUser(user.id, { email: 'other@example.com', status: 'suspended' }, now)
      const renamed = await storage.findCode(code.codeHash)
      assert.equal(renamed?.grant.email, user.email)
      assert.equal(renamed.user?.email, 'other@example.com')
      assert.equal(renamed.user.status, 'suspended')
      await storage.removeUser(user.id, now)
      await storage.addUser(newUser({ email: user.email }), now)
      const removed = await storage.findCode(code.codeHash)
      assert.notEqual(removed, undefined)
      assert.equal(removed?.user, undefined)
      assert.equal(removed?.ambiguous, false)
    }
  },
  {
    name: 'revokeGrant: of many at once, one revokes; an unknown grant is not revoked',
    async run (storage) {
      const { grant, code } = await granted(storage)
      assert.equal(await storage.revokeGrant('none', now), false)
      const revoked = await atOnce(20, () => storage.revokeGrant(grant.id, now))
      assert.equal(revoked.filter(Boolean).length, 1)
      assert.deepEqual((await storage.findCode(code.codeHash))?.grant.revokedAt, now)
    }
  },
  {
    name: 'countLiving: neither what is revoked or expired, nor who is deactivated',
    async run (storage) {
      assert.deepEqual(await storage.countLiving(now), { grants: 0, clients: 0 })
      const { client } = await granted(storage)
      const { grant } = await granted(storage)
      await granted(storage, { expiresAt: now })
      assert.deepEqual(await storage.countLiving(now), { grants: 2, clients: 3 })
      await storage.revokeGrant(grant.id, now)
      await storage.setClientActive(client.id, false)
      assert.deepEqual(await storage.countLiving(now), { grants: 1, clients: 2 })
    }
  },
  {
    name: 'redeemCode: an unknown or expired code, or one whose grant is revoked or expired, is dead and writes nothing',
    async run (storage) {
      const { grant, code } = await granted(storage)
      const revoked = await granted(storage)
      await storage.revokeGrant(revoked.grant.id, now)
      const ended = await granted(storage, { expiresAt: now })
      const accessToken = newToken(grant, { type: 'access_token' })
      const refreshToken = newToken(grant)
      const redeem = (codeHash: string, at: Date) => storage.redeemCode({ codeHash, accessToken, refreshToken, now: at })
      assert.equal(await redeem('none', now), 'dead')
      assert.equal(await redeem(absurd, now), 'dead')
      assert.equal(await redeem(code.codeHash, code.expiresAt), 'dead')
      assert.equal(await redeem(revoked.code.codeHash, now), 'dead')
      assert.equal(await redeem(ended.code.codeHash, now), 'dead')
      assert.equal(await storage.findToken(accessToken.id), undefined)
      assert.equal(await storage.findToken(refreshToken.id), undefined)
      assert.equal(await isRevoked(storage, code.codeHash), false)
      assert.equal(await redeem(code.codeHash, after(59.999)), 'redeemed', 'none of it consumed')
    }
  },
  {
    name: 'TK-03: redeemCode revokes the grant of a code that was used, when it has expired since, too',
    async run (storage) {
      for (const at of [after(1), after(3600)]) {
        const { grant, code } = await granted(storage)
        const accessToken = newToken(grant, { type: 'access_token' })
        const replay = newToken(grant, { type: 'access_token' })
        const redeem = (token: typeof accessToken, when: Date) =>
          storage.redeemCode({ codeHash: code.codeHash, accessToken: token, refreshToken: undefined, now: when })
        assert.equal(await redeem(accessToken, now), 'redeemed')
        assert.equal(await redeem(replay, at), 'replayed')
        assert.deepEqual((await storage.findToken(accessToken.id))?.grant.revokedAt, at)
        assert.equal(await storage.findToken(replay.id), undefined)
      }
    }
  },
  {
    name: 'T1: of fifty redemptions at once, one redeems; the others end the grant and store nothing',
    async run (storage) {
      const { grant, code } = await granted(storage)
      const tokens = Array.from({ length: 50 }, () => newToken(grant, { type: 'access_token' }))
      const results = await Promise.all(tokens.map((accessToken) =>
        storage.redeemCode({ codeHash: code.codeHash, accessToken, refreshToken: newToken(grant), now })))
      assert.equal(results.filter((result) => result === 'redeemed').length, 1)
      assert.equal(results.filter((result) => result === 'replayed').length, 1)
      const stored = await Promise.all(tokens.map((token) => storage.findToken(token.id)))
      assert.deepEqual(stored.map((record) => record !== undefined), results.map((result) => result === 'redeemed'))
      assert.equal(await isRevoked(storage, code.codeHash), true)
    }
  },
  {
    name: 'redeemCode: stores the tokens, without a refresh token where there is none, and the code is consumed',
    async run (storage) {
      const { grant, code } = await granted(storage)
      const accessToken = newToken(grant, { type: 'access_token', scopes: [] })
      assert.equal(await storage.redeemCode({ codeHash: code.codeHash, accessToken, refreshToken: undefined, now }), 'redeemed')
      assert.deepEqual((await storage.findToken(accessToken.id))?.token, accessToken)
      assert.deepEqual((await storage.findCode(code.codeHash))?.code, { ...code, consumedAt: now })
    }
  }
]
