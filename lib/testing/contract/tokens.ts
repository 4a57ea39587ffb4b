import assert from 'node:assert/strict'
import type { RotationResult, Token } from '../../storage/records.ts'
import type { OAuthStorage } from '../../storage/types.ts'
import { absurd, after, atOnce, granted, isRevoked, newToken, now, redeemed, type StorageCase } from './fixtures.ts'

interface Attempt { result: RotationResult, accessToken: Token, successor: Token }

/** One refresh, with a successor and an access token of its own. */
async function refresh (storage: OAuthStorage, token: Token, at: Date, successor: Partial<Token> = {}): Promise<Attempt> {
  const grant = (await storage.findToken(token.id))?.grant
  assert(grant !== undefined)
  const attempt = { successor: newToken(grant, successor), accessToken: newToken(grant, { type: 'access_token' }) }
  return { ...attempt, result: await storage.rotateRefreshToken({ tokenId: token.id, ...attempt, now: at }) }
}

async function assertNothingStored (storage: OAuthStorage, { accessToken, successor }: Attempt): Promise<void> {
  assert.equal(await storage.findToken(accessToken.id), undefined)
  assert.equal(await storage.findToken(successor.id), undefined)
}

export const tokenCases: readonly StorageCase[] = [
  {
    name: 'revokeToken: of many at once, one revokes; an unknown token, however long, is not revoked',
    async run (storage) {
      const { accessToken } = await redeemed(storage)
      assert.equal(await storage.revokeToken('none'), false)
      assert.equal(await storage.revokeToken(absurd), false)
      const revoked = await atOnce(20, () => storage.revokeToken(accessToken.id))
      assert.equal(revoked.filter(Boolean).length, 1)
      assert.deepEqual((await storage.findToken(accessToken.id))?.token, { ...accessToken, active: false })
    }
  },
  {
    name: 'revokeToken: what else the grant has lives on; a refresh token that was revoked is dead',
    async run (storage) {
      const { accessToken, refreshToken } = await redeemed(storage)
      await storage.revokeToken(accessToken.id)
      const next = await refresh(storage, refreshToken, now)
      assert.equal(next.result.outcome, 'rotated')
      assert.equal((await storage.findToken(next.accessToken.id))?.token.active, true)
      await storage.revokeToken(next.successor.id)
      const last = await refresh(storage, next.successor, now)
      assert.deepEqual(last.result, { outcome: 'dead' })
      await assertNothingStored(storage, last)
    }
  },
  {
    name: 'findToken: an id that no token has, however long, is not found',
    async run (storage) {
      assert.equal(await storage.findToken('none'), undefined)
      assert.equal(await storage.findToken(absurd), undefined)
    }
  },
  {
    name: 'findToken, findCode, findClient: of many who ask at once, each gets its own, and what can be nobody\'s spoils nothing for the others',
    async run (storage) {
      const [one, other] = [await redeemed(storage), await redeemed(storage)]
      const ids = [one.accessToken.id, 'none', other.refreshToken.id, 'nobody\'s\0', one.accessToken.id, '"{,}\\', other.accessToken.id]
      const asked = Array.from({ length: 20 }, () => ids).flat()
      const records = await Promise.all(asked.map((id) => storage.findToken(id)))
      const known = [one.accessToken, other.refreshToken, other.accessToken]
      assert.deepEqual(records.map((record) => record?.token), asked.map((id) => known.find((token) => token.id === id)))
      const codes = await Promise.all([one.code.codeHash, '\0', other.code.codeHash].map((hash) => storage.findCode(hash)))
      assert.deepEqual(codes.map((record) => record?.grant.id), [one.grant.id, undefined, other.grant.id])
      const clients = await Promise.all([other.client.id, '\0', one.client.id, 'none', one.client.id].map((id) => storage.findClient(id)))
      assert.deepEqual(clients, [other.client, undefined, one.client, undefined, one.client])
      // Nobody's record is somebody else's too.
      assert.notEqual(clients[2], clients[4])
      assert.notEqual(records[0]?.token, records[4]?.token)
    }
  },
  {
    name: 'findToken: brings the token with its grant, client and user',
    async run (storage) {
      const { refreshToken, accessToken, grant, client, user } = await redeemed(storage)
      const record = { grant, client, user: await storage.findUser(user.id), ambiguous: false }
      assert.deepEqual(await storage.findToken(accessToken.id), { token: accessToken, ...record })
      assert.deepEqual(await storage.findToken(refreshToken.id), { token: refreshToken, ...record })
    }
  },
  {
    name: 'rotateRefreshToken: what is unknown, no refresh token, inactive or expired is dead and writes nothing',
    async run (storage) {
      const { grant } = await granted(storage)
      const unknown = { successor: newToken(grant), accessToken: newToken(grant, { type: 'access_token' }), now }
      assert.deepEqual(await storage.rotateRefreshToken({ tokenId: 'none', ...unknown }), { outcome: 'dead' })
      assert.deepEqual(await storage.rotateRefreshToken({ tokenId: absurd, ...unknown }), { outcome: 'dead' })
      const { accessToken, refreshToken, code } = await redeemed(storage)
      const inactive = await redeemed(storage, { active: false })
      const attempts = [
        await refresh(storage, accessToken, now),
        await refresh(storage, refreshToken, refreshToken.expiresAt),
        await refresh(storage, inactive.refreshToken, now)
      ]
      for (const attempt of attempts) {
        assert.deepEqual(attempt.result, { outcome: 'dead' })
        await assertNothingStored(storage, attempt)
      }
      assert.equal(await isRevoked(storage, code.codeHash), false)
    }
  },
  {
    name: 'rotateRefreshToken: a grant that is revoked or over gives nothing',
    async run (storage) {
      const revoked = await redeemed(storage)
      await storage.revokeGrant(revoked.grant.id, now)
      const ended = await redeemed(storage, {}, { expiresAt: after(100) })
      for (const attempt of [await refresh(storage, revoked.refreshToken, now), await refresh(storage, ended.refreshToken, after(100))]) {
        assert.deepEqual(attempt.result, { outcome: 'dead' })
        await assertNothingStored(storage, attempt)
      }
    }
  },
  {
    name: 'rotateRefreshToken: the first use stores successor and access token, and consumes the token',
    async run (storage) {
      const { refreshToken } = await redeemed(storage)
      const { result, successor, accessToken } = await refresh(storage, refreshToken, after(10))
      assert.deepEqual(result, { outcome: 'rotated', refreshToken: successor })
      assert.deepEqual((await storage.findToken(successor.id))?.token, successor)
      assert.deepEqual((await storage.findToken(accessToken.id))?.token, accessToken)
      assert.deepEqual((await storage.findToken(refreshToken.id))?.token, { ...refreshToken, consumedAt: after(10), successorId: successor.id })
    }
  },
  {
    name: 'TK-04: until the grace is over, the same token gets the same successor, and a new access token',
    async run (storage) {
      const { refreshToken, code } = await redeemed(storage)
      const first = await refresh(storage, refreshToken, now)
      for (const at of [after(1), after(30)]) {
        const again = await refresh(storage, refreshToken, at)
        assert.deepEqual(again.result, { outcome: 'rotated', refreshToken: first.successor })
        assert.deepEqual((await storage.findToken(again.accessToken.id))?.token, again.accessToken)
        assert.equal(await storage.findToken(again.successor.id), undefined)
      }
      assert.deepEqual((await storage.findToken(refreshToken.id))?.token.consumedAt, now, 'the grace is not prolonged')
      assert.equal(await isRevoked(storage, code.codeHash), false)
    }
  },
  {
    name: 'T17: after the grace, a replay revokes the grant and stores nothing',
    async run (storage) {
      const { refreshToken, grant } = await redeemed(storage)
      const first = await refresh(storage, refreshToken, now)
      const replay = await refresh(storage, refreshToken, after(30.001))
      assert.deepEqual(replay.result, { outcome: 'reused' })
      await assertNothingStored(storage, replay)
      assert.deepEqual((await storage.findToken(first.accessToken.id))?.grant.revokedAt, after(30.001))
      assert.equal(await storage.revokeGrant(grant.id, after(31)), false)
    }
  },
  {
    name: 'T17: after the successor\'s use, a replay within the grace is superseded and writes nothing; after it, the grant is revoked',
    async run (storage) {
      const { refreshToken, code } = await redeemed(storage)
      const { successor } = await refresh(storage, refreshToken, now)
      await refresh(storage, successor, after(1))
      const early = await refresh(storage, refreshToken, after(30))
      assert.deepEqual(early.result, { outcome: 'superseded' })
      await assertNothingStored(storage, early)
      assert.equal(await isRevoked(storage, code.codeHash), false)
      const late = await refresh(storage, refreshToken, after(30.001))
      assert.deepEqual(late.result, { outcome: 'reused' })
      assert.equal(await isRevoked(storage, code.codeHash), true)
    }
  },
  {
    name: 'T17: within the grace, a successor that is dead by itself is not handed out again',
    async run (storage) {
      const { refreshToken } = await redeemed(storage)
      await refresh(storage, refreshToken, now, { active: false })
      const again = await refresh(storage, refreshToken, after(1))
      assert.deepEqual(again.result, { outcome: 'dead' })
      await assertNothingStored(storage, again)
    }
  },
  {
    name: 'T2: fifty refreshes at once get one successor, and only that is stored',
    async run (storage) {
      const { refreshToken } = await redeemed(storage)
      const attempts = await Promise.all(Array.from({ length: 50 }, () => refresh(storage, refreshToken, now)))
      const successors = new Set(attempts.map(({ result }) => result.outcome === 'rotated' && result.refreshToken.id))
      assert.equal(successors.size, 1)
      const stored = await Promise.all(attempts.map(({ successor }) => storage.findToken(successor.id)))
      assert.deepEqual(new Set(stored.flatMap((record) => record?.token.id ?? [])), successors)
      assert.equal((await Promise.all(attempts.map(({ accessToken }) => storage.findToken(accessToken.id)))).includes(undefined), false)
    }
  },
  {
    name: 'T2: refreshes against a revocation: whoever won, nothing of the grant lives afterwards',
    async run (storage) {
      const { refreshToken, grant } = await redeemed(storage)
      const attempt = async () => {
        const accessToken = newToken(grant, { type: 'access_token' })
        const { outcome } = await storage.rotateRefreshToken({ tokenId: refreshToken.id, successor: newToken(grant), accessToken, now })
        return { outcome, record: await storage.findToken(accessToken.id) }
      }
      const before = Array.from({ length: 10 }, attempt)
      const revoked = storage.revokeGrant(grant.id, now)
      const attempts = await Promise.all([...before, ...Array.from({ length: 10 }, attempt)])
      assert.equal(await revoked, true)
      for (const { outcome, record } of attempts) assert.equal(record !== undefined, outcome === 'rotated')
      const living = await Promise.all(attempts.map(({ record }) => storage.findToken(record?.token.id ?? 'none')))
      assert.equal(living.some((record) => record?.grant.revokedAt === null), false)
      assert.deepEqual((await refresh(storage, refreshToken, now)).result, { outcome: 'dead' })
    }
  }
]
