import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { sealBatch } from '../../lib/audit/chain.ts'
import { StorageUnavailableError } from '../../lib/errors.ts'
import { KyselyStorage, migrateToLatest } from '../../lib/storage/kysely/index.ts'
import { granted, newClient, newDocument, newToken, newSession, newTransaction, newUser, now, redeemed, signInOf } from '../../lib/testing/contract/fixtures.ts'
import type { Token } from '../../lib/storage/records.ts'
import type { OAuthStorage } from '../../lib/storage/types.ts'
import { createDatabase, execute, waitingForLocks } from '../fixtures/postgres.ts'
import { connect } from '../fixtures/storage.ts'
import { tcpProxy } from '../fixtures/tcp-proxy.ts'
import { until } from '../fixtures/until.ts'

t.setTimeout(120_000)

const url = await createDatabase(t)
await migrateToLatest(connect(t, url))

/** Every question that can be asked. */
function questions (storage: OAuthStorage): Record<Exclude<keyof OAuthStorage, 'logStatements' | 'watchChanges'>, () => Promise<unknown>> {
  const { handleHash, bindingHash } = newTransaction()
  const key = { handleHash, bindingHash, now }
  const grant = {
    id: 'g', clientId: 'c', userId: 'u', email: 'ann@example.com', resource: 'r', scopes: [], redirectUri: null, createdAt: now, lastUsedAt: null, expiresAt: now, revokedAt: null
  }
  const token = newToken(grant)
  return {
    prepare: () => storage.prepare(),
    addFirstAdmin: () => storage.addFirstAdmin(newUser(), now),
    addUser: () => storage.addUser(newUser(), now),
    findUser: () => storage.findUser('u'),
    listUsers: () => storage.listUsers(),
    searchUsers: () => storage.searchUsers({ limit: 1 }),
    updateUser: () => storage.updateUser('u', { email: 'bob@example.com' }, now),
    unpinUser: () => storage.unpinUser('u', now),
    removeUser: () => storage.removeUser('u', now),
    signIn: () => storage.signIn(signInOf()),
    createClient: () => storage.createClient(newClient()),
    findClient: () => storage.findClient('c'),
    searchClients: () => storage.searchClients({ limit: 1 }),
    saveClientDocument: () => storage.saveClientDocument('https://client.example/', newDocument(), now),
    registerClient: () => storage.registerClient(newClient(), 'hash'),
    setClientActive: () => storage.setClientActive('c', true),
    createTransaction: () => storage.createTransaction(newTransaction()),
    findTransaction: () => storage.findTransaction(key),
    consumeTransaction: () => storage.consumeTransaction(key),
    createSession: () => storage.createSession(newSession()),
    findSession: () => storage.findSession('s', now),
    endSession: () => storage.endSession('s'),
    createGrant: () => storage.createGrant(grant, {
      codeHash: 'h', grantId: 'g', redirectUri: 'r', codeChallenge: 'c', nonce: null, authenticatedAt: now, createdAt: now, expiresAt: now, consumedAt: null
    }),
    findCode: () => storage.findCode('h'),
    redeemCode: () => storage.redeemCode({ codeHash: 'h', accessToken: token, refreshToken: token, now }),
    findToken: () => storage.findToken('t'),
    rotateRefreshToken: () => storage.rotateRefreshToken({ tokenId: 't', successor: token, accessToken: token, now }),
    revokeToken: () => storage.revokeToken('t'),
    revokeGrant: () => storage.revokeGrant('g', now),
    listConnections: () => storage.listConnections('u', now),
    revokeGrants: () => storage.revokeGrants('u', undefined, now),
    searchConnections: () => storage.searchConnections({ limit: 1 }, now),
    revokeEveryGrant: () => storage.revokeEveryGrant(1, now),
    touchGrant: () => storage.touchGrant('g', now, now),
    countLiving: () => storage.countLiving(now),
    listSigningKeys: () => storage.listSigningKeys(),
    addSigningKey: () => storage.addSigningKey({
      id: 'k', algorithm: 'RS256', sealed: 's', tokenLifetime: 60, createdAt: now, signsFrom: now, retiredAt: null
    }),
    appendAudit: () => storage.appendAudit(sealBatch({ keyId: 'k', key: Buffer.alloc(32) }, 'w', { sequence: 0, mac: '' }, [], now)),
    queryAudit: () => storage.queryAudit({ limit: 1 }),
    listAuditChains: () => storage.listAuditChains(),
    listAuditSeals: () => storage.listAuditSeals('w', 0, 1),
    listAuditRecords: () => storage.listAuditRecords('w', 0, 1, 1),
    removeAudit: () => storage.removeAudit({ writer: 'w', sequence: 1, mac: 'm', keyId: 'k', signature: 's' }, 0),
    retireSigningKey: () => storage.retireSigningKey('k', now),
    extendSigningKey: () => storage.extendSigningKey('k', 60),
    resealSigningKey: () => storage.resealSigningKey('k', 'from', 'to'),
    removeSigningKey: () => storage.removeSigningKey('k'),
    purge: () => storage.purge('tokens', now, 1)
  }
}

