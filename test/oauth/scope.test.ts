import t from 'tap'
import { covers, isScopeToken, narrowScopes, parseScope, resolveScopes, resourceScopes } from '../../lib/oauth/scope.ts'
import { fc } from '../fixtures/property.ts'

const available = ['openid', 'email', 'profile', 'offline_access', 'notes:read']
const invalidScope = { name: 'OAuthError', code: 'invalid_scope', statusCode: 400 }

t.test('RFC 6749 §3.3: a scope with other characters is malformed', async t => {
  for (const scope of ['a"b', 'a\\b', 'a\tb', 'a\nb', 'ü', 'a\0', '\x7f', 'openid\u00a0email']) {
    t.throws(() => parseScope(scope), { ...invalidScope, message: 'The scope is malformed' }, JSON.stringify(scope))
    t.throws(() => resolveScopes(scope, available), invalidScope)
    t.notOk(isScopeToken(scope))
  }
  t.notOk(isScopeToken(''))
  t.notOk(isScopeToken('two words'))
})

t.test('T16, AZ-14: a scope that is not to be had is invalid_scope, the names of object members too', async t => {
  for (const scope of ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'admin', 'OPENID', 'openid admin', 'email,profile']) {
    t.throws(() => resolveScopes(scope, available), { ...invalidScope, message: /not to be had/ }, scope)
  }
})

t.test('RFC 6749 §3.3: the scope tokens are distinct and in their order', async t => {
  t.strictSame(parseScope('  b a  b '), ['b', 'a'])
  t.strictSame(resolveScopes('notes:read email notes:read', available), ['notes:read', 'email'])
  t.strictSame(resolveScopes('offline_access', available), ['offline_access'])
  t.ok(isScopeToken("!#$%&'()*+,-./:;<=>?@[]^_`{|}~aZ09"))
})

t.test('AS-08: no scope, or an empty one, means all but offline_access', async t => {
  const all = ['openid', 'email', 'profile', 'notes:read']
  for (const scope of [undefined, '', '  ']) t.strictSame(resolveScopes(scope, available), all)
  t.strictSame(resourceScopes(available), all)
})

const segment = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'r', '-') })
const name = fc.array(segment, { minLength: 1, maxLength: 4 }).map(segments => segments.join(':'))

t.test('RS-03: a scope covers itself, and what covers what is covered covers', async t => {
  fc.assert(fc.property(name, scope => covers(scope, scope)))
  fc.assert(fc.property(name, fc.array(segment), fc.array(segment), (scope, more, yetMore) => {
    const [narrow, narrower] = [[scope, ...more].join(':'), [scope, ...more, ...yetMore].join(':')]
    return covers(scope, narrow) && covers(narrow, narrower) && covers(scope, narrower)
  }))
  fc.assert(fc.property(name, name, name, (one, two, three) => !covers(one, two) || !covers(two, three) || covers(one, three)))
  t.pass()
})

t.test('RS-03: a scope covers no other one that only begins like it', async t => {
  for (const other of ['restaurants:read', 'restaurants', 'rest:read', '', 'rest']) t.equal(covers('rest', other), other === 'rest' || other === 'rest:read', other)
  t.notOk(covers('restaurants:read', 'restaurants'), 'nor a wider one')
  t.notOk(covers('', 'restaurants'))
  fc.assert(fc.property(name, name, (one, two) => covers(one, two) === two.split(':').join('\0').concat('\0').startsWith(one.split(':').join('\0').concat('\0'))))
})

const known = ['restaurants', 'restaurants:read', 'restaurants:write', 'rest', 'email']

t.test('TK-05: a refresh narrows to what was granted or is covered by it, and to nothing else', async t => {
  t.strictSame(narrowScopes('restaurants:read', ['restaurants', 'email'], known), ['restaurants:read'])
  t.strictSame(narrowScopes('gone email', ['gone', 'email'], known), ['gone', 'email'], 'what was granted stays, known or not')
  for (const nothing of [undefined, '', '  ']) t.strictSame(narrowScopes(nothing, ['email', 'offline_access'], known), ['email', 'offline_access'])
  for (const [requested, granted] of [['restaurants', ['restaurants:read']], ['restaurants:write', ['restaurants:read']], ['restaurants:drop', ['restaurants']], ['restaurants', ['rest']], ['constructor', ['email']]] as const) {
    t.throws(() => narrowScopes(requested, granted, known), invalidScope, requested)
  }
  fc.assert(fc.property(fc.subarray(known), fc.subarray(known, { minLength: 1 }), (granted, requested) => {
    const isWithin = requested.every(scope => granted.some(own => covers(own, scope)))
    try {
      return narrowScopes(requested.join(' '), granted, known).join(' ') === requested.join(' ') && isWithin
    } catch {
      return !isWithin
    }
  }))
})
