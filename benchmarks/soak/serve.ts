import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turnOfLoop, setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import mcpOAuth, { oidc } from 'fastify-mcp-oauth'
import { migrateToLatest, storageFromEnv } from 'fastify-mcp-oauth/kysely'
import { secret } from '../oauth.ts'

/** The child process, started with `--expose-gc`: a server as it comes, with metrics, and what it holds on to. */

const { ISSUER: issuer = '', PROVIDER: provider = '', CLIENT_ID: clientId = '', CLIENT_SECRET: clientSecret = '' } = process.env
const { db, storage } = await storageFromEnv()
await migrateToLatest(db)
const app = Fastify()
await app.register(mcpOAuth, {
  issuer,
  secret,
  storage,
  providers: [oidc({ id: 'local', name: 'Local', issuer: provider, clientId, clientSecret })],
  protect: ['/mcp'],
  firstAdmin: { email: 'you@example.com' },
  // All of it comes from one address.
  rateLimit: { max: 1_000_000 },
  metrics: true
})
app.post('/mcp', async request => request.mcpOAuth.user)
app.addHook('onClose', async () => { await db.destroy() })
await app.listen({ host: '127.0.0.1', port: Number(new URL(issuer).port) })
const delay = monitorEventLoopDelay()
delay.enable()

function counted (names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** What is being closed has a moment for it: a database takes its own. */
async function whatStays (): Promise<string[]> {
  let left: string[] = []
  for (let turn = 0; turn < 50; turn++) {
    await sleep(200)
    await turnOfLoop()
    left = process.getActiveResourcesInfo().filter(name => !['Immediate', 'PipeWrap', 'TTYWrap'].includes(name))
    if (left.length === 0) break
  }
  return left
}

process.on('message', (question: string) => {
  if (question === 'close') {
    app.close().then(async () => { process.send?.(await whatStays()) }, error => { throw error })
    return
  }
  globalThis.gc?.()
  process.send?.({ heap: process.memoryUsage().heapUsed, rss: process.memoryUsage().rss, resources: counted(process.getActiveResourcesInfo()), longestDelay: delay.max / 1e6 })
  delay.reset()
})
process.on('disconnect', () => { process.exit() })
process.send?.('listening')
