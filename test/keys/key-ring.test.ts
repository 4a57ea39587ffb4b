import t from 'tap'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { deriveKey, equalStrings, hashSecret, mac, randomId, randomSecret } from '../../lib/keys/secrets.ts'

const older = 'k3Vx9QmZ7tLr2WbY8nHc5DfG1jPs6AuE'
const newer = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
const value = { client: 'mcp-1', n: 1 }

t.test('PX-03: what was changed, or sealed for another purpose or under another key, is not unsealed', async t => {
  const ring = new KeyRing([older])
  const sealed = ring.seal('consent', value)
  const [payload = '', tag = ''] = sealed.split('.')
  const forged = Buffer.from(JSON.stringify({ client: 'mcp-2', n: 1 })).toString('base64url')
  const changed = [
    '', '.', '..', payload, tag, `${payload}.`, `.${tag}`, `${payload}.${tag}.`, `${payload}.${tag}.x`, `${payload}..${tag}`, `${forged}.${tag}`, `${payload}=.${tag}`, `${payload}.${tag}=`, ` ${sealed}`, `${sealed}\n`,
    `${payload}.${tag.toLowerCase()}`, `${payload}.${tag.slice(1)}`, `${payload.slice(1)}.${tag}`, new KeyRing([newer]).seal('consent', value)
  ]
  for (const text of changed) t.equal(ring.unseal('consent', text), undefined, text)
  t.equal(ring.unseal('other', sealed), undefined)
  for (let index = 0; index < sealed.length; index++) {
    const character = sealed[index] === 'A' ? 'B' : 'A'
    t.equal(ring.unseal('consent', sealed.slice(0, index) + character + sealed.slice(index + 1)), undefined, `character ${index}`)
  }
})

t.test('what was sealed comes back, for any number of times', async t => {
  const ring = new KeyRing([older])
  const sealed = ring.seal('consent', value)
  t.strictSame([ring.unseal('consent', sealed), ring.unseal('consent', sealed)], [value, value])
})

t.test('T15: after a rotation the old key verifies and does not sign, until it is dropped', async t => {
  const before = new KeyRing([older])
  const rotated = new KeyRing([newer, older])
  const dropped = new KeyRing([newer])
  const sealed = before.seal('consent', value)
  t.strictSame(rotated.unseal('consent', sealed), value)
  t.equal(dropped.unseal('consent', sealed), undefined)
  for (const purpose of ['access', 'refresh'] as const) {
    const { keyId, verifies } = before.signingKey(purpose)
    t.ok(rotated.find(purpose, keyId)?.verifies.equals(verifies))
    t.equal(dropped.find(purpose, keyId), undefined)
    t.equal(rotated.signingKey(purpose).keyId, dropped.signingKey(purpose).keyId, 'the first signs')
    t.not(rotated.signingKey(purpose).keyId, keyId)
  }
})

t.test('T15: a key that will sign next is known before it does', async t => {
  const next = new KeyRing([older, newer])
  t.equal(next.signingKey('access').keyId, new KeyRing([older]).signingKey('access').keyId)
  t.ok(next.find('access', new KeyRing([newer]).signingKey('access').keyId))
})

t.test('T11: a key id that is no name of a key finds none', async t => {
  const ring = new KeyRing([older])
  for (const keyId of [undefined, null, '', 'x', '__proto__', 'constructor', 0, ['x'], {}]) t.equal(ring.find('access', keyId), undefined, JSON.stringify(keyId))
})

t.test('T10: every purpose has a key of its own; the root secret signs access tokens, as the seed has it', async t => {
  const ring = new KeyRing([older])
  const access = ring.signingKey('access').signs.export()
  const refresh = ring.signingKey('refresh').signs.export()
  t.equal(access.toString(), older)
  t.notOk(access.equals(refresh))
  t.notOk(ring.signingKey('access').keyId.includes(older.slice(0, 4)), 'the name tells nothing about the secret')
})

t.test('RFC 5869: derived keys differ by root and by label, and stay the same', async t => {
  const keys = [deriveKey(older, 'a'), deriveKey(older, 'b'), deriveKey(newer, 'a')].map(key => key.toString('hex'))
  t.equal(new Set(keys).size, 3)
  t.equal(deriveKey(older, 'a').toString('hex'), keys[0])
  t.equal(deriveKey(older, 'a').length, 32)
})

t.test('the borders between the parts of a mac count', async t => {
  const macs = [mac('k', 'ab', 'c'), mac('k', 'a', 'bc'), mac('k', 'abc'), mac('k', 'ab', 'c', ''), mac('k', '["ab","c"]'), mac('l', 'ab', 'c')]
  t.equal(new Set(macs).size, macs.length)
  t.equal(mac(Buffer.from('k'), 'ab', 'c'), macs[0])
})

t.test('strings are equal only where they are the same', async t => {
  for (const [a, b] of [['a', 'b'], ['a', 'aa'], ['', 'a'], ['a', 'A']] as const) t.notOk(equalStrings(a, b), `${a} ${b}`)
  t.ok(equalStrings('', ''))
  t.ok(equalStrings(older, older))
})

t.test('REG-12: secrets are 256 random bits, ids 128, both base64url; a hash is SHA-256', async t => {
  const secrets = Array.from({ length: 1000 }, randomSecret)
  const ids = Array.from({ length: 1000 }, randomId)
  t.equal(new Set([...secrets, ...ids]).size, 2000)
  t.ok(secrets.every(secret => /^[\w-]{43}$/.test(secret)))
  t.ok(ids.every(id => /^\w[\w-]{21}$/.test(id)), 'and none is an option where it is an argument')
  // FIPS 180-4, the example "abc".
  t.equal(hashSecret('abc'), Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex').toString('base64url'))
})
