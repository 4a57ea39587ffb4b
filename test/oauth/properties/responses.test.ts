import t from 'tap'
import { authorizationResponseUri } from '../../../lib/oauth/authorization-response.ts'
import { judgeRotation, rotationGrace } from '../../../lib/oauth/rotation.ts'
import { anyText, fc, holds } from '../../fixtures/property.ts'

const issuer = 'https://api.example.com/t'
const wellFormed = anyText.map(text => text.toWellFormed())
const redirectUri = fc.tuple(
  fc.constantFrom('https://client.example/cb', 'http://127.0.0.1:4321/', 'cursor://anysphere.cursor-mcp/oauth/callback'), fc.constantFrom('', '?', '?a=1', '?a=%7e&b', '?x=a+b&code=mine')
).map(parts => parts.join(''))

t.test('AZ-06, AS-06: what the client reads is what was meant, once each, beside its own query', async t => {
  holds(t, 'a code', fc.property(redirectUri.filter(uri => !uri.includes('code=')), wellFormed, fc.option(wellFormed), (uri, code, state) => {
    const { searchParams } = new URL(authorizationResponseUri(uri, { state, issuer, code }))
    const values = (name: string) => searchParams.getAll(name)
    return values('code').join() === code && values('iss').join() === issuer && values('error').length === 0 &&
      (state === null ? values('state').length === 0 : values('state').length === 1 && values('state')[0] === state)
  }))
  holds(t, 'the redirect URI stays as it is, and nothing leaves its query', fc.property(redirectUri, wellFormed, wellFormed, (uri, state, errorDescription) => {
    const response = authorizationResponseUri(uri, { state, issuer, error: 'access_denied', errorDescription })
    return response.startsWith(uri) && /^[\x21-\x7e]+$/.test(response) && !response.includes('#')
  }))
})

t.test('TK-04: what a refresh token deserves never gets better with time, or with a successor that was used', async t => {
  const order = ['rotate', 'repeat', 'superseded', 'reused']
  const time = fc.integer({ min: 0, max: 4 * rotationGrace })
  const at = (milliseconds: number | null) => milliseconds === null ? null : new Date(milliseconds)
  holds(t, 'later is not better', fc.property(fc.option(time), fc.option(time), time, time, (consumed, successor, now, wait) => {
    const verdicts = [now, now + wait].map(moment => judgeRotation(at(consumed), at(successor), new Date(moment)))
    return order.indexOf(verdicts[0] ?? '') <= order.indexOf(verdicts[1] ?? '')
  }))
  holds(t, 'one rotation a token, and none after the grace', fc.property(time, fc.option(time), time, (consumed, successor, wait) => {
    const verdict = judgeRotation(at(consumed), at(successor), new Date(consumed + wait))
    if (wait > rotationGrace) return verdict === 'reused'
    return verdict === (successor === null ? 'repeat' : 'superseded')
  }))
})
