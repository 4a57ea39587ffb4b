import { createDecipheriv, randomBytes } from 'node:crypto'
import t from 'tap'
import { decrypt, encrypt } from '../../lib/keys/encryption.ts'
import { KeyRing } from '../../lib/keys/key-ring.ts'
import { fc } from '../fixtures/property.ts'

const older = 'k3Vx9QmZ7tLr2WbY8nHc5DfG1jPs6AuE'
const newer = 'Zq8RtY2uWx5vNm1LkJ7hGf4DsAp9OeIc'
const context = ['signing key', 'kid-1', 'RS256']

const bytes = fc.uint8Array({ maxLength: 200 }).map(array => Buffer.from(array))
const contexts = fc.array(fc.string(), { maxLength: 4 })

t.test('what was encrypted comes back, to who has the key and names the context', async t => {
  fc.assert(fc.property(bytes, contexts, (plaintext, context) => {
    const key = randomBytes(32)
    return decrypt(key, context, encrypt(key, context, plaintext))?.equals(plaintext) === true
  }))
  t.pass()
})

t.test('SP 800-38D: whatever is changed about it, it is refused', async t => {
  const key = randomBytes(32)
  const plaintext = randomBytes(64)
  const encrypted = encrypt(key, context, plaintext)
  fc.assert(fc.property(fc.nat(encrypted.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (at, text) => {
    const changed = encrypted.slice(0, at) + text + encrypted.slice(at + text.length)
    return changed === encrypted || decrypt(key, context, changed) === undefined
  }))
  fc.assert(fc.property(fc.nat(encrypted.length), fc.string({ minLength: 1 }), (at, text) => decrypt(key, context, encrypted.slice(0, at) + text + encrypted.slice(at)) === undefined))
  fc.assert(fc.property(fc.nat(encrypted.length - 1), at => decrypt(key, context, encrypted.slice(0, at)) === undefined && decrypt(key, context, encrypted.slice(at + 1)) === undefined))
  fc.assert(fc.property(fc.string(), text => decrypt(key, context, text) === undefined))
  fc.assert(fc.property(contexts, other => JSON.stringify(other) === JSON.stringify(context) || decrypt(key, other, encrypted) === undefined))
  t.equal(decrypt(randomBytes(32), context, encrypted), undefined, 'another key')
  t.ok(decrypt(key, context, encrypted)?.equals(plaintext))
})

t.test('SP 800-38D: it is AES-256-GCM with the whole tag, under another nonce each time', async t => {
  const key = randomBytes(32)
  const all = Array.from({ length: 500 }, () => Buffer.from(encrypt(key, context, Buffer.from('secret')), 'base64url'))
  t.equal(new Set(all.map(one => one.subarray(0, 12).toString('hex'))).size, 500)
  const [first = Buffer.alloc(0)] = all
  t.equal(first.length, 12 + 'secret'.length + 16)
  const decipher = createDecipheriv('aes-256-gcm', key, first.subarray(0, 12)).setAAD(Buffer.from(JSON.stringify(context))).setAuthTag(first.subarray(-16))
  t.equal(decipher.update(first.subarray(12, -16)).toString() + decipher.final('utf8'), 'secret')
})

t.test('a ring reads what any of its secrets has encrypted, and tells what is to be encrypted anew', async t => {
  const before = new KeyRing([older])
  const rotated = new KeyRing([newer, older])
  const after = new KeyRing([newer])
  const encrypted = before.encrypt(context, Buffer.from('secret'))
  t.equal(rotated.decrypt(context, encrypted)?.toString(), 'secret')
  t.equal(after.decrypt(context, encrypted), undefined)
  t.strictSame([before, rotated, after].map(ring => ring.isOutdated(encrypted)), [false, true, false], 'what can not be read is left alone')
  const anew = rotated.encrypt(context, Buffer.from('secret'))
  t.equal(after.decrypt(context, anew)?.toString(), 'secret')
  t.notOk(rotated.isOutdated(anew))
  t.notOk(encrypted.includes(older.slice(0, 6)))
})

t.test('the name of the root key is part of what is encrypted', async t => {
  const ring = new KeyRing([newer, older])
  const [, sealed] = new KeyRing([older]).encrypt(context, Buffer.from('secret')).split('.')
  const [name, own] = ring.encrypt(context, Buffer.from('secret')).split('.')
  for (const text of [`${name}.${sealed}`, `.${own}`, `${own}`, `${name}`, `${name}.`, `${name}.${own}.`, `${name}.${own}.${own}`, `__proto__.${own}`, '', '.']) t.equal(ring.decrypt(context, text), undefined, text.slice(0, 30))
  t.ok(ring.decrypt(context, `${name}.${own}`))
})
