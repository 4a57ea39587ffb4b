import t from 'tap'
import { encodeJson, isBase64url } from '../../lib/keys/base64url.ts'
import { fc } from '../fixtures/property.ts'

const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']

t.test('a text is base64url where its bytes are spelt like this', async t => {
  const texts = fc.oneof(
    fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 }),
    fc.string({ unit: fc.constantFrom(...alphabet, '+', '/', '=', ' ', '\n', 'é'), maxLength: 8 })
  )
  fc.assert(fc.property(texts, text => isBase64url(text) === (text !== '' && Buffer.from(text, 'base64url').toString('base64url') === text)), { numRuns: 20_000 })
  for (const last of alphabet) {
    for (const text of [`a${last}`, `aa${last}`, `aaa${last}`]) t.equal(isBase64url(text), Buffer.from(text, 'base64url').toString('base64url') === text, text)
  }
  t.notOk(isBase64url(''))
  t.notOk(isBase64url('aaaa\n'))
})

t.test('JSON becomes base64url', async t => {
  t.equal(encodeJson({ alg: 'HS256' }), 'eyJhbGciOiJIUzI1NiJ9')
  t.ok(isBase64url(encodeJson({ name: 'Zoë ☃' })))
})
