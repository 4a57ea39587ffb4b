import t from 'tap'
import { InvalidOptionError, StorageUnavailableError, type SigningKey } from '../../lib/index.ts'
import { after, publishedAfter, refreshAfter } from '../../lib/keys/schedule.ts'
import { ServerKeys, type ServerKeysOptions } from '../../lib/keys/server-keys.ts'
import { MemoryStorage } from '../../lib/storage/memory/storage.ts'
import { memoryStorage } from '../fixtures/memory-storage.ts'
import { watchStorage, type WatchedStorage } from '../fixtures/watched-storage.ts'
import { secret } from '../fixtures/world.ts'

const other = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
const leaked = 'q8Lw3ZpXr5Nv7KtYb2MhJd9GfC4sAe6U'
const now = new Date()
const day = 86_400
const stranger = 'A'.repeat(22)

interface Replica { keys: ServerKeys, watch: WatchedStorage, failures: unknown[], retired: string[] }

/** One process: its keys, what it asks the storage, and what it could not do. */
function replica (storage = memoryStorage(secret), options: Partial<ServerKeysOptions> = {}): Replica {
  const watch = watchStorage(storage)
  const failures: unknown[] = []
  const retired: string[] = []
  const keys = new ServerKeys({
    secrets: [secret],
    storage: watch.storage,
    signingAlgorithm: 'ES256',
    signingKeyLifetime: 90 * day,
    accessTokenLifetime: 7 * day,
    onRetired: keyId => { retired.push(keyId) },
    onFailure: error => { failures.push(error) },
    ...options
  })
  return { keys, watch, failures, retired }
}

async function prepared (storage?: MemoryStorage, options?: Partial<ServerKeysOptions>, at = now): Promise<Replica> {
  const made = replica(storage, options)
  await made.keys.prepare(at)
  return made
}

const signer = ({ keys }: Replica, at: Date, purpose: 'access' | 'id' = 'access') => keys.signingKey(purpose, at).keyId
const names = ({ keys }: Replica, at: Date) => keys.publicKeys(at).map(({ kid }) => kid).sort()
const reads = ({ watch }: Replica) => watch.calls.filter(name => name === 'listSigningKeys').length

t.test('before it is prepared, it signs nothing with a key pair', async t => {
  const { keys } = replica()
  t.throws(() => keys.signingKey('id', now), /no RS256 key/)
  t.strictSame(keys.publicKeys(now), [])
})

t.test('TK-13: id_tokens are signed with RS256 whatever access tokens are, refresh tokens by the root secret', async t => {
  for (const signingAlgorithm of ['HS256', 'RS256', 'ES256', 'EdDSA'] as const) {
    const { keys } = await prepared(undefined, { signingAlgorithm })
    t.strictSame((['id', 'access', 'refresh'] as const).map(purpose => keys.signingKey(purpose, now).algorithm), ['RS256', signingAlgorithm, 'HS256'])
    t.equal(keys.signingKey('id', now).keyId === keys.signingKey('access', now).keyId, signingAlgorithm === 'RS256')
  }
})

t.test('of any number of processes that start at once, one makes each key and all use it', async t => {
  const storage = new MemoryStorage()
  const replicas = await Promise.all(Array.from({ length: 5 }, () => prepared(storage)))
  t.equal((await storage.listSigningKeys()).length, 2)
  t.equal(new Set(replicas.map(one => `${signer(one, now)} ${signer(one, now, 'id')}`)).size, 1)
})

t.test('a restart loses nothing', async t => {
  const storage = new MemoryStorage()
  const first = await prepared(storage)
  const second = await prepared(storage, {}, after(now, day))
  t.strictSame(names(second, now), names(first, now))
  t.equal(signer(second, now), signer(first, now))
})

t.test('the first key of an algorithm signs at once, also by a clock that is behind', async t => {
  const one = await prepared(new MemoryStorage())
  t.equal(signer(one, now), signer(one, after(now, -30)))
})

/** Rows that nobody who has the secret has written. */
const forgeries: Record<string, (keys: SigningKey[]) => Partial<SigningKey>> = {
  'another algorithm': () => ({ algorithm: 'EdDSA' }),
  'another name': () => ({ id: stranger }),
  'another key': ([rsa]) => ({ sealed: rsa?.sealed ?? '' }),
  'nothing that was sealed': () => ({ sealed: '' }),
  'a changed tag': ([, ec]) => ({ sealed: `${ec?.sealed.slice(0, -4)}AAAA` })
}

class ForgedStorage extends MemoryStorage {
  forge: (keys: SigningKey[]) => SigningKey[] = keys => keys

  override async listSigningKeys () {
    return this.forge(await super.listSigningKeys())
  }
}

