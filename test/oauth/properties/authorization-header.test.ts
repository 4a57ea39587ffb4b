import t from 'tap'
import { OAuthError } from '../../../lib/errors.ts'
import { parseBasic, parseBearer } from '../../../lib/oauth/authorization-header.ts'
import { anyText, asciiText, failureOf, fc, holds } from '../../fixtures/property.ts'

const token68 = fc.tuple(
  fc.string({ unit: fc.constantFrom(...'ABCabc019-._~+/'), minLength: 1, maxLength: 60 }), fc.nat(2)
).map(([text, padding]) => text + '='.repeat(padding))
const scheme = (name: string) => fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length })
  .map(upper => [...name].map((letter, index) => upper[index] === true ? letter.toUpperCase() : letter.toLowerCase()).join(''))
const spaces = fc.integer({ min: 1, max: 4 }).map(count => ' '.repeat(count))
const header = fc.oneof(
  anyText, asciiText, fc.tuple(fc.constantFrom('Bearer', 'bearer', 'Basic', 'BASIC', 'Bearerx', 'Digest'), fc.constantFrom('', ' ', '  ', '\t'), fc.oneof(anyText, token68)).map(parts => parts.join(''))
)
/** Text that a store can take: no control characters, no half of a surrogate pair. */
const cleanText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter(text => !/\p{Cc}/u.test(text) && text.isWellFormed())

/** As RFC 6749 Appendix B encodes, and more strictly, as oauth4webapi does. */
const encodings: Record<string, (text: string) => string> = {
  'form-encoded': text => new URLSearchParams({ '': text }).toString().slice(1),
  'percent-encoded': text => encodeURIComponent(text),
  'percent-encoded down to the last sign': text => encodeURIComponent(text).replace(/[-_.!~*'()]/g, sign => `%${sign.charCodeAt(0).toString(16)}`)
}

t.test('RS-05, RFC 6750 §2.1: a bearer token comes out as it went in', async t => {
  holds(t, 'in any case, after any number of spaces', fc.property(scheme('bearer'), spaces, token68, (name, space, token) => {
    const read = parseBearer(name + space + token)
    return typeof read === 'object' && read.token === token
  }))
})

t.test('W4, RS-06: no Authorization header throws, and none yields anything but one token68', async t => {
  holds(t, 'whatever it holds', fc.property(header, value => {
    const read = parseBearer(value)
    return typeof read === 'string' ? ['absent', 'malformed'].includes(read) : /^[\w.~+/-]+=*$/.test(read.token) && value.includes(read.token)
  }), { numRuns: 1000 })
  holds(t, 'one that does not say Bearer is none of ours', fc.property(header, value => {
    return /^bearer(?: |$)/i.test(value) ? parseBearer(value) !== 'absent' : parseBearer(value) === 'absent'
  }))
})

t.test('TK-08, RFC 6749 §2.3.1: the client\'s credentials come out as they went in', async t => {
  for (const [name, encode] of Object.entries(encodings)) {
    holds(t, name, fc.property(scheme('basic'), spaces, cleanText, cleanText, (schemeName, space, clientId, clientSecret) => {
      const encoded = Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')
      const read = parseBasic(schemeName + space + encoded)
      return read?.clientId === clientId && read.clientSecret === clientSecret
    }))
  }
})

t.test('TK-07: a Basic header that can not be read is invalid_client, never another error', async t => {
  const basic = fc.oneof(header, fc.oneof(anyText, asciiText).map(text => `Basic ${Buffer.from(text).toString('base64')}`), fc.uint8Array().map(bytes => `Basic ${Buffer.from(bytes).toString('base64')}`))
  holds(t, 'whatever it holds', fc.property(basic, value => {
    const error = failureOf(() => parseBasic(value))
    return error === undefined || (error instanceof OAuthError && error.code === 'invalid_client')
  }), { numRuns: 1000 })
  holds(t, 'and what is read holds nothing that a store or a log can not take', fc.property(basic, value => {
    if (failureOf(() => parseBasic(value)) !== undefined) return true
    const { clientId, clientSecret } = parseBasic(value) ?? { clientId: 'none', clientSecret: 'none' }
    return [clientId, clientSecret].every(text => text !== '' && text.isWellFormed() && !/\p{Cc}/u.test(text))
  }), { numRuns: 1000 })
})
