import assert from 'node:assert/strict'
import { absurd, after, granted, grantedTo, newClient, newSession, newUser, now, type StorageCase } from './fixtures.ts'

export const sessionCases: readonly StorageCase[] = [
  {
    name: 'findSession: what nobody stored, has expired or was ended is not found',
    async run (storage) {
      const session = newSession()
      await storage.createSession(session)
      assert.equal(await storage.findSession('none', now), undefined)
      assert.equal(await storage.findSession(absurd, now), undefined)
      assert.equal(await storage.findSession(session.sessionHash, session.expiresAt), undefined)
      assert.notEqual(await storage.findSession(session.sessionHash, after(3599)), undefined)
      await storage.endSession('none')
      await storage.endSession(session.sessionHash)
      assert.equal(await storage.findSession(session.sessionHash, now), undefined)
    }
  },
  {
    name: 'findSession: brings the session with its user as the row is now',
    async run (storage) {
      await storage.addUser(newUser({ id: 'ann', role: 'admin' }), now)
      const session = newSession({ kind: 'admin', pending: 'change=suspend', isProven: false })
      await storage.createSession(session)
      const find = async () => await storage.findSession(session.sessionHash, now)
      assert.deepEqual(await find(), { session, user: await storage.findUser('ann'), ambiguous: false })
      await storage.updateUser('ann', { role: 'user', status: 'suspended' }, now)
      assert.deepEqual((await find())?.user, await storage.findUser('ann'))
      await storage.removeUser('ann', now)
      assert.deepEqual(await find(), { session, user: undefined, ambiguous: false })
    }
  },
  {
    name: 'unpinUser: ends the sessions of the identity that the row was pinned to, and nobody else\'s',
    async run (storage) {
      for (const id of ['ann', 'bob']) await storage.addUser(newUser({ id }), now)
      const ofAnn = newSession({ userId: 'ann' })
      const ofBob = newSession({ userId: 'bob' })
      for (const session of [ofAnn, ofBob]) await storage.createSession(session)
      await storage.unpinUser('ann', now)
      assert.equal(await storage.findSession(ofAnn.sessionHash, now), undefined)
      assert.notEqual(await storage.findSession(ofBob.sessionHash, now), undefined)
    }
  },
  {
    name: 'listConnections: the living grants of one user with their clients, the newest first',
    async run (storage) {
      const { user, grant, client } = await granted(storage)
      const other = newClient({ active: false })
      await storage.createClient(other)
      const another = (changes: object) => grantedTo(storage, other, { userId: user.id, ...changes })
      const { grant: newer } = await another({ createdAt: after(10), redirectUri: null })
      const { grant: revoked } = await another({})
      await storage.revokeGrant(revoked.id, now)
      await another({ expiresAt: after(20) })
      await granted(storage)
      assert.deepEqual(await storage.listConnections(user.id, after(20)), [{ grant: newer, client: other }, { grant, client }])
      assert.deepEqual(await storage.listConnections('nobody', now), [])
    }
  },
  {
    name: 'revokeGrants: those of one user and one client, or all of one user, and nobody else\'s',
    async run (storage) {
      const { user, grant, client } = await granted(storage)
      const { grant: second } = await grantedTo(storage, client, { userId: user.id })
      const { client: other } = await granted(storage, { userId: user.id })
      const { user: stranger } = await grantedTo(storage, client)
      assert.equal(await storage.revokeGrants('nobody', undefined, now), 0)
      assert.equal(await storage.revokeGrants(user.id, 'none', now), 0)
      assert.equal(await storage.revokeGrants(user.id, client.id, now), 2)
      assert.equal(await storage.revokeGrant(grant.id, now) || await storage.revokeGrant(second.id, now), false)
      assert.deepEqual((await storage.listConnections(user.id, now)).map((connection) => connection.client.id), [other.id])
      assert.equal(await storage.revokeGrants(user.id, undefined, now), 1)
      assert.equal((await storage.listConnections(stranger.id, now)).length, 1)
    }
  },
  {
    name: 'touchGrant: writes down a use, unless one was since',
    async run (storage) {
      const { user, grant } = await granted(storage)
      const lastUsed = async () => (await storage.listConnections(user.id, now))[0]?.grant.lastUsedAt
      await storage.touchGrant('none', now, now)
      await storage.touchGrant(grant.id, after(-3600), now)
      assert.deepEqual(await lastUsed(), now)
      await storage.touchGrant(grant.id, now, after(60))
      assert.deepEqual(await lastUsed(), now)
      await storage.touchGrant(grant.id, after(1), after(3600))
      assert.deepEqual(await lastUsed(), after(3600))
    }
  }
]
