import t from 'tap'
import { checkAuthenticationRequest, isRecentEnough } from '../../lib/oauth/authentication-request.ts'
import { parseParameters } from '../../lib/oauth/parameters.ts'
import { fc, holds } from '../fixtures/property.ts'

const check = (parameters: Record<string, string> = {}) => checkAuthenticationRequest(parseParameters(new URLSearchParams(parameters).toString()))
const invalidRequest = { name: 'OAuthError', code: 'invalid_request', statusCode: 400 }
const nothing = { nonce: null, maxAge: null, loginHint: null, prompts: [] }

t.test('OIDC Core §6.1, §6.2, §7.2.1: request, request_uri and registration are refused by their names', async t => {
  for (const name of ['request', 'request_uri', 'registration']) t.throws(() => check({ [name]: 'x', prompt: 'none' }), { code: `${name}_not_supported` })
})

t.test('OIDC Core §3.1.2.1: a max_age that is no whole number of seconds is invalid_request', async t => {
  for (const value of ['-1', '1.5', '1e3', '0x10', 'x', ' 1', '9'.repeat(10)]) t.throws(() => check({ max_age: value }), invalidRequest, value)
  for (const value of [0, 1, 3600, 999_999_999]) t.equal(check({ max_age: String(value) }).maxAge, value)
})

t.test('AZ-13: a nonce or a hint that is too long, or sent twice, is invalid_request', async t => {
  for (const name of ['nonce', 'login_hint', 'max_age', 'prompt']) {
    t.throws(() => checkAuthenticationRequest(parseParameters(`${name}=1&${name}=1`)), invalidRequest, `${name} twice`)
    t.throws(() => check({ [name]: '\0' }), invalidRequest)
  }
  for (const name of ['nonce', 'login_hint']) t.throws(() => check({ [name]: 'x'.repeat(513) }), invalidRequest, name)
  t.match(check({ nonce: 'n'.repeat(512), login_hint: 'l'.repeat(512) }), { nonce: 'n'.repeat(512), loginHint: 'l'.repeat(512) })
})

t.test('OIDC Core §3.1.2.1: prompt=none is interaction_required, none with others invalid_request', async t => {
  t.throws(() => check({ prompt: 'none' }), { code: 'interaction_required' })
  for (const prompt of ['none login', 'login none', 'none nonsense']) t.throws(() => check({ prompt }), invalidRequest, prompt)
})

t.test('OIDC Core §3.1.2.1: known prompts are kept, each once; what is not known is ignored', async t => {
  t.strictSame(check(), nothing)
  t.strictSame(check({ prompt: 'create' }), nothing)
  t.strictSame(check({ prompt: 'select_account login login constructor' }).prompts, ['login', 'select_account'])
  t.strictSame(check({ prompt: 'consent' }).prompts, ['consent'])
  t.strictSame(check({ ui_locales: 'de', acr_values: 'x', display: 'page', claims: '{', id_token_hint: 'x' }), nothing)
})

t.test('OIDC Core §3.1.2.1: whatever prompt says, what comes of it is known, or a refusal', async t => {
  const word = fc.oneof(fc.constantFrom('login', 'consent', 'select_account', 'none'), fc.string())
  holds(t, 'for any input', fc.property(fc.array(word), words => {
    try {
      return check({ prompt: words.join(' ') }).prompts.every(prompt => words.some(other => other.split(' ').includes(prompt)))
    } catch (error) {
      return error instanceof Error && error.name === 'OAuthError'
    }
  }))
})

const time = fc.integer({ min: 0, max: 4_000_000_000_000 })

t.test('OIDC Core §3.1.2.1: a sign-in before the request is as old as the request is later, give or take a minute', async t => {
  holds(t, 'for any input', fc.property(time, fc.integer({ min: 0, max: 999_999_999 }), fc.integer({ min: 1, max: 1_000_000_000 }), (asked, maxAge, over) => {
    const at = (milliseconds: number) => isRecentEnough({ prompts: [], maxAge }, new Date(milliseconds), new Date(asked))
    const limit = asked - maxAge * 1000 - 60_000
    return at(asked) && at(limit) && !at(limit - over)
  }))
})

t.test('OIDC Core §3.1.2.1: login wants a sign-in of its own; without max_age any will do', async t => {
  holds(t, 'for any input', fc.property(time, time, fc.option(fc.nat()), (signedIn, asked, maxAge) => {
    const [authenticatedAt, askedAt] = [new Date(signedIn), new Date(asked)]
    return isRecentEnough({ prompts: ['login'], maxAge }, authenticatedAt, askedAt) === isRecentEnough({ prompts: [], maxAge: 0 }, authenticatedAt, askedAt) &&
      isRecentEnough({ prompts: ['consent', 'select_account'], maxAge: null }, authenticatedAt, askedAt)
  }))
})