async function throughProxy (t: { teardown (release: () => unknown): unknown }) {
  const address = new URL(url)
  const proxy = await tcpProxy(t, Number(address.port))
  address.port = String(proxy.port)
  return { proxy, url: address.href }
}

t.test('a database that is down is unavailable to every question, and recovers', async (t) => {
  const { proxy, url } = await throughProxy(t)
  const storage = new KyselyStorage(connect(t, url))
  await storage.prepare()
  await proxy.cut()
  for (const [name, ask] of Object.entries(questions(storage))) {
    const error = await ask().catch((refusal: unknown) => refusal)
    t.ok(error instanceof StorageUnavailableError, name)
    t.ok(error instanceof Error && error.cause instanceof Error, `${name} says why`)
  }
  await proxy.mend()
  await t.resolves(storage.prepare())
  t.equal(await storage.findUser('nobody'), undefined)
})

/** Loses the storage's connection while it waits for a grant that somebody else holds. */
async function cutWhileWaiting (t: Test, grantId: string, proxy: Awaited<ReturnType<typeof throughProxy>>['proxy'], work: () => Promise<unknown>): Promise<void> {
  await connect(t, url).transaction().execute(async (trx) => {
    await sql`SELECT FROM oauth_grants WHERE grant_id = ${grantId} FOR UPDATE`.execute(trx)
    const waiting = work().catch((refusal: unknown) => refusal)
    await sleep(150)
    await proxy.cut()
    t.ok(await waiting instanceof StorageUnavailableError)
  })
  await proxy.mend()
}

t.test('a refresh whose connection is lost is unavailable, and whoever comes again gets the one successor', async (t) => {
  const { proxy, url: proxied } = await throughProxy(t)
  const storage = new KyselyStorage(connect(t, proxied))
  const { refreshToken, grant } = await redeemed(storage)
  const successor = newToken(grant)
  const rotation = () => storage.rotateRefreshToken({ tokenId: refreshToken.id, successor, accessToken: newToken(grant, { type: 'access_token' }), now })
  await cutWhileWaiting(t, grant.id, proxy, rotation)
  t.same(await rotation(), { outcome: 'rotated', refreshToken: successor })
})

t.test('a connection that is lost in the middle of a transaction is unavailable, and nothing was written', async (t) => {
  const { proxy, url: proxied } = await throughProxy(t)
  const storage = new KyselyStorage(connect(t, proxied))
  const { refreshToken, grant } = await redeemed(storage)
  const successor = newToken(grant)
  const rotation = (accessToken: Token) => storage.rotateRefreshToken({ tokenId: refreshToken.id, successor, accessToken, now })
  await rotation(newToken(grant, { type: 'access_token' }))
  const again = newToken(grant, { type: 'access_token' })
  await cutWhileWaiting(t, grant.id, proxy, async () => await rotation(again))
  t.equal(await storage.findToken(again.id), undefined)
  t.same(await rotation(again), { outcome: 'rotated', refreshToken: successor })
})

