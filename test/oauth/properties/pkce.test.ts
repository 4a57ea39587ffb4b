import t from 'tap'
import { codeChallengeOf, isCodeChallenge, verifyCodeChallenge } from '../../../lib/oauth/pkce.ts'
import { anyText, asciiText, fc, holds } from '../../fixtures/property.ts'

const unreserved = fc.constantFrom(...'ABCXYZabcxyz0189-._~')
const verifier = fc.string({ unit: unreserved, minLength: 43, maxLength: 128 })

t.test('RFC 7636 §4.6: a verifier fits its own challenge, and no other verifier does', async t => {
  holds(t, 'its own', fc.property(verifier, codeVerifier => verifyCodeChallenge(codeVerifier, codeChallengeOf(codeVerifier))))
  holds(t, 'no other', fc.property(verifier, verifier, (one, other) => verifyCodeChallenge(one, codeChallengeOf(other)) === (one === other)))
  holds(t, 'not one with a character changed', fc.property(verifier, fc.nat(127), unreserved, (codeVerifier, at, character) => {
    const changed = codeVerifier.slice(0, at) + character + codeVerifier.slice(at + 1)
    return verifyCodeChallenge(changed, codeChallengeOf(codeVerifier)) === (changed === codeVerifier)
  }))
  holds(t, 'nor the challenge in its place', fc.property(verifier, codeVerifier => !verifyCodeChallenge(codeChallengeOf(codeVerifier), codeChallengeOf(codeVerifier))))
})

t.test('RFC 7636 §4.1: a verifier is 43 to 128 unreserved characters, even where its hash would fit', async t => {
  const other = fc.oneof(anyText, asciiText, fc.string({ unit: unreserved, maxLength: 42 }), fc.string({ unit: unreserved, minLength: 129, maxLength: 200 }))
  holds(t, 'all else is refused', fc.property(other, text => /^[\w.~-]{43,128}$/.test(text) || !verifyCodeChallenge(text, codeChallengeOf(text))))
})

t.test('RFC 7636 §4.2: a challenge is 43 characters of base64url', async t => {
  holds(t, 'as every S256 challenge is', fc.property(anyText, text => isCodeChallenge(codeChallengeOf(text))))
  holds(t, 'and nothing else', fc.property(fc.oneof(anyText, asciiText, verifier), text => isCodeChallenge(text) === (text.length === 43 && !/[^\w-]/.test(text))))
  holds(t, 'a challenge with anything around it is none', fc.property(verifier, fc.constantFrom(' ', '\n', '=', '\0'), (codeVerifier, around) => {
    const challenge = codeChallengeOf(codeVerifier)
    return ![around + challenge, challenge + around].some(text => isCodeChallenge(text) || verifyCodeChallenge(codeVerifier, text))
  }))
})
