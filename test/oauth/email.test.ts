import t from 'tap'
import { emailDomain, normalizeEmail } from '../../lib/oauth/email.ts'

function ofLength (length: number): string {
  return `${'a'.repeat(length - '@example.com'.length)}@example.com`
}

t.test('I1: an address with anything but one @ between two parts is refused', async t => {
  for (const email of ['a@evil.com@company.com', 'a@@company.com', '@company.com@', 'a@evil.com,b@company.com@x', '@', 'a@', '@company.com', 'a', 'company.com', '']) {
    t.equal(normalizeEmail(email), undefined, email)
  }
})

t.test('I2, PX-08: what is not printable ASCII is refused, and never folded into another address', async t => {
  const addresses = [
    'admin＠example.com', 'ａdmin@example.com', '\u212aim@example.com', 'adm\u2139n@example.com', 'admın@example.com', 'adminİ@example.com', 'аdmin@example.com', 'admin@exampleꓸcom', 'admin@exam\u00adple.com',
    'admin\u200b@example.com', '\u202eadmin@example.com', '\ufeffadmin@example.com', 'ad\u0301min@example.com', 'admin@éxample.com', 'ﬁ@example.com', 'admin@example．com', '\ud800@example.com',
    'admin@example.com\0', 'admin@example.com\n', '\tadmin@example.com', 'admin\x7f@example.com', 'admin@example.com\u00a0'
  ]
  for (const email of addresses) t.equal(normalizeEmail(email), undefined, JSON.stringify(email))
})

t.test('PX-08: white space inside an address is refused', async t => {
  for (const email of ['a b@example.com', 'a @example.com', 'a@ example.com', 'a@example .com', 'a@example.com b@example.com']) t.equal(normalizeEmail(email), undefined, email)
})

t.test('RFC 5321 §4.5.3.1: 255 characters are refused, 254 are not', async t => {
  t.equal(normalizeEmail(ofLength(255)), undefined)
  t.equal(normalizeEmail(` ${ofLength(255)} `), undefined)
  t.equal(normalizeEmail(ofLength(254)), ofLength(254))
  t.equal(normalizeEmail(` ${ofLength(254)} `), ofLength(254), 'spaces around do not count')
})

t.test('PX-08: an address is trimmed and lower-cased, and nothing else', async t => {
  t.equal(normalizeEmail('  Ann.Lee+Tag@Example.COM '), 'ann.lee+tag@example.com')
  t.equal(normalizeEmail("o'hara!#$%&*/=?^_`{|}~@example.com"), "o'hara!#$%&*/=?^_`{|}~@example.com")
  t.equal(normalizeEmail('a.b@example.com'), 'a.b@example.com', 'dots are letters like any other')
  t.equal(emailDomain('a.b@mail.example.com'), 'mail.example.com')
})
