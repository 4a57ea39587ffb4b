import { sql } from 'kysely'
import t from 'tap'
import { newClient, newSession, redeemed } from '../../lib/testing/contract/fixtures.ts'
import { openOffice } from '../fixtures/command-line.ts'

t.setTimeout(120_000)

const [hour, day] = [3_600_000, 86_400_000]
const ago = (milliseconds: number) => new Date(Date.now() - milliseconds)

t.test('purge: what had had its time a day ago goes, and nothing else', async t => {
  const { type, ask, database } = await openOffice(t)
  const { storage } = database
  for (const expiresAt of [ago(25 * hour), ago(hour)]) {
    await storage.createSession(newSession({ expiresAt }))
    await redeemed(storage, { expiresAt }, { createdAt: ago(9 * day), expiresAt: new Date(Date.now() + day) })
  }
  await storage.registerClient(newClient({ createdAt: ago(8 * day) }), 'hash')
  await database.run('UPDATE oauth_tokens SET expires_at = now() - interval \'25 hours\' WHERE token_type = \'access_token\'')
  t.match(await type('purge', { isTTY: true, input: 'no' }), { code: 1, stderr: /^Remove what has had its time\? / })
  t.strictSame(await ask('purge --yes'), { tokens: 3, codes: 0, grants: 0, transactions: 0, sessions: 1, clients: 1 })
  t.match(await type('purge --yes'), { code: 0, stdout: 'Removed: nothing.\n', stderr: '' })
  t.strictSame(await database.run('SELECT (SELECT count(*)::int FROM oauth_tokens) AS tokens, (SELECT count(*)::int FROM oauth_grants) AS grants'), [{ tokens: 1, grants: 1 }])
})

t.test('purge: a person sees how far it is', async t => {
  const { type, database } = await openOffice(t)
  await database.storage.createSession(newSession({ expiresAt: ago(25 * hour) }))
  t.strictSame(await type('purge --yes', { isTTY: true }), { code: 0, stdout: 'Removed: sessions 1.\n', stderr: '\r\u001b[Kremoved: sessions 1\r\u001b[K' })
})

t.test('purge: where another process is at it, it says so', async t => {
  const { type, database } = await openOffice(t)
  await database.db.transaction().execute(async trx => {
    await sql`SELECT pg_advisory_xact_lock(7306917452018366466)`.execute(trx)
    t.strictSame(await type('purge --yes'), { code: 1, stdout: '', stderr: 'error: another process is at it already; look again in a minute\n' })
  })
})
