import t from 'tap'
import { livingUser } from '../../lib/grants/liveness.ts'
import { admit } from '../../lib/grants/sign-in.ts'
import type { AuthorizationServer } from '../../lib/server.ts'
import { hashSecret } from '../../lib/keys/secrets.ts'
import { serverBehind } from '../../lib/server.ts'
import type { GrantRecord } from '../../lib/storage/records.ts'
import { guardedApp } from '../fixtures/guarded-app.ts'
import { storedGrant } from '../fixtures/stored-grant.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'

interface Scope { teardown (close: () => Promise<void>): void }

async function serverOf (t: Scope): Promise<AuthorizationServer> {
  const app = await guardedApp(t, { protect: [] })
  const server = serverBehind(app.mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  return server
}

const now = new Date('2026-11-01T12:00:00Z')

const record: GrantRecord = {
  grant: { id: 'g', clientId: 'c', userId: 'u', email: 'ann@example.com', resource: 'r', scopes: [], redirectUri: null, createdAt: now, lastUsedAt: null, expiresAt: new Date('2027-01-01'), revokedAt: null },
  client: { id: 'c', secretHash: null, name: '', redirectUris: [], grantTypes: [], tokenEndpointAuthMethod: 'none', clientUri: null, logoUri: null, documentFetchedAt: null, createdAt: now, active: true },
  user: { id: 'u', email: 'ann@example.com', name: null, picture: null, status: 'active', role: 'user', provider: null, providerIssuer: null, providerUserId: null, createdAt: null, lastLoginAt: null },
  ambiguous: false
}

t.test('RS-04: a grant whose end can not be read, as -infinity can not, is over', async t => {
  const server = await serverOf(t)
  t.equal(await livingUser(server, { ...record, grant: { ...record.grant, expiresAt: new Date(NaN) } }, now), 'the grant has expired')
  t.equal(await livingUser(server, { ...record, grant: { ...record.grant, expiresAt: now } }, now), 'the grant has expired')
  t.equal(await livingUser(server, record, now), record.user)
})

t.test('I5: who is suspended has no access', async t => {
  const server = await serverOf(t)
  t.equal(await livingUser(server, { ...record, user: { ...record.user, status: 'suspended' } as never }, now), 'the user is suspended')
})

t.test('I8: a grant whose row has another e-mail now is revoked on the spot, and forgotten', async t => {
  const { server, storage, user, code, forgotten } = await storedGrant(t)
  const found = await storage.findCode(hashSecret(code))
  if (found === undefined) throw new Error('there is no code')
  t.match(await livingUser(server, found, now), { id: user.id })
  t.strictSame(forgotten, [])
  t.equal(await livingUser(server, { ...found, user: { ...user, email: 'bob@example.com' } }, now), 'the e-mail on the whitelist has changed')
  t.strictSame(forgotten, [[{ kind: 'grant', id: found.grant.id }]])
  t.strictSame((await storage.findCode(hashSecret(code)))?.grant.revokedAt, now)
})

t.test('I8: white space around the row\'s e-mail, as an import leaves it, is no other e-mail', async t => {
  const server = await serverOf(t)
  for (const email of ['ann@example.com\r', ' Ann@Example.com\n', '\tann@example.com']) {
    t.match(await livingUser(server, { ...record, user: { ...record.user, email } as never }, now), { id: 'u' }, JSON.stringify(email))
  }
  for (const email of ['ann@example.com\u00a0', 'ann@example.co\u212a', 'bob@example.com']) {
    t.equal(await livingUser(server, { ...record, user: { ...record.user, email } as never }, now), 'the e-mail on the whitelist has changed', JSON.stringify(email))
  }
})

t.test('PX-10: an identity that no storage can keep is refused, a name that can not be kept is left out', async t => {
  const server = await serverOf(t)
  const provider = scriptedProvider()
  await server.storage.addUser({ id: 'u', email: 'ann@example.com', name: null, role: 'user' }, now)
  const identity = { issuer: 'https://local.example', subject: 's', email: 'ann@example.com', emailVerified: true, name: undefined, picture: undefined }
  for (const bad of [{ subject: '' }, { subject: 'x'.repeat(256) }, { subject: 'a\u0000b' }, { issuer: '' }, { issuer: `https://${'x'.repeat(2048)}` }]) {
    await t.rejects(admit(server, provider, { ...identity, ...bad }, now), { name: 'ProviderError', reason: 'untrusted' }, JSON.stringify(bad).slice(0, 60))
  }
  for (const odd of [{ name: 'x'.repeat(201) }, { name: 'a\u0000b' }, { picture: 'x'.repeat(2049) }, { name: '' }]) {
    t.match(await admit(server, provider, { ...identity, ...odd }, now), { user: { id: 'u', name: null, picture: null } }, JSON.stringify(odd).slice(0, 60))
  }
})
