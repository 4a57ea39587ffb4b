import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { migrateToLatest, storageFromEnv } from '../../lib/storage/kysely/index.ts'
import { callMcp, connect, refresh, type Tokens } from '../fixtures/flow.ts'
import { startOwnPostgres } from '../fixtures/own-postgres.ts'
import { execute } from '../fixtures/postgres.ts'
import { captureLog } from '../fixtures/log.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { startWorld } from '../fixtures/world.ts'

t.setTimeout(300_000)

const callers = 8
const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list_restaurants', arguments: {} } })

t.test('PostgreSQL is stopped and started under load: nothing but 200 and 503, no event and no token is lost, nobody restarts the server', async t => {
  const database = await startOwnPostgres(t)
  const { db, storage } = await storageFromEnv({ DATABASE_URL: database.url })
  t.teardown(async () => { await db.destroy() })
  await migrateToLatest(db)
  const log = captureLog('error')
  const world = await startWorld(t, {
    storage, providers: [scriptedProvider()], metrics: true, revalidateAfter: 1, rateLimit: false, fastify: { logger: log.logger }
  })
  const { tokens } = await connect(world)
  const { client, tokens: refreshed } = await connect(world)
  await world.app.mcpOAuth.audit.query()
  const accessBefore = await execute(database.url, "SELECT count(*)::int AS count FROM oauth_audit_events WHERE type = 'access'")
  t.strictSame(accessBefore, [{ count: 0 }])

  const over = new AbortController()
  let phase = 'before'
  const seen: Array<{ phase: string, what: string, status: number, retryAfter: string | null }> = []
  const note = (what: string, { status, headers }: Response) => { seen.push({ phase, what, status, retryAfter: headers.get('retry-after') }) }
  const calling = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const answer = await callMcp(world, tokens.access_token, { body })
      await answer.arrayBuffer()
      note('call', answer)
      await sleep(5)
    }
  }
  let refreshToken = refreshed.refresh_token
  const refreshing = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const answer = await refresh(world, client, refreshToken)
      note('refresh', answer)
      const renewed = await answer.json() as Partial<Tokens>
      refreshToken = renewed.refresh_token ?? refreshToken
      await sleep(20)
    }
  }
  const load = Promise.all([refreshing(), ...Array.from({ length: callers }, calling)])
  await sleep(2000)
  phase = 'down'
  await database.stop()
  await sleep(4000)
  await database.start()
  phase = 'after'
  const startedAt = performance.now()
  const served = () => seen.some(({ phase, what, status }) => phase === 'after' && what === 'call' && status === 200)
  for (let attempt = 0; attempt < 300 && !served(); attempt++) await sleep(50)
  t.ok(served(), `served again after ${Math.round(performance.now() - startedAt)} ms, without a restart`)
  await sleep(2000)
  over.abort()
  await load

  const statuses = (of: string) => [...new Set(seen.filter(({ phase }) => phase === of).map(({ status }) => status))].sort()
  t.strictSame(statuses('before'), [200])
  t.strictSame([...new Set(seen.map(({ status }) => status))].sort(), [200, 503], 'no 500, and nobody is told that a good token is a bad one')
  t.ok(seen.every(({ status, retryAfter }) => (status === 503) === (retryAfter !== null)), 'who gets 503 is told when to ask again')
  t.equal((await refresh(world, client, refreshToken)).status, 200, 'the refresh token that was on its way is good')

  const { generated, stored, dropped } = await settled()
  t.equal(dropped, 0)
  t.equal(generated, stored)
  t.strictSame(await execute(database.url, 'SELECT count(*)::int AS count FROM oauth_audit_events'), [{ count: stored }], 'what was acknowledged is there')
  const answered = seen.filter(({ what, status }) => what === 'call' && status === 200).length
  t.strictSame(
    await execute(database.url, "SELECT count(*)::int AS count FROM oauth_audit_events WHERE type = 'access' AND outcome = 'success'"), [{ count: answered }],
    'one event for each call that was answered')
  t.match(await world.app.mcpOAuth.audit.verify(), { intact: true })

  const metrics = await world.app.mcpOAuth.metrics.text()
  t.match(metrics, /^oauth_refusals_total\{reason="unavailable"\} [1-9]/m)
  t.match(metrics, /^oauth_storage_errors_total\{operation="findToken",kind="unavailable"\} [1-9]/m)
  t.match(metrics, /^oauth_requests_total\{endpoint="token",status="503"\} [1-9]/m)
  t.ok(log.of('the storage is unavailable').length > 0 || log.of('access could not be checked').length > 0, 'and so does the log')

  async function settled () {
    await world.app.mcpOAuth.audit.query()
    return world.app.mcpOAuth.audit.counts
  }
})