for (const [what, forge] of Object.entries(forgeries)) {
  t.test(`a row with ${what} stops the start, and no key is made in its place`, async t => {
    const storage = new ForgedStorage()
    await prepared(storage)
    storage.forge = keys => keys.map((key, index) => index === 1 ? { ...key, ...forge(keys) } : key)
    const { keys, watch } = replica(storage)
    const error: unknown = await keys.prepare(now).catch((refusal: unknown) => refusal)
    t.ok(error instanceof InvalidOptionError)
    t.match(error, { option: 'secret (JWT_SECRET)', message: /JWT_SECRET_PREVIOUS.*docs\/keys\.md/ })
    t.strictSame(watch.calls, ['listSigningKeys'])
  })
}

t.test('another secret stops the start; behind it the right one opens the keys, which are then sealed anew', async t => {
  const storage = new MemoryStorage()
  const before = await prepared(storage)
  await t.rejects(prepared(storage, { secrets: [other] }), InvalidOptionError)
  t.equal((await storage.listSigningKeys()).length, 2)
  const between = await prepared(storage, { secrets: [secret, other] })
  await t.rejects(prepared(storage, { secrets: [other] }), InvalidOptionError, 'the first one seals')
  const rotated = await prepared(storage, { secrets: [other, secret] })
  const alone = await prepared(storage, { secrets: [other] })
  for (const one of [between, rotated, alone]) t.strictSame(names(one, now), names(before, now), 'they are the same keys')
  await before.keys.refresh(after(now, refreshAfter))
  t.strictSame(before.failures, [], 'a process that has opened them need not open them again')
  t.strictSame(names(before, now), names(alone, now))
  await t.rejects(prepared(storage, { secrets: [secret] }), InvalidOptionError)
})

t.test('a key that was made meanwhile under the old secret is sealed anew without a restart', async t => {
  const storage = new MemoryStorage()
  const step1 = await prepared(storage, { secrets: [secret, other] })
  const step2 = await prepared(storage, { secrets: [other, secret] })
  await step1.keys.rotate(after(now, 1))
  await step2.keys.refresh(after(now, refreshAfter + 1))
  const alone = await prepared(storage, { secrets: [other] }, after(now, refreshAfter + 1))
  t.strictSame(names(alone, after(now, 100)), names(step1, after(now, 100)))
})

t.test('after a leak: discarded keys are gone everywhere within a minute, and new ones sign at once', async t => {
  const storage = new ForgedStorage()
  const one = await prepared(storage, { secrets: [leaked] })
  const before = names(one, now)
  const old = signer(one, now)
  for (const { id } of await storage.listSigningKeys()) {
    await storage.retireSigningKey(id, now)
    await storage.removeSigningKey(id)
  }
  const at = after(now, refreshAfter)
  await one.keys.refresh(at)
  t.not(signer(one, at), old)
  t.notOk(names(one, at).some(name => before.includes(name)))
  t.equal(await one.keys.find('access', old, at), undefined)
})

t.test('the copy is read again once a minute at most, however many ask', async t => {
  const one = await prepared()
  const start = reads(one)
  for (const seconds of [0, 1, 59.999]) await one.keys.refresh(after(now, seconds))
  t.equal(reads(one), start)
  await Promise.all(Array.from({ length: 20 }, () => one.keys.refresh(after(now, 60))))
  t.equal(reads(one), start + 1)
  await one.keys.refresh(after(now, -3600))
  t.equal(reads(one), start + 2, 'a clock that was set back does not keep it from reading')
})

t.test('a refresh that fails keeps what is known, is told of, and is not tried at every request', async t => {
  const one = await prepared()
  const known = names(one, now)
  one.watch.failure = new StorageUnavailableError()
  for (const seconds of [60, 61, 64.999]) await one.keys.refresh(after(now, seconds))
  t.strictSame(one.failures, [one.watch.failure])
  t.strictSame(names(one, now), known)
  t.ok(signer(one, after(now, 61)))
  one.watch.failure = undefined
  const before = reads(one)
  await one.keys.refresh(after(now, 65))
  t.equal(reads(one), before + 1)
  await one.keys.refresh(after(now, 66))
  t.equal(reads(one), before + 1)
})

t.test('T11: names that nobody knows cost one look at the storage in five seconds', async t => {
  const one = await prepared()
  const start = reads(one)
  for (let index = 0; index < 50; index++) t.equal(await one.keys.find('access', `${index}`.padStart(22, 'x'), after(now, 5 + index / 20)), undefined)
  t.equal(reads(one), start + 1)
  for (const name of [undefined, null, 7, '', 'short', `${stranger}A`, `${stranger.slice(1)}.`, '__proto__', [stranger]]) await one.keys.find('access', name, after(now, 60))
  await one.keys.find('refresh', stranger, after(now, 60))
  t.equal(reads(one), start + 1, 'and those that are none, nothing')
})

