import assert from 'node:assert/strict'
import { absurd, after, atOnce, granted, isRevoked, newUser, now, type StorageCase } from './fixtures.ts'

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
    name: 'updateUser: an unknown user is undefined, an e-mail that is taken is false, and nothing is changed',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      await storage.addUser(newUser({ id: 'bob', email: 'bob@example.com' }), now)
      assert.equal(await storage.updateUser('nobody', { name: 'Nobody' }, now), undefined)
      assert.equal(await storage.updateUser('bob', { email: 'Ann@example.com', name: 'Robert' }, now), false)
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
      assert.equal(updated.filter(Boolean).length, 1)
      assert.equal((await storage.listUsers('ann@example.com')).length, 1)
    }
  },
  {
    name: 'updateUser: what is absent stays, and a row may have its own e-mail again',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann' }), now)
      const suspended = await storage.updateUser('ann', { status: 'suspended', name: undefined }, now)
      assert.deepEqual(suspended, { ...await storage.findUser('ann') })
      assert.equal(suspended && suspended.status, 'suspended')
      assert.equal(suspended && suspended.name, 'Ann')
      const renamed = await storage.updateUser('ann', { email: 'ANN@example.com', name: null, role: 'admin' }, now)
      assert.equal(renamed && renamed.name, null)
      assert.equal(renamed && renamed.role, 'admin')
      assert.equal(renamed && renamed.status, 'suspended')
      assert.equal((await storage.listUsers('ann@example.com')).length, 1)
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
