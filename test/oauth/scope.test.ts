import t from 'tap'
import { isScopeToken, parseScope, resolveScopes, resourceScopes } from '../../lib/oauth/scope.ts'

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
