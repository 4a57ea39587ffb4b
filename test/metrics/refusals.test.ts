import { mock } from 'node:test'
import t from 'tap'
import { MemoryStorage, StorageUnavailableError, type TokenRecord } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { answering, guardedApp, issuer, resource } from '../fixtures/guarded-app.ts'
import { countsOf, samplesOf } from '../fixtures/samples.ts'

const asItIs = (record: TokenRecord) => record

/** A storage that answers what a test wants of a token. */
class PlayedStorage extends MemoryStorage {
  play: (record: TokenRecord) => TokenRecord | undefined = asItIs

  override async findToken (tokenId: string) {
    const record = await super.findToken(tokenId)
    return record && this.play(record)
  }
}

type Play = PlayedStorage['play']

const token = (changes: Partial<TokenRecord['token']>): Play => record => ({ ...record, token: { ...record.token, ...changes } })
const grant = (changes: Partial<TokenRecord['grant']>): Play => record => ({ ...record, grant: { ...record.grant, ...changes } })
const user = (changes: object): Play => record => ({ ...record, user: record.user && { ...record.user, ...changes } })

const other = `${issuer}/other`

interface Case { reason: string, play?: Play, headers?: Record<string, string>, url?: string, payload?: object, at?: number }

/** The last of them revokes the grant. */
const cases: readonly Case[] = [
  { reason: 'no-token', headers: { authorization: '' } },
  { reason: 'unknown-token', headers: { authorization: 'Bearer' } },
  { reason: 'unknown-token', headers: { authorization: 'Bearer made.up.here' } },
  { reason: 'unknown-token', play: () => undefined },
  { reason: 'unknown-token', play: token({ scopes: [] }) },
  { reason: 'expired-token', at: 604_800 },
  { reason: 'revoked-token', play: token({ active: false }) },
  { reason: 'other-resource', url: '/other' },
  { reason: 'grant-revoked', play: grant({ revokedAt: new Date() }) },
  { reason: 'grant-expired', play: grant({ expiresAt: new Date(0) }) },
  { reason: 'client-deactivated', play: record => ({ ...record, client: { ...record.client, active: false } }) },
  { reason: 'not-listed', play: record => ({ ...record, user: undefined }) },
  { reason: 'suspended', play: user({ status: 'suspended' }) },
  { reason: 'ambiguous', play: record => ({ ...record, ambiguous: true }) },
  { reason: 'scope', url: '/mcp/scoped' },
  { reason: 'role', url: '/mcp/admins' },
  { reason: 'origin', headers: { origin: 'http://evil.example' } },
  { reason: 'malformed-call', url: '/mcp/tools', payload: { not: 'JSON-RPC' } },
  { reason: 'unavailable', play: () => { throw new StorageUnavailableError() } },
  { reason: 'failed', play: () => { throw new Error('a defect') } },
  { reason: 'renamed', play: user({ email: 'bob@example.com' }) }
]

async function playedApp () {
  const storage = new PlayedStorage()
  const app = await guardedApp(t, {
    storage,
    metrics: true,
    revalidateAfter: 0,
    scopes: { 'notes:read': 'Read your notes' },
    resource,
    protect: [
      '/mcp',
      { url: '/other', resource: other },
      { url: '/mcp/scoped', scopes: ['notes:read'] },
      { url: '/mcp/admins', roles: ['admin'] },
      { url: '/mcp/tools', tools: { drop: { roles: ['admin'] } } }
    ],
    after: app => { for (const url of ['/mcp', '/other', '/mcp/scoped', '/mcp/admins', '/mcp/tools']) answering(url)(app) }
  })
  return { app, storage, headers: await signInAs(app, { email: 'ann@example.com', scopes: ['openid'] }) }
}

t.test('each refusal of the guard is counted under its reason, once', async t => {
  t.teardown(() => { mock.timers.reset() })
  const { app, storage, headers } = await playedApp()
  for (const { reason, play = asItIs, url = '/mcp', payload = {}, at, headers: more } of cases) {
    const before = await countsOf(app, 'oauth_refusals_total', 'reason')
    storage.play = play
    if (at !== undefined) mock.timers.enable({ apis: ['Date'], now: Date.now() + at * 1000 })
    const { statusCode } = await app.inject({ method: 'POST', url, payload, headers: { ...headers, ...more } })
    mock.timers.reset()
    t.ok(statusCode >= 400, reason)
    const after = await countsOf(app, 'oauth_refusals_total', 'reason')
    t.strictSame(after, { ...before, [reason]: (before[reason] ?? 0) + 1 }, reason)
  }
})

t.test('all reasons are there from the start, at 0, and each has a case here', async t => {
  const { app } = await playedApp()
  const known = (await samplesOf(app)).filter(({ name }) => name === 'oauth_refusals_total')
  t.ok(known.every(({ value }) => value === 0))
  t.strictSame(known.map(({ labels }) => labels['reason']).sort(), [...new Set(cases.map(({ reason }) => reason))].sort())
})

t.test('what is let in is not counted as refused', async t => {
  const { app, headers } = await playedApp()
  t.equal((await app.inject({ method: 'POST', url: '/mcp', headers })).statusCode, 200)
  t.strictSame(await countsOf(app, 'oauth_refusals_total', 'reason'), {})
})
