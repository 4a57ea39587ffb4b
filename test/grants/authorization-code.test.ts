import t from 'tap'
import { authorizationCodeGrant } from '../../lib/grants/authorization-code.ts'
import { hashSecret } from '../../lib/keys/secrets.ts'
import { parseParameters } from '../../lib/oauth/parameters.ts'
import { resource } from '../fixtures/guarded-app.ts'
import { allowedOnly, asks, codeVerifier, later, now, otherClient, redirectUri, storedGrant, type StoredGrant } from '../fixtures/stored-grant.ts'

const message = 'The authorization code is invalid, expired or used, or belongs to another client'

function exchange ({ server, client, code }: StoredGrant, changes: Record<string, string> = {}, { by = client, at = now } = {}) {
  const parameters = new URLSearchParams({ code, code_verifier: codeVerifier, redirect_uri: redirectUri, ...changes })
  return authorizationCodeGrant(server, by, parseParameters(parameters.toString()), asks, at)
}

t.test('TK-02: whatever does not fit is refused in the same words; the log says what, and the code stays whole', async t => {
  const stored = await storedGrant(t)
  const refused = (cause: string) => ({ name: 'OAuthError', code: 'invalid_grant', statusCode: 400, message, cause })
  await t.rejects(exchange(stored, { code: 'another' }), refused('the code is unknown'))
  await t.rejects(exchange(stored, {}, { by: otherClient }), refused('the code belongs to another client'))
  await t.rejects(exchange(stored, { redirect_uri: `${redirectUri}/` }), refused('the redirect_uri is not the one of the authorization request'))
  await t.rejects(exchange(stored, { code_verifier: `${codeVerifier}x` }), refused('the code_verifier is wrong'))
  await t.rejects(exchange(stored, {}, { at: later(60) }), refused('the code is dead'))
  await t.rejects(exchange(stored, { resource: 'https://api.example.com/other' }), { code: 'invalid_target' })
  const nothingAllowed = { code: 'unauthorized_client', message: 'The client is not registered for this grant type' }
  await t.rejects(exchange(stored, {}, { by: allowedOnly(stored.client, 'refresh_token') }), nothingAllowed)
  t.strictSame(stored.forgotten, [])
  t.match(await exchange(stored, { resource }, { at: later(59) }), { token_type: 'Bearer', expires_in: 604_800, scope: 'openid email offline_access', refresh_token: String })
})

t.test('TK-03: a code that comes twice ends its grant, and what this process knows of it', async t => {
  const stored = await storedGrant(t)
  await exchange(stored)
  t.strictSame(stored.forgotten, [])
  await t.rejects(exchange(stored), { code: 'invalid_grant', message, cause: 'the code is replayed' })
  t.strictSame(stored.forgotten, [[{ kind: 'grant', id: 'grant' }]])
  await t.rejects(exchange(stored), { cause: 'the grant is revoked' })
})

t.test('RS-04: nobody gets a token by a code whose grant is dead', async t => {
  const stored = await storedGrant(t)
  const { storage, code } = stored
  const record = await storage.findCode(hashSecret(code))
  t.hasStrict(record?.code, { createdAt: now, expiresAt: later(60), consumedAt: null })
  t.hasStrict(record?.grant, { email: 'ann@example.com', createdAt: now, expiresAt: later(7_776_000), revokedAt: null })
  await storage.revokeGrant(record?.grant.id ?? '', now)
  await t.rejects(exchange(stored), { code: 'invalid_grant', message, cause: 'the grant is revoked' })
})

t.test('a client that is not registered for refreshing gets no refresh token', async t => {
  const stored = await storedGrant(t)
  const answer = await exchange(stored, {}, { by: allowedOnly(stored.client, 'authorization_code') })
  t.notOk('refresh_token' in answer)
})
