import { sql } from 'kysely'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { storageContract } from '../../lib/testing/storage-contract.ts'
import { after, granted, grantedTo, newClient, newToken, newUser, now, redeemed, signInOf } from '../../lib/testing/contract/fixtures.ts'
import { createDatabase } from '../fixtures/postgres.ts'
import { connect, empty } from '../fixtures/storage.ts'

t.setTimeout(120_000)

// What one machine decides while another one has not committed.

const url = await createDatabase(t)
const db = connect(t, url)
await migrateToLatest(db)
const storage = new KyselyStorage(db)
t.beforeEach(() => empty(db))

/** Starts `later` while `first` has run but is not committed, and sees that it waits. */
async function behind<T> (first: ReturnType<typeof sql>, later: () => Promise<T>): Promise<T> {
  let answered = false
  const waiting = await db.transaction().execute(async (trx) => {
    await first.execute(trx)
    const answer = later().finally(() => { answered = true })
    await sleep(150)
    if (answered) throw new Error('It did not wait')
    return { answer }
  })
  return waiting.answer
}

t.test('T2: a refresh behind an uncommitted revocation gives nothing', async (t) => {
  const { refreshToken, grant } = await redeemed(storage)
  const accessToken = newToken(grant, { type: 'access_token' })
  const result = await behind(sql`UPDATE oauth_grants SET revoked_at = now() WHERE grant_id = ${grant.id}`,
    () => storage.rotateRefreshToken({ tokenId: refreshToken.id, successor: newToken(grant), accessToken, now }))
  t.same(result, { outcome: 'dead' })
  t.equal(await storage.findToken(accessToken.id), undefined)
})

t.test('T1: a redemption behind an uncommitted revocation gives nothing', async (t) => {
  const { code, grant } = await granted(storage)
  const accessToken = newToken(grant, { type: 'access_token' })
  const result = await behind(sql`UPDATE oauth_grants SET revoked_at = now() WHERE grant_id = ${grant.id}`,
    () => storage.redeemCode({ codeHash: code.codeHash, accessToken, refreshToken: undefined, now }))
  t.equal(result, 'dead')
  t.equal(await storage.findToken(accessToken.id), undefined)
})

t.test('T17: a revocation behind an uncommitted refresh ends what that refresh gave', async (t) => {
  const { refreshToken, grant } = await redeemed(storage)
  const revoked = await behind(sql`SELECT FROM oauth_grants WHERE grant_id = ${grant.id} FOR UPDATE`,
    () => storage.revokeGrant(grant.id, now))
  t.equal(revoked, true)
  t.same((await storage.findToken(refreshToken.id))?.grant.revokedAt, now)
})

t.test('T1: a redemption behind an uncommitted one of the same code is a replay', async (t) => {
  const { code, grant } = await granted(storage)
  const result = await behind(sql`UPDATE oauth_authorization_codes SET consumed_at = now() WHERE code_hash = ${code.codeHash}`,
    () => storage.redeemCode({ codeHash: code.codeHash, accessToken: newToken(grant), refreshToken: undefined, now }))
  t.equal(result, 'replayed')
})

t.test('signIn: an identity that another row is being pinned to is refused', async (t) => {
  await storage.addUser(newUser({ id: 'ann' }), now)
  await storage.addUser(newUser({ id: 'bob', email: 'bob@example.com' }), now)
  const { provider, issuer, subject } = signInOf()
  const result = await behind(
    sql`UPDATE user_profiles SET provider = ${provider}, provider_issuer = ${issuer}, provider_user_id = ${subject} WHERE user_id = 'bob'`,
    () => storage.signIn(signInOf()))
  t.same(result, { refusal: 'other-identity', userIds: ['ann', 'bob'] })
})

t.test('updateUser: an e-mail that another row is being given is taken', async (t) => {
  await storage.addUser(newUser({ id: 'ann' }), now)
  await storage.addUser(newUser({ id: 'bob', email: 'bob@example.com' }), now)
  const result = await behind(sql`UPDATE user_profiles SET email = 'cleo@example.com' WHERE user_id = 'bob'`,
    () => storage.updateUser('ann', { email: 'cleo@example.com' }, now))
  t.equal(result, false)
})

t.test('REG-11: a client that is getting its first grant is not removed, and is not waited for', async (t) => {
  const client = newClient()
  await storage.registerClient(client, 'hash')
  await db.transaction().execute(async (trx) => {
    await grantedTo(new KyselyStorage(trx), client)
    t.equal(await storage.deleteUnusedClients(after(1), 10), 0)
  })
  t.equal(await storage.deleteUnusedClients(after(1), 10), 0)
  t.same(await storage.findClient(client.id), client)
})

t.test('REG-11: a client that was granted something by a server of the version before stays', async (t) => {
  const client = newClient()
  await storage.registerClient(client, 'hash')
  await grantedTo(storage, client)
  await sql`UPDATE oauth_clients SET unused_since = created_at`.execute(db)
  t.equal(await storage.deleteUnusedClients(after(1), 10), 0)
})

t.test('REG-11: a registration behind an uncommitted removal of its client stores a new one', async (t) => {
  const [gone, client] = [newClient(), newClient()]
  await storage.registerClient(gone, 'hash')
  const answer = await behind(sql`DELETE FROM oauth_clients WHERE client_id = ${gone.id}`, () => storage.registerClient(client, 'hash'))
  t.same(answer, client)
})

t.test('a database whose default isolation is stricter decides the same', async (t) => {
  const strict = new KyselyStorage(connect(t, url, { options: '-c default_transaction_isolation=serializable' }))
  const races = storageContract.filter(({ name }) => /fifty|hundred/.test(name))
  t.equal(races.length, 4)
  for (const { run } of races) {
    await empty(db)
    await t.resolves(run(strict))
  }
})
