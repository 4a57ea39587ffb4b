import t from 'tap'
import { emailDomain, normalizeEmail, readEmailList } from '../../../lib/oauth/email.ts'
import { anyText, fc, holds, printableAscii } from '../../fixtures/property.ts'

const part = fc.string({ unit: fc.constantFrom(...'abcxyzABCXYZ0189.+-_!#$%&\'*/=?^`{|}~"(),:;<>[\\]'), minLength: 1, maxLength: 40 })
const address = fc.tuple(part, part).map(([local, domain]) => `${local}@${domain}`)
const anyAddress = fc.oneof(address, fc.emailAddress(), printableAscii, anyText)

/** Every character that Unicode folds into printable ASCII: full-width letters, ligatures, the Kelvin sign. */
const lookalikes = Array.from({ length: 0x10ffff }, (_, code) => code)
  .filter(code => code > 0x7e && (code < 0xd800 || code > 0xdfff))
  .map(code => String.fromCodePoint(code))
  .filter(character => /^[\x20-\x7e]+$/.test(character.normalize('NFKC').toLowerCase()))

t.test('PX-08: an address is one after it has been normalized, and stays the same', async t => {
  holds(t, 'idempotent', fc.property(anyAddress, email => {
    const normalized = normalizeEmail(email)
    return normalized === undefined || normalizeEmail(normalized) === normalized
  }))
  holds(t, 'at most 254 printable ASCII characters, one @ with something on both sides, no space, no capital', fc.property(anyAddress, email => {
    const normalized = normalizeEmail(email) ?? 'a@b'
    return /^[\x21-\x3f\x41-\x7e]+@[\x21-\x3f\x41-\x7e]+$/.test(normalized) && !/[A-Z]/.test(normalized) && normalized.length <= 254
  }))
  holds(t, 'the domain is what follows the @', fc.property(address, email => {
    const normalized = normalizeEmail(email) ?? ''
    return normalized.split('@')[1] === emailDomain(normalized)
  }))
})

t.test('PX-08, I2: two addresses become one only where they differ in case or in white space around', async t => {
  holds(t, 'one edit apart', fc.property(address, fc.nat(80), printableAscii, (email, at, put) => {
    const other = email.slice(0, at) + put.slice(0, 1) + email.slice(at + 1)
    const [one, two] = [normalizeEmail(email), normalizeEmail(other)]
    return one === undefined || one !== two || email.trim().toLowerCase() === other.trim().toLowerCase()
  }), { numRuns: 1000 })
  holds(t, 'case and white space are all that is folded', fc.property(address, fc.array(fc.boolean()), fc.nat(3), (email, upper, spaces) => {
    const shouted = [...email].map((letter, index) => upper[index] === true ? letter.toUpperCase() : letter.toLowerCase()).join('')
    return normalizeEmail(' '.repeat(spaces) + shouted + ' '.repeat(spaces)) === normalizeEmail(email)
  }))
})

t.test('PX-08, I2: no character that Unicode would fold into ASCII comes through', async t => {
  t.ok(lookalikes.length > 1000, 'there are many')
  t.ok(['＠', 'ａ', '\u212a', 'ﬁ', '\u2139', '．'].every(character => lookalikes.includes(character)))
  holds(t, 'anywhere in an address', fc.property(address, fc.nat(80), fc.constantFrom(...lookalikes), fc.constantFrom(0, 1), (email, at, character, take) =>
    normalizeEmail(email.slice(0, at) + character + email.slice(at + take)) === undefined
  ), { numRuns: 1000 })
  t.strictSame(lookalikes.filter(character => normalizeEmail(`you${character}@example.com`) !== undefined), [], 'each of them')
})

t.test('I1: exactly one @', async t => {
  holds(t, 'none or several are refused', fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), parts => {
    return parts.length === 2 || normalizeEmail(parts.join('@')) === undefined
  }))
})

const separator = fc.stringMatching(/^[ \t\r\n,;\u00a0\u2028]{1,4}$/)
const listed = address.filter(email => !/[,;]/.test(email) && normalizeEmail(email) !== undefined)

t.test('PX-08: of a list come its addresses, each once, and nothing that is none', async t => {
  holds(t, 'whatever stands between them, and in whatever case', fc.property(fc.array(fc.tuple(listed, separator, fc.boolean())), separator, (entries, end) => {
    const text = end + entries.map(([email, between, upper]) => (upper ? email.toUpperCase() : email) + between).join('')
    const { emails, wrong } = readEmailList(text)
    const wanted = new Set(entries.map(([email]) => normalizeEmail(email)))
    return wrong.length === 0 && emails.length === wanted.size && emails.every(email => wanted.has(email))
  }))
  holds(t, 'of any text, what comes is one plain address or told as wrong', fc.property(fc.oneof(anyText, fc.array(anyAddress).map(parts => parts.join('\n'))), text => {
    const { emails, wrong } = readEmailList(text)
    const entries = text.split(/[\s,;]+/).filter(entry => entry !== '')
    return emails.every(email => normalizeEmail(email) === email) && wrong.every(entry => normalizeEmail(entry) === undefined && entry !== '') &&
      entries.every(entry => wrong.includes(entry) || emails.includes(normalizeEmail(entry) ?? ''))
  }), { numRuns: 500 })
})

t.test('a list of a megabyte is read at once', async t => {
  const started = performance.now()
  for (const text of [' '.repeat(1_000_000), 'a@b,'.repeat(250_000), `a${'@'.repeat(1_000_000)}`]) readEmailList(text)
  t.ok(performance.now() - started < 5000)
})