t.test('a server that shuts down in the middle of a query is unavailable', async (t) => {
  const own = await createDatabase(t)
  const db = connect(t, own)
  await migrateToLatest(db)
  const storage = new KyselyStorage(db)
  const { grant } = await granted(storage)
  await db.connection().execute(async (holder) => {
    await sql`BEGIN`.execute(holder)
    await sql`SELECT FROM oauth_grants FOR UPDATE`.execute(holder)
    const waiting = storage.revokeGrant(grant.id, now).catch((refusal: unknown) => refusal)
    await until(async () => (await waitingForLocks(own)).length > 0)
    for (const pid of await waitingForLocks(own)) await execute(own, `SELECT pg_terminate_backend(${pid})`)
    t.ok(await waiting instanceof StorageUnavailableError)
    await sql`ROLLBACK`.execute(holder)
  })
  t.equal(await storage.revokeGrant(grant.id, now), true)
})

t.test('a server that has no connection left is unavailable', async (t) => {
  await execute(url, 'DROP ROLE IF EXISTS crowded', 'CREATE ROLE crowded LOGIN CONNECTION LIMIT 0')
  const storage = new KyselyStorage(connect(t, url.replace('postgres@', 'crowded@')))
  await t.rejects(storage.prepare(), StorageUnavailableError)
})

t.test('a server that does not answer is unavailable', async (t) => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const address = silent.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const storage = new KyselyStorage(connect(t, `postgres://postgres@127.0.0.1:${port}/none`, { connectionTimeoutMillis: 100 }))
  await t.rejects(storage.prepare(), StorageUnavailableError)
})

t.test('a database that falls silent after it was reached is unavailable', async (t) => {
  const storage = new KyselyStorage(connect(t, url, { query_timeout: 200 }))
  await execute(url, 'CREATE FUNCTION stall () RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(2); RETURN NEW; END $$',
    'CREATE TRIGGER stall BEFORE INSERT ON oauth_clients FOR EACH ROW EXECUTE FUNCTION stall()')
  t.teardown(() => execute(url, 'DROP FUNCTION stall CASCADE'))
  await t.rejects(storage.createClient(newClient()), StorageUnavailableError)
})

t.test('an address that leads nowhere is a mistake, told in one sentence', async (t) => {
  await execute(url, 'DROP ROLE IF EXISTS barred', 'CREATE ROLE barred NOLOGIN')
  for (const [wrong, message] of [
    [url.replace(/[^/]+$/, 'nowhere'), /^database: database "nowhere" does not exist; correct the address/],
    [url.replace('postgres@', 'barred@'), /^database: role "barred" is not permitted to log in; correct the address/]
  ] as const) {
    await t.rejects(migrateToLatest(connect(t, wrong)), { name: 'InvalidOptionError', message })
  }
})

t.test('what the database refuses is no outage', async (t) => {
  const storage = new KyselyStorage(connect(t, url))
  const client = newClient()
  await storage.createClient(client)
  await t.rejects(storage.createClient(client), { code: '23505' })
  await execute(url, 'DROP ROLE IF EXISTS stranger', 'CREATE ROLE stranger LOGIN')
  const stranger = new KyselyStorage(connect(t, url.replace('postgres@', 'stranger@')))
  for (const ask of [() => stranger.prepare(), () => stranger.signIn(signInOf()), () => stranger.findToken('token')]) {
    const error = await ask().catch((refusal: unknown) => refusal)
    t.match(error, { code: '42501' })
    t.notOk(error instanceof StorageUnavailableError)
  }
})