t.test('T15: a key that another process has made a moment ago is found by its name', async t => {
  const storage = memoryStorage(secret)
  const here = await prepared(storage, { signingAlgorithm: 'HS256' })
  const there = await prepared(storage, { signingAlgorithm: 'EdDSA' }, after(now, 10))
  const name = signer(there, after(now, 10))
  t.equal((await here.keys.find('access', name, after(now, 10)))?.algorithm, 'EdDSA')
  t.equal(await here.keys.find('refresh', name, after(now, 10)), undefined, 'for access tokens alone')
})

t.test('T12: where nobody can tell whether there is such a key, nobody says that there is none', async t => {
  const one = await prepared()
  one.watch.failure = new StorageUnavailableError()
  for (const seconds of [10, 11]) await t.rejects(one.keys.find('access', stranger, after(now, seconds)), StorageUnavailableError)
  one.watch.failure = undefined
  t.equal(await one.keys.find('access', stranger, after(now, 15)), undefined)
})

t.test('rotation on demand: the states of the keys, and never their private halves', async t => {
  const storage = new MemoryStorage()
  const one = await prepared(storage, { signingAlgorithm: 'RS256' })
  const [first] = one.keys.list(now)
  t.strictSame(one.keys.list(now), [{ keyId: signer(one, now), algorithm: 'RS256', state: 'signing', createdAt: now, signsFrom: now, endsAt: null }])
  await one.keys.rotate(now)
  const next = after(now, publishedAfter)
  const endsAt = after(now, refreshAfter + publishedAfter + 7 * day)
  t.hasStrict(one.keys.list(now), [{ ...first, state: 'signing', endsAt }, { state: 'next', createdAt: now, signsFrom: next, endsAt: null }])
  t.match(one.keys.list(next), [{ keyId: first?.keyId, state: 'verifying' }, { state: 'signing' }])
  t.equal(signer(one, next), one.keys.list(now)[1]?.keyId)
  t.equal(one.keys.list(endsAt).length, 1)
  t.ok(await one.keys.find('access', first?.keyId, after(endsAt, -1)))
  t.equal(await one.keys.find('access', first?.keyId, endsAt), undefined)
})

t.test('rotations at once are one rotation', async t => {
  const storage = memoryStorage(secret)
  const replicas = await Promise.all([prepared(storage), prepared(storage), prepared(storage)])
  await Promise.all(replicas.map(async one => { await one.keys.rotate(after(now, 1)) }))
  t.equal((await storage.listSigningKeys()).length, 4)
  const [name, ...others] = replicas.map(one => names(one, after(now, 1)))
  for (const same of others) t.strictSame(same, name)
})

t.test('a rotation is seen although a refresh was under way', async t => {
  const storage = new ForgedStorage()
  const one = await prepared(storage, { signingAlgorithm: 'HS256' })
  const refreshed = one.keys.refresh(after(now, 60))
  await one.keys.rotate(after(now, 60))
  await refreshed
  t.equal(one.keys.list(after(now, 60)).length, 2)
})

t.test('T15: tokens that live longer than the key knew prolong its end, shorter ones do not shorten it', async t => {
  const storage = memoryStorage(secret)
  await prepared(storage, { signingAlgorithm: 'HS256', accessTokenLifetime: 30 * day })
  const one = await prepared(storage, { signingAlgorithm: 'HS256', accessTokenLifetime: 60 })
  await one.keys.rotate(now)
  t.same(one.keys.list(now)[0]?.endsAt, after(now, refreshAfter + publishedAfter + 30 * day))
  t.equal((await storage.listSigningKeys())[1]?.tokenLifetime, 3600, 'id_tokens live an hour')
})

t.test('a key pair that no process signs with any more is retired when it is due, and goes', async t => {
  const storage = memoryStorage(secret)
  const before = await prepared(storage, { signingAlgorithm: 'EdDSA' })
  const old = signer(before, now)
  const due = after(now, 90 * day)
  const one = await prepared(storage, { signingAlgorithm: 'HS256' }, due)
  t.ok(names(one, due).includes(old))
  t.ok(one.retired.includes(old))
  const end = after(due, refreshAfter + publishedAfter + 7 * day)
  await one.keys.refresh(end)
  t.notOk((await storage.listSigningKeys()).some(({ id }) => id === old))
  await before.keys.refresh(after(end, 1))
  t.not(signer(before, after(end, 1)), old, 'whoever still signs so makes a new one')
})

t.test('seals of pages and forms hold under every root secret', async t => {
  const sealed = replica().keys.seal('consent', { a: 1 })
  t.strictSame(replica(undefined, { secrets: [other, secret] }).keys.unseal('consent', sealed), { a: 1 })
  t.equal(replica(undefined, { secrets: [other] }).keys.unseal('consent', sealed), undefined)
})
