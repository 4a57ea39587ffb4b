import type { FastifyInstance } from 'fastify'
import { decodeJwt } from 'jose'
import t from 'tap'
import { describe, stillHolds, verifyBearer } from '../../lib/guard/verify.ts'
import { serverBehind } from '../../lib/server.ts'
import { MemoryStorage, type TokenRecord } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, guardedApp } from '../fixtures/guarded-app.ts'

/** A storage whose row is not the one that the token was issued with. */
class ForgedStorage extends MemoryStorage {
  forge: (record: TokenRecord) => TokenRecord | undefined = record => record

  override async findToken (tokenId: string) {
    const record = await super.findToken(tokenId)
    return record && this.forge(record)
  }
}

type Forgery = (record: TokenRecord) => TokenRecord | undefined

const inToken = (changes: Partial<TokenRecord['token']>): Forgery => record => ({ ...record, token: { ...record.token, ...changes } })
const inGrant = (changes: Partial<TokenRecord['grant']>): Forgery => record => ({ ...record, grant: { ...record.grant, ...changes } })

const otherClaims = 'the claims are not those of the row'

const forgeries: Record<string, { forge: Forgery, cause: string, isLast?: true }> = {
  'no row': { forge: () => undefined, cause: 'the token is unknown' },
  'the row of a refresh token': { forge: inToken({ type: 'refresh_token' }), cause: otherClaims },
  'the row of another user': { forge: inToken({ userId: 'someone-else' }), cause: otherClaims },
  'the row of another client': { forge: inToken({ clientId: 'another-client' }), cause: otherClaims },
  'a row for another resource': { forge: inToken({ resource: 'https://api.example.com/other' }), cause: otherClaims },
  'the row of another key': { forge: inToken({ keyId: 'another' }), cause: otherClaims },
  'a row with fewer scopes': { forge: inToken({ scopes: ['openid'] }), cause: otherClaims },
  'a row with another end': { forge: inToken({ expiresAt: new Date('2999-01-01') }), cause: otherClaims },
  'a row that is switched off': { forge: inToken({ active: false }), cause: 'the token is revoked' },
  'a revoked grant': { forge: inGrant({ revokedAt: new Date() }), cause: 'the grant is revoked' },
  'an ended grant': { forge: inGrant({ expiresAt: new Date() }), cause: 'the grant has expired' },
  'a client that is switched off': { forge: record => ({ ...record, client: { ...record.client, active: false } }), cause: 'the client is deactivated' },
  'nobody on the whitelist': { forge: record => ({ ...record, user: undefined }), cause: 'the user is not on the whitelist any more' },
  'an e-mail in two spellings': { forge: record => ({ ...record, ambiguous: true }), cause: 'the e-mail stands on the whitelist in two spellings' },
  // It revokes the grant.
  'a row with another e-mail': { forge: inGrant({ email: 'bob@example.com' }), cause: 'the e-mail on the whitelist has changed', isLast: true }
}

t.test('RS-04, T20: a good signature is not enough, its row and all that it hangs on decide', async t => {
  const causes: unknown[] = []
  const storage = new ForgedStorage()
  const app = await guardedApp(t, { storage, revalidateAfter: 0, after: answering(), onRefused: (_, { cause }) => { causes.push(cause) } })
  const headers = await signInAs(app, { email: 'ann@example.com' })
  for (const [what, { forge, cause, isLast }] of Object.entries(forgeries)) {
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 200)
    storage.forge = forge
    // What is known of a token that was let in goes with the first refusal.
    for (const standing of isLast ? ['known'] : ['known', 'unknown']) {
      const refused = await app.inject({ method: 'POST', url: '/mcp', headers })
      t.equal(refused.statusCode, 401, `${what}, of a token that is ${standing}`)
      t.match(refused.json(), { error: 'invalid_token', error_description: 'The access token is invalid, expired or revoked' })
      t.equal(causes.at(-1), cause)
    }
    storage.forge = record => record
  }
})

t.test('what a known token says of person, client and end is what their rows say now', async t => {
  const storage = new ForgedStorage()
  const seen: unknown[] = []
  const after = (app: FastifyInstance) => {
    app.post('/mcp', async request => {
      const { user: { name, role }, client, expiresAt } = request.mcpOAuth
      seen.push([name, role, client.name, expiresAt.getTime()])
      return {}
    })
  }
  const app = await guardedApp(t, { storage, revalidateAfter: 0, after })
  const { authorization } = await signInAs(app, { email: 'ann@example.com', name: 'Ann' })
  const end = Number(decodeJwt(authorization.slice('Bearer '.length)).exp) * 1000
  const unchanged: Forgery = record => record
  const inUser = (changes: Partial<NonNullable<TokenRecord['user']>>): Forgery => record => ({ ...record, ...record.user && { user: { ...record.user, ...changes } } })
  // Each thing for itself, there and back.
  const changes: Array<[forge: Forgery, says: unknown[]]> = [
    [inUser({ name: 'Anna' }), ['Anna', 'user', 'Test client', end]],
    [inUser({ role: 'admin' }), ['Ann', 'admin', 'Test client', end]],
    [record => ({ ...record, client: { ...record.client, name: 'Another name' } }), ['Ann', 'user', 'Another name', end]],
    [inGrant({ expiresAt: new Date(end - 60_000) }), ['Ann', 'user', 'Test client', end - 60_000]]
  ]
  for (const forge of [unchanged, ...changes.flatMap(([forge]) => [forge, unchanged])]) {
    storage.forge = forge
    t.equal((await app.inject({ method: 'POST', url: '/mcp', headers: { authorization } })).statusCode, 200)
  }
  const base = ['Ann', 'user', 'Test client', end]
  t.same(seen, [base, ...changes.flatMap(([, says]) => [says, base])])
})

t.test('what is known of a token does not outlast it, nor its key', async t => {
  const storage = new ForgedStorage()
  const app = await guardedApp(t, { storage, after: answering() })
  const { authorization } = await signInAs(app, { email: 'ann@example.com' })
  const server = serverBehind(app.mcpOAuth)
  if (server === undefined) throw new Error('there is no server')
  const now = new Date()
  const known = describe(await verifyBearer(server, authorization, now))
  t.ok(await stillHolds(server, known, now))
  const end = new Date(known.auth.expiresAt * 1000)
  t.ok(await verifyBearer(server, authorization, new Date(end.getTime() - 1000), known))
  t.notOk(await stillHolds(server, known, end))
  await t.rejects(verifyBearer(server, authorization, end, known), { code: 'invalid_token' })
  storage.forge = inToken({ keyId: 'gone' })
  t.notOk(await stillHolds(server, { ...known, keyId: 'gone' }, now))
})
