import assert from 'node:assert/strict'
import type { PageRequest } from '../../storage/records.ts'
import type { OAuthStorage } from '../../storage/types.ts'
import { absurd, after, atOnce, granted, isRevoked, newUser, now, signInOf, type StorageCase } from './fixtures.ts'

function pick (user: unknown): object {
  const { name, role, status } = Object(user)
  return { name, role, status }
}

async function addAdmins (storage: OAuthStorage, ...ids: string[]): Promise<void> {
  for (const id of ids) await storage.addUser(newUser({ id, email: `${id}@example.com`, role: 'admin' }), now)
}

export const userCases: readonly StorageCase[] = [
  {
    name: 'findUser: an id that nobody has, however long, is not found',
    async run (storage) {
      assert.equal(await storage.findUser('nobody'), undefined)
      assert.equal(await storage.findUser(absurd), undefined)
    }
  },
  {
    name: 'addUser: an e-mail that is listed is refused in whatever spelling, and nothing is written',
    async run (storage) {
      assert.equal(await storage.addUser(newUser({ id: 'ann' }), now), true)
      assert.equal(await storage.addUser(newUser({ id: 'twin', email: ' ANN@Example.com ' }), now), false)
      assert.equal(await storage.findUser('twin'), undefined)
      assert.equal((await storage.listUsers()).length, 1)
    }
  },
  {
    name: 'addUser: of many at once with one e-mail, one is added',
    async run (storage) {
      const added = await atOnce(20, (turn) => storage.addUser(newUser({ email: turn % 2 === 0 ? 'ann@example.com' : 'Ann@Example.com' }), now))
      assert.equal(added.filter(Boolean).length, 1)
      assert.equal((await storage.listUsers('ann@example.com')).length, 1)
    }
  },
  {
    name: 'addUser: the row is active and pinned to nobody',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann', role: 'admin', name: null }), now)
      assert.deepEqual(await storage.findUser('ann'), {
        id: 'ann',
        email: 'ann@example.com',
        name: null,
        picture: null,
        status: 'active',
        role: 'admin',
        provider: null,
        providerIssuer: null,
        providerUserId: null,
        createdAt: now,
        lastLoginAt: null
      })
    }
  },
  {
    name: 'listUsers: no letter folds into another one\'s',
    async run (storage) {
      await storage.addUser(newUser({ email: 'kate@example.com' }), now)
      assert.deepEqual(await storage.listUsers('\u212Aate@example.com'), [])
      assert.equal((await storage.listUsers('KATE@example.com ')).length, 1)
    }
  },
  {
    name: 'listUsers: all of them, by e-mail',
    async run (storage) {
      for (const email of ['cleo@example.com', 'ann@example.com', 'bob@example.com']) await storage.addUser(newUser({ email }), now)
      assert.deepEqual((await storage.listUsers()).map((user) => user.email), ['ann@example.com', 'bob@example.com', 'cleo@example.com'])
    }
  },
  {
    name: 'updateUser: an unknown user is undefined, an e-mail that is taken is refused, and nothing is changed',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      await storage.addUser(newUser({ id: 'bob', email: 'bob@example.com' }), now)
      assert.equal(await storage.updateUser('nobody', { name: 'Nobody' }, now), undefined)
      assert.equal(await storage.updateUser('bob', { email: 'Ann@example.com', name: 'Robert' }, now), 'taken')
      const bob = await storage.findUser('bob')
      assert.equal(bob?.email, 'bob@example.com')
      assert.equal(bob.name, 'Ann')
    }
  },
  {
    name: 'updateUser: another e-mail revokes what was given for the old one, for good',
    async run (storage) {
      const { user, code } = await granted(storage)
      await storage.updateUser(user.id, { name: 'Ann' }, now)
      await storage.updateUser(user.id, { email: user.email.toUpperCase() }, now)
      assert.equal(await isRevoked(storage, code.codeHash), false)
      await storage.updateUser(user.id, { email: 'next@example.com' }, now)
      assert.equal(await isRevoked(storage, code.codeHash), true)
    }
  },
  {
    name: 'updateUser: of many at once that want one e-mail, one gets it',
    async run (storage) {
      await atOnce(10, (turn) => storage.addUser(newUser({ id: `user-${turn}`, email: `user-${turn}@example.com` }), now))
      const updated = await atOnce(10, (turn) => storage.updateUser(`user-${turn}`, { email: 'ann@example.com' }, now))
      assert.equal(updated.filter(result => typeof result === 'object').length, 1)
      assert.equal((await storage.listUsers('ann@example.com')).length, 1)
    }
  },
  {
    name: 'updateUser: what is absent stays, and a row may have its own e-mail again',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      const suspended = await storage.updateUser('ann', { status: 'suspended', name: undefined }, now)
      assert.deepEqual(suspended, { ...await storage.findUser('ann') })
      assert.deepEqual(pick(suspended), { name: 'Ann', role: 'user', status: 'suspended' })
      const renamed = await storage.updateUser('ann', { email: 'ANN@example.com', name: null, role: 'admin' }, now)
      assert.deepEqual(pick(renamed), { name: null, role: 'admin', status: 'suspended' })
      assert.equal((await storage.listUsers('ann@example.com')).length, 1)
    }
  },
  {
    name: 'keepsAdmin: the last active administrator keeps role, access and row, unless nobody asks for it',
    async run (storage) {
      await addAdmins(storage, 'ann', 'bob')
      await storage.addUser(newUser({ id: 'cleo', email: 'cleo@example.com' }), now)
      await storage.updateUser('bob', { status: 'suspended' }, now, true)
      assert.equal(await storage.updateUser('ann', { role: 'user' }, now, true), 'last-admin')
      assert.equal(await storage.updateUser('ann', { status: 'suspended' }, now, true), 'last-admin')
      assert.equal(await storage.removeUser('ann', now, true), 'last-admin')
      assert.deepEqual(pick(await storage.findUser('ann')), { name: 'Ann', role: 'admin', status: 'active' })
      assert.deepEqual(pick(await storage.updateUser('ann', { name: 'Anna', role: undefined, status: 'active' }, now, true)), { name: 'Anna', role: 'admin', status: 'active' })
      assert.equal(await storage.removeUser('bob', now, true), true, 'one who is suspended')
      assert.equal(await storage.removeUser('cleo', now, true), true, 'one who is none')
      assert.equal(await storage.updateUser('nobody', { role: 'user' }, now, true), undefined)
      assert.equal(await storage.removeUser('nobody', now, true), false)
      assert.equal(await storage.removeUser('ann', now), true)
    }
  },
  {
    name: 'keepsAdmin: of many administrators that go at once, one is left',
    async run (storage) {
      const ids = Array.from({ length: 12 }, (_, turn) => `admin-${turn}`)
      await addAdmins(storage, ...ids)
      const results = await Promise.all(ids.map((id, turn) => {
        if (turn % 3 === 0) return storage.removeUser(id, now, true)
        return storage.updateUser(id, turn % 3 === 1 ? { role: 'user' } : { status: 'suspended' }, now, true)
      }))
      assert.equal(results.filter(result => result === 'last-admin').length, 1)
      const left = await storage.listUsers()
      assert.equal(left.filter(({ role, status }) => role === 'admin' && status === 'active').length, 1)
    }
  },
  {
    name: 'unpinUser: takes the pin off, so that another account can sign in; an unknown user has none',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      await storage.signIn(signInOf())
      assert.ok('refusal' in await storage.signIn(signInOf({ subject: 'another' })))
      assert.equal(await storage.unpinUser('nobody', now), false)
      assert.equal(await storage.unpinUser('ann', now), true)
      const { provider, providerIssuer, providerUserId } = Object(await storage.findUser('ann'))
      assert.deepEqual([provider, providerIssuer, providerUserId], [null, null, null])
      assert.ok('user' in await storage.signIn(signInOf({ provider: 'microsoft', subject: 'another' })))
    }
  },
  {
    name: 'unpinUser: revokes what the account of before allowed, and nobody else\'s grants',
    async run (storage) {
      const { user, grant } = await granted(storage)
      const { grant: ofAnother } = await granted(storage)
      assert.equal(await storage.unpinUser(user.id, now), true)
      assert.deepEqual(await storage.listConnections(user.id, now), [])
      assert.equal(await storage.revokeGrant(grant.id, now), false)
      assert.equal((await storage.listConnections(ofAnother.userId, now)).length, 1)
    }
  },
  {
    name: 'searchUsers: pages by e-mail; what is searched for stands in e-mail or name, in whatever case, and means nothing but itself',
    async run (storage) {
      for (const [email, name] of [['cleo@example.com', null], ['ann@example.com', 'Ann Smith'], ['bob@example.org', 'Bob'], ['per%cent@example.com', null]] as const) {
        await storage.addUser(newUser({ email, name }), now)
      }
      const emails = async (page: PageRequest) => (await storage.searchUsers(page)).map(({ email }) => email)
      assert.deepEqual(await emails({ limit: 2 }), ['ann@example.com', 'bob@example.org'])
      assert.deepEqual(await emails({ limit: 2, offset: 2 }), ['cleo@example.com', 'per%cent@example.com'])
      assert.deepEqual(await emails({ limit: 9, search: 'EXAMPLE.ORG' }), ['bob@example.org'])
      assert.deepEqual(await emails({ limit: 9, search: 'smith' }), ['ann@example.com'])
      assert.deepEqual(await emails({ limit: 9, search: '%' }), ['per%cent@example.com'])
      assert.deepEqual(await emails({ limit: 9, search: "'; DROP" }), [])
    }
  },
  {
    name: 'removeUser: the row goes, its grants are revoked, those of others live',
    async run (storage) {
      const removed = await granted(storage)
      const other = await granted(storage)
      assert.equal(await storage.removeUser('nobody', now), false)
      assert.equal(await storage.removeUser(removed.user.id, now), true)
      assert.equal(await storage.removeUser(removed.user.id, now), false)
      assert.equal(await storage.findUser(removed.user.id), undefined)
      assert.equal(await isRevoked(storage, removed.code.codeHash), true)
      assert.equal(await isRevoked(storage, other.code.codeHash), false)
    }
  },
  {
    name: 'removeUser: a grant that is revoked already keeps its time',
    async run (storage) {
      const { user, grant, code } = await granted(storage)
      await storage.revokeGrant(grant.id, now)
      await storage.removeUser(user.id, after(5))
      assert.deepEqual((await storage.findCode(code.codeHash))?.grant.revokedAt, now)
    }
  },
  {
    name: 'I9: addFirstAdmin adds once, of many at once and after the row was removed',
    async run (storage) {
      const added = await atOnce(20, () => storage.addFirstAdmin(newUser({ role: 'admin' }), now))
      assert.equal(added.filter(Boolean).length, 1)
      const [admin] = await storage.listUsers('ann@example.com')
      assert.equal(admin?.role, 'admin')
      await storage.removeUser(admin.id, now)
      assert.equal(await storage.addFirstAdmin(newUser({ email: 'Ann@Example.com', role: 'admin' }), now), false)
      assert.deepEqual(await storage.listUsers(), [])
    }
  },
  {
    name: 'I9: addFirstAdmin leaves a row with this e-mail as it is, and counts as done',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      await storage.updateUser('ann', { status: 'suspended' }, now)
      assert.equal(await storage.addFirstAdmin(newUser({ email: 'ANN@example.com', role: 'admin' }), now), false)
      const [ann, ...others] = await storage.listUsers('ann@example.com')
      assert.deepEqual(others, [])
      assert.equal(ann?.role, 'user')
      assert.equal(ann.status, 'suspended')
      await storage.removeUser('ann', now)
      assert.equal(await storage.addFirstAdmin(newUser({ role: 'admin' }), now), false)
    }
  },
  {
    name: 'addFirstAdmin: another e-mail is another first administrator',
    async run (storage) {
      assert.equal(await storage.addFirstAdmin(newUser({ role: 'admin' }), now), true)
      assert.equal(await storage.addFirstAdmin(newUser({ email: 'bob@example.com', role: 'admin' }), now), true)
    }
  }
]
