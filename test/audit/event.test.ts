import t from 'tap'
import { eventOf, type AuditEntry } from '../../lib/audit/event.ts'
import { reasonOf } from '../../lib/audit/reason.ts'
import { OAuthError } from '../../lib/errors.ts'

const entry: AuditEntry = { type: 'sign-in.allowed', actor: { type: 'user' } }
const huge = 'x'.repeat(1_000_000)

t.test('whatever a request brings, an event stays small', async t => {
  const event = eventOf({
    ...entry,
    actor: { type: 'user', id: huge, email: huge },
    userId: huge,
    clientId: huge,
    grantId: huge,
    tokenId: huge,
    reason: huge,
    requestId: huge,
    address: huge,
    userAgent: huge,
    details: {
      ...Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`a${String(index).padStart(2, '0')}`, Array.from({ length: 100 }, () => huge)])),
      last: huge
    }
  })
  t.match(event, { userAgent: 'x'.repeat(256), address: 'x'.repeat(64), requestId: 'x'.repeat(128), clientId: 'x'.repeat(512), reason: 'x'.repeat(255), actor: { id: 'x'.repeat(255), email: 'x'.repeat(320) } })
  t.equal(Object.keys(event.details).length, 16)
  t.strictSame(event.details['a00'], Array.from({ length: 20 }, () => 'x'.repeat(200)))
  t.equal(Object.values(event.details).flat().join('').length, 4096, 'all texts together')
})

t.test('what no database and no terminal takes is not in it', async t => {
  const event = eventOf({ ...entry, userAgent: 'a\u0000b\u001b[31m\ud800', reason: `${'x'.repeat(254)}\u{1f600}`, details: { name: 'two\nlines', count: NaN, none: null, yes: true, list: ['\u0000'] } })
  t.equal(event.userAgent, 'a b [31m\ufffd')
  t.equal(event.reason, `${'x'.repeat(254)}\ufffd`, 'a character that was cut in two')
  t.strictSame(event.details, { count: null, list: [' '], name: 'two lines', none: null, yes: true })
})

t.test('what nobody says is null, it is now, and was a success', async t => {
  const before = Date.now()
  const { at, ...event } = eventOf(entry)
  t.ok(at.getTime() >= before && at.getTime() <= Date.now())
  t.strictSame(event, {
    type: 'sign-in.allowed',
    actor: { type: 'user', id: null, email: null },
    userId: null,
    clientId: null,
    grantId: null,
    tokenId: null,
    outcome: 'success',
    reason: null,
    requestId: null,
    address: null,
    userAgent: null,
    details: {}
  })
})

t.test('details stand in the order of their names, and what is undefined does not', async t => {
  t.strictSame(Object.keys(eventOf({ ...entry, details: JSON.parse('{"b":1,"a":2,"c":3}') }).details), ['a', 'b', 'c'])
  t.strictSame(eventOf({ ...entry, details: Object.fromEntries([['a', undefined]]) as never }).details, {})
})

t.test('a reason is in our words: the message of what was thrown may quote what came', async t => {
  t.equal(reasonOf(new OAuthError('invalid_grant', 'The code is wrong', { cause: 'the code is unknown' })), 'the code is unknown')
  t.equal(reasonOf(new OAuthError('invalid_grant', 'The code is wrong')), 'The code is wrong')
  t.equal(reasonOf(new OAuthError('invalid_grant', 'The code is wrong', { cause: new SyntaxError('Unexpected "s3cret"') })), 'The code is wrong (SyntaxError)')
  t.equal(reasonOf(new OAuthError('invalid_grant', 'The code is wrong', { cause: Object.assign(new Error('s3cret'), { code: 'ERR_JWS_INVALID' }) })), 'The code is wrong (ERR_JWS_INVALID)')
  t.equal(reasonOf(new RangeError('s3cret')), 'RangeError')
  t.equal(reasonOf('s3cret'), 'unknown')
})
