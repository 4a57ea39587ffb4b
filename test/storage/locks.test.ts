import { sql } from 'kysely'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { storageContract } from '../../lib/testing/storage-contract.ts'
import { after, granted, grantedTo, newClient, newToken, newUser, now, redeemed, signInOf } from '../../lib/testing/contract/fixtures.ts'
import { createDatabase, waitingForLocks } from '../fixtures/postgres.ts'
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
    while ((await waitingForLocks(url)).length === 0) {
      if (answered) throw new Error('It did not wait')
      await sleep(5)
    }
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
  t.equal(result, 'taken')
})

t.test('REG-11: a client that is getting its first grant is not removed, and is not waited for', async (t) => {
  const client = newClient()
  await storage.registerClient(client, 'hash')
  await db.transaction().execute(async (trx) => {
    await grantedTo(new KyselyStorage(trx), client)
    t.equal(await storage.purge('clients', after(1), 10), 0)
  })
  t.equal(await storage.purge('clients', after(1), 10), 0)
  t.same(await storage.findClient(client.id), client)
})

t.test('REG-11: a client that was granted something by a server of the version before stays', async (t) => {
  const client = newClient()
  await storage.registerClient(client, 'hash')
  await grantedTo(storage, client)
  await sql`UPDATE oauth_clients SET unused_since = created_at`.execute(db)
  t.equal(await storage.purge('clients', after(1), 10), 0)
})

t.test('REG-11: a registration behind an uncommitted removal of its client stores a new one', async (t) => {
  const [gone, client] = [newClient(), newClient()]
  await storage.registerClient(gone, 'hash')
  const answer = await behind(sql`DELETE FROM oauth_clients WHERE client_id = ${gone.id}`, () => storage.registerClient(client, 'hash'))
  t.same(answer, client)
})

/** Holds what a statement locks, and sees that nobody waits for it. */
async function holding<T> (lock: ReturnType<typeof sql>, meanwhile: () => Promise<T>): Promise<T> {
  return await db.transaction().execute(async (trx) => {
    await lock.execute(trx)
    return await meanwhile()
  })
}

t.test('purge: one process is at it; another one is told so at once, and finds its turn later', async (t) => {
  const expired = await redeemed(storage, { expiresAt: after(1) })
  await db.transaction().execute(async (trx) => {
    t.equal(await new KyselyStorage(db).purge('sessions', after(2), 10), 0)
    await sql`SELECT pg_advisory_xact_lock(7306917452018366466)`.execute(trx)
    for (const kind of ['tokens', 'codes', 'grants', 'transactions', 'sessions', 'clients'] as const) t.equal(await storage.purge(kind, after(2), 10), undefined, kind)
  })
  t.equal(await storage.purge('tokens', after(2), 10), 1)
  t.equal(await storage.findToken(expired.refreshToken.id), undefined)
})

t.test('purge: what is in use is not waited for, and stays for the next time', async (t) => {
  const { grant, refreshToken, code } = await redeemed(storage)
  const ended = after(10_000_000)
  t.equal(await holding(sql`SELECT FROM oauth_tokens WHERE token_id = ${refreshToken.id} FOR UPDATE`, () => storage.purge('tokens', ended, 10)), 1)
  t.match(await storage.findToken(refreshToken.id), { grant: { id: grant.id } })
  t.equal(await holding(sql`SELECT FROM oauth_grants WHERE grant_id = ${grant.id} FOR UPDATE`, () => storage.purge('tokens', ended, 10)), 1)
  t.match(await storage.findCode(code.codeHash), { grant: { id: grant.id } })
  t.equal(await holding(sql`SELECT FROM oauth_authorization_codes WHERE code_hash = ${code.codeHash} FOR UPDATE`, () => storage.purge('grants', ended, 10)), 0)
  t.match(await storage.findCode(code.codeHash), { grant: { id: grant.id } })
  t.equal(await storage.purge('grants', ended, 10), 1)
  t.equal(await storage.findCode(code.codeHash), undefined)
})

t.test('T1: a code that is being redeemed keeps its grant, though the clock of whoever cleans up is ahead', async (t) => {
  const { grant, code } = await granted(storage)
  const accessToken = newToken(grant, { type: 'access_token' })
  const { redeemed, purged } = await db.transaction().execute(async (trx) => {
    // The exchange has its locks, and waits for its turn to write.
    await sql`SELECT FROM oauth_authorization_codes JOIN oauth_grants USING (grant_id) WHERE code_hash = ${code.codeHash} FOR UPDATE`.execute(trx)
    return {
      redeemed: storage.redeemCode({ codeHash: code.codeHash, accessToken, refreshToken: undefined, now }),
      purged: await storage.purge('codes', after(61), 10)
    }
  })
  t.equal(purged, 0)
  t.equal(await redeemed, 'redeemed')
  t.match(await storage.findToken(accessToken.id), { grant: { id: grant.id } })
})

t.test('purge: tokens of before grants were kept go too', async (t) => {
  const { client } = await granted(storage)
  await sql`INSERT INTO oauth_tokens (token_id, client_id, user_id, token_type, expires_at) VALUES ('guide', ${client.id}, 'u', 'access_token', ${now})`.execute(db)
  t.equal(await storage.purge('tokens', after(1), 10), 1)
})

t.test('purge: every kind finds what is due by an index', async (t) => {
  const indexes: Record<string, string> = {
    oauth_tokens: 'oauth_tokens_expiry',
    oauth_grants: 'oauth_grants_expiry',
    oauth_transactions: 'oauth_transactions_expiry',
    oauth_sessions: 'oauth_sessions_expiry'
  }
  const plan = async (query: string) => JSON.stringify(await db.transaction().execute(async (trx) => {
    await sql`SET LOCAL enable_seqscan = off`.execute(trx)
    return (await sql.raw(`EXPLAIN ${query}`).execute(trx)).rows
  }))
  for (const [table, index] of Object.entries(indexes)) t.match(await plan(`SELECT 1 FROM ${table} WHERE expires_at < now() ORDER BY expires_at LIMIT 10`), index)
  t.match(await plan('SELECT 1 FROM oauth_authorization_codes WHERE consumed_at IS NULL AND expires_at < now() ORDER BY expires_at LIMIT 10'), 'oauth_authorization_codes_expiry')
  t.match(await plan('SELECT 1 FROM oauth_clients WHERE unused_since < now() AND active ORDER BY unused_since LIMIT 10'), 'oauth_clients_unused')
})

/** The same database as somebody has it who lets nothing happen side by side. */
function strictly (t: Parameters<typeof connect>[0]): KyselyStorage {
  return new KyselyStorage(connect(t, url, { options: '-c default_transaction_isolation=serializable' }))
}

t.test('T1: a redemption that a stricter default isolation refuses is decided once more', async (t) => {
  const strict = strictly(t)
  const { code, grant } = await granted(storage)
  const result = await behind(sql`UPDATE oauth_authorization_codes SET consumed_at = now() WHERE code_hash = ${code.codeHash}`,
    () => strict.redeemCode({ codeHash: code.codeHash, accessToken: newToken(grant), refreshToken: undefined, now }))
  t.equal(result, 'replayed')
})

t.test('a database whose default isolation is stricter decides the same', async (t) => {
  const strict = strictly(t)
  const races = storageContract.filter(({ name }) => /fifty|hundred/.test(name))
  t.equal(races.length, 4)
  for (const { run } of races) {
    await empty(db)
    await t.resolves(run(strict))
  }
})
