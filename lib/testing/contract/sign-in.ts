import assert from 'node:assert/strict'
import type { SignIn } from '../../storage/records.ts'
import type { OAuthStorage } from '../../storage/types.ts'
import { after, atOnce, newUser, now, signInOf, type StorageCase } from './fixtures.ts'

async function assertRefused (storage: OAuthStorage, signIn: Partial<SignIn>, refusal: string, userIds: string[]): Promise<void> {
  const before = await storage.listUsers()
  assert.deepEqual(await storage.signIn(signInOf(signIn)), { refusal, userIds })
  assert.deepEqual(await storage.listUsers(), before, 'a refusal changes nothing')
}

export const signInCases: readonly StorageCase[] = [
  {
    name: 'signIn: an e-mail without a row is not-listed',
    async run (storage) {
      await storage.addUser(newUser({ email: 'bob@example.com' }), now)
      await assertRefused(storage, {}, 'not-listed', [])
    }
  },
  {
    name: 'signIn: a row that is not active is suspended',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      await storage.updateUser('ann', { status: 'suspended' }, now)
      await assertRefused(storage, {}, 'suspended', ['ann'])
    }
  },
  {
    name: 'I6: once a row is pinned, another provider, issuer or subject with its e-mail is refused',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      await storage.signIn(signInOf())
      await assertRefused(storage, { provider: 'microsoft' }, 'other-provider', ['ann'])
      await assertRefused(storage, { issuer: 'https://other.example.com' }, 'other-identity', ['ann'])
      await assertRefused(storage, { subject: 'another' }, 'other-identity', ['ann'])
    }
  },
  {
    name: 'signIn: an identity that another row is pinned to is refused',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      await storage.addUser(newUser({ id: 'bob', email: 'bob@example.com' }), now)
      await storage.signIn(signInOf())
      await assertRefused(storage, { email: 'bob@example.com' }, 'other-identity', ['bob', 'ann'])
      await assertRefused(storage, { email: 'cleo@example.com' }, 'not-listed', [])
    }
  },
  {
    name: 'signIn: the first one sets the pin and keeps name, picture and time; the next ones keep them up to date',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      const first = await storage.signIn(signInOf())
      assert.deepEqual(first, {
        user: {
          id: 'ann',
          email: 'ann@example.com',
          name: 'Ann Example',
          picture: 'https://example.com/ann.png',
          status: 'active',
          role: 'user',
          provider: 'google',
          providerIssuer: 'https://accounts.example.com',
          providerUserId: 'subject-of-ann',
          createdAt: now,
          lastLoginAt: now
        }
      })
      const again = await storage.signIn(signInOf({ name: null, picture: null, now: after(5) }))
      assert.deepEqual(again, { user: { ...await storage.findUser('ann') } })
      assert.deepEqual(again, { user: { ...('user' in first && first.user), lastLoginAt: after(5) } })
    }
  },
  {
    name: 'signIn: of many identities at once with one e-mail, one is let in and stays the only one',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      const results = await atOnce(20, (turn) => storage.signIn(signInOf({ subject: `subject-${turn}` })))
      const [winner, ...others] = results.filter((result) => 'user' in result)
      assert.deepEqual(others, [])
      assert.deepEqual(winner, { user: { ...await storage.findUser('ann') } })
    }
  },
  {
    name: 'signIn: of many rows at once that want one identity, one gets it',
    async run (storage) {
      const email = (turn: number) => `user-${turn}@example.com`
      await atOnce(20, (turn) => storage.addUser(newUser({ email: email(turn) }), now))
      const results = await atOnce(20, (turn) => storage.signIn(signInOf({ email: email(turn) })))
      assert.equal(results.filter((result) => 'user' in result).length, 1)
      assert.equal(results.filter((result) => 'refusal' in result && result.refusal === 'other-identity').length, 19)
      assert.equal((await storage.listUsers()).filter((user) => user.providerUserId !== null).length, 1)
    }
  }
]
