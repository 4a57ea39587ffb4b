import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { authorizationCodeGrant } from '../../lib/grants/authorization-code.ts'
import { refreshTokenGrant } from '../../lib/grants/refresh-token.ts'
import { parseParameters } from '../../lib/oauth/parameters.ts'
import { rotationGrace } from '../../lib/oauth/rotation.ts'
import { issuer, resource } from '../fixtures/guarded-app.ts'
import { allowedOnly, asks, codeVerifier, later, now, otherClient, storedGrant, type StoredGrant } from '../fixtures/stored-grant.ts'

interface Scope { teardown (close: () => Promise<void>): void }

const message = 'The refresh token is invalid, expired, used or revoked, or belongs to another client'
const refused = (cause: string) => ({ name: 'OAuthError', code: 'invalid_grant', statusCode: 400, message, cause })

async function connected (t: Scope, options = {}) {
  const stored = await storedGrant(t, options)
  const { server, client, code } = stored
  const tokens = await authorizationCodeGrant(server, client, parseParameters(`code=${code}&code_verifier=${codeVerifier}`), asks, now)
  return { ...stored, access: tokens.access_token, token: tokens.refresh_token ?? '' }
}

function exchange ({ server, client }: StoredGrant, token: string, changes: Record<string, string> = {}, { by = client, at = later(1) } = {}) {
  return refreshTokenGrant(server, by, parseParameters(new URLSearchParams({ refresh_token: token, ...changes }).toString()), asks, at)
}

t.test('T17: whatever does not fit is refused in the same words; the log says what, and the token stays whole', async t => {
  const stored = await connected(t)
  const { token, access, client } = stored
  for (const none of ['nonsense', access, `${token}x`]) await t.rejects(exchange(stored, none), { code: 'invalid_grant', message, cause: { message: String } })
  await t.rejects(exchange(stored, token, {}, { by: otherClient }), refused('the token belongs to another client'))
  await t.rejects(exchange(stored, token, {}, { by: allowedOnly(client, 'authorization_code') }), { code: 'unauthorized_client' })
  await t.rejects(exchange(stored, token, { resource: 'https://api.example.com/other' }), { code: 'invalid_target' })
  await t.rejects(exchange(stored, token, { scope: 'profile' }), { code: 'invalid_scope' })
  t.strictSame(stored.forgotten, [])
  t.match(await exchange(stored, token, { resource, scope: 'email' }), { scope: 'email', expires_in: 604_800 })
})

t.test('TK-04, T17: within the grace it is repeated until its successor is used, after it a replay ends the grant', async t => {
  const stored = await connected(t)
  const first = await exchange(stored, stored.token)
  t.equal((await exchange(stored, stored.token, {}, { at: later(1 + rotationGrace / 1000) })).refresh_token, first.refresh_token)
  const second = await exchange(stored, first.refresh_token ?? '', {}, { at: later(2) })
  await t.rejects(exchange(stored, stored.token, {}, { at: later(3) }), refused('the token is superseded'))
  t.strictSame(stored.forgotten, [])
  await t.rejects(exchange(stored, stored.token, {}, { at: later(1.001 + rotationGrace / 1000) }), refused('the token is reused'))
  t.strictSame(stored.forgotten, [[{ kind: 'grant', id: 'grant' }]])
  await t.rejects(exchange(stored, second.refresh_token ?? '', {}, { at: later(40) }), refused('the grant is revoked'))
})

t.test('TK-04: a token whose row is gone is unknown', async t => {
  const stored = await connected(t)
  t.teardown(() => { stored.storage.findToken = findToken })
  const findToken = stored.storage.findToken
  stored.storage.findToken = async () => undefined
  await t.rejects(exchange(stored, stored.token), refused('the token is unknown'))
})

t.test('TK-05: access and refresh token say what their rows say, in whole seconds', async t => {
  const stored = await connected(t)
  const iat = now.getTime() / 1000 + 1
  const answer = await exchange(stored, stored.token, {}, { at: later(1.9) })
  t.match(decodeJwt(answer.access_token), {
    iss: issuer, sub: 'ann', aud: resource, client_id: 'client', scope: 'openid email offline_access', iat, exp: iat + 604_800, email: 'ann@example.com', name: 'Ann'
  })
  t.match(decodeJwt(answer.refresh_token ?? ''), { iss: issuer, sub: 'ann', iat, exp: iat + 2_592_000 })
})

t.test('T15: whatever signs access tokens, refresh tokens are signed by the secret and remain of use', async t => {
  const stored = await connected(t, { signingAlgorithm: 'ES256' })
  const answer = await exchange(stored, stored.token)
  t.equal(decodeProtectedHeader(answer.access_token).alg, 'ES256')
  t.equal(decodeProtectedHeader(answer.refresh_token ?? '').alg, 'HS256')
  t.equal((await stored.storage.findToken(decodeJwt(answer.access_token).jti ?? ''))?.token.keyId, decodeProtectedHeader(answer.access_token).kid)
  t.equal((await stored.storage.findToken(decodeJwt(answer.refresh_token ?? '').jti ?? ''))?.token.keyId, decodeProtectedHeader(answer.refresh_token ?? '').kid)
})
