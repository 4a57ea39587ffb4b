import t from 'tap'
import { codeChallengeOf, isCodeChallenge, verifyCodeChallenge } from '../../lib/oauth/pkce.ts'

// RFC 7636 appendix B.
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

t.test('RFC 7636 §4.6: a verifier that the challenge was not made from is wrong', async t => {
  for (const wrong of [`${verifier}A`, verifier.toLowerCase(), verifier.slice(0, -1), `${verifier}=`, ` ${verifier}`, '', challenge, 'x'.repeat(43)]) t.notOk(verifyCodeChallenge(wrong, challenge), wrong)
})

t.test('T4: the verifier itself is no challenge, as it would be for plain', async t => {
  t.notOk(verifyCodeChallenge(verifier, verifier))
})

t.test('RFC 7636 §4.1: a verifier has 43 to 128 unreserved characters', async t => {
  for (const malformed of ['a'.repeat(42), 'a'.repeat(129), `${'a'.repeat(43)}+`, `${'a'.repeat(43)} `, `${'a'.repeat(43)}\n`, 'ü'.repeat(43)]) {
    t.notOk(verifyCodeChallenge(malformed, codeChallengeOf(malformed)), malformed)
  }
  for (const wellFormed of ['a'.repeat(43), 'a'.repeat(128), `${'a'.repeat(43)}-._~`]) t.ok(verifyCodeChallenge(wellFormed, codeChallengeOf(wellFormed)), wellFormed)
})

t.test('RFC 7636 §4.2: an S256 challenge has 43 characters of base64url', async t => {
  for (const malformed of ['', challenge.slice(1), `${challenge}A`, `${challenge}=`, challenge.replace('-', '+'), `${challenge}\n`, ` ${challenge.slice(1)}`]) {
    t.notOk(isCodeChallenge(malformed), malformed)
    t.notOk(verifyCodeChallenge(verifier, malformed), malformed)
  }
  t.ok(isCodeChallenge(challenge))
})

t.test('RFC 7636 appendix B: its verifier gives its challenge', async t => {
  t.equal(codeChallengeOf(verifier), challenge)
  t.ok(verifyCodeChallenge(verifier, challenge))
})
