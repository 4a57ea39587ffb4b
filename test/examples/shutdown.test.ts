import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import pg from 'pg'
import t from 'tap'
import { waitingForLocks } from '../fixtures/postgres.ts'
import { until } from '../fixtures/until.ts'
import { deployment } from './deployed.ts'
import { run, startDeployed } from './processes.ts'
import { callTool, signIn } from './sign-in.ts'

t.setTimeout(300_000)

const cwd = t.testdir()
const { port, origin, databaseUrl, env } = await deployment(t)
await run(t, 'migrate.ts', { cwd, env }).ended

interface Answer { path: string, status: number | undefined, body: string, isLast: boolean, isComplete: boolean }

/** One request on a connection of this agent. */
async function send (agent: Agent, path: string, token: string, body?: object): Promise<Answer> {
  const sent = request({
    agent,
    port,
    path,
    host: '127.0.0.1',
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, accept: 'application/json, text/event-stream', ...body && { 'content-type': 'application/json' } }
  }).end(body && JSON.stringify(body))
  const [response] = await once(sent, 'response') as [IncomingMessage]
  const answer = await text(response)
  return { path, status: response.statusCode, body: answer, isLast: response.headers.connection === 'close', isComplete: response.complete }
}

const call = (name: string, args: object = {}) => ({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
const newAgent = () => new Agent({ keepAlive: true, maxSockets: 1 })

/** Whether a client has what it asked for. */
const isGood = ({ status, body, isComplete }: Answer) => status === 200 && isComplete && /Trattoria Lucia/.test(body)

/** Nothing reads or changes the restaurants until it is released. */
async function lockRestaurants (scope: { teardown (release: () => Promise<void>): void }): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  scope.teardown(async () => { await client.end() })
  await client.query('BEGIN')
  await client.query('LOCK TABLE restaurants IN ACCESS EXCLUSIVE MODE')
  return async () => { await client.query('COMMIT') }
}

async function untilNotReady (): Promise<void> {
  while ((await fetch(`${origin}/ready`)).status !== 503) await sleep(20)
}

t.test('SIGTERM under load: no request is lost, every answer is complete, and it ends by itself with 0', async t => {
  const server = await startDeployed(t, { cwd, port, env: { ...env, SHUTDOWN_DELAY: '5' } })
  const token = await (await signIn(origin, '')).redeem()
  const began = performance.now()
  let signalledAt = Infinity
  const since = () => performance.now() - signalledAt

  // An endpoint's controller and a proxy: they take their time to notice.
  const probes: Array<{ begun: number, at: number, status: number }> = []
  let toldAt = Infinity
  const probing = (async () => {
    while (since() < 20_000) {
      const begun = since()
      const status = await fetch(`${origin}/ready`).then((response) => response.status, () => 0)
      probes.push({ begun, at: since(), status })
      if (status === 503) toldAt = Math.min(toldAt, since())
      if (status === 0) return
      await sleep(50)
    }
  })()

  const answers: Answer[] = []
  let late = 0
  const lost: unknown[] = []
  const load = Array.from({ length: 12 }, async (_, index) => {
    const agent = newAgent()
    while (late < 60 || since() < toldAt + 500) {
      if (since() > toldAt) late++
      const answered = index % 2 === 0 ? send(agent, '/api/restaurants', token) : send(agent, '/mcp', token, call('list_restaurants'))
      await answered.then((answer) => answers.push(answer), (error: unknown) => lost.push(error))
      await sleep(5)
    }
    agent.destroy()
  })

  const streaming = new Client({ name: 'listener', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  await streaming.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit: { headers: { authorization: `Bearer ${token}` } } }))
  const subscription = await streaming.listen({ toolsListChanged: true })
  const modern = new Client({ name: 'caller', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } })
  await modern.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`), { requestInit: { headers: { authorization: `Bearer ${token}` } } }))

  while (answers.length <= 100) await sleep(20)
  signalledAt = performance.now()
  const before = answers.length
  server.child.kill('SIGTERM')
  await Promise.all(load)
  t.ok(since() > 500 && since() < 5000, 'the load went on until the proxy had noticed')

  // Begun while requests are still taken, done long after: as a route of the API, as an event stream of 2025, and by the protocol of 2026.
  const release = await lockRestaurants(t)
  const slow = [send(newAgent(), '/api/restaurants', token), send(newAgent(), '/mcp', token, call('list_restaurants'))]
  const slowest = modern.callTool({ name: 'list_restaurants' })
  await sleep(Math.max(0, 7000 - since()))
  t.equal(server.child.exitCode, null, 'it waits for them')
  await release()
  for (const answer of await Promise.all(slow)) t.ok(isGood(answer), answer.body)
  t.match(JSON.stringify(await slowest), 'Trattoria Lucia')

  await probing
  const { code, stdout, stderr } = await server.ended
  t.strictSame({ code, stderr }, { code: 0, stderr: '' })
  t.ok(since() < 25_000, `it ended ${Math.round(since())} ms after the signal`)
  t.equal(await subscription.closed, 'remote', 'the event stream was ended from here')

  t.strictSame(lost, [])
  t.strictSame(answers.filter((answer) => !isGood(answer)), [])
  t.ok(before > 100 && answers.length - before > 50, `${before} answers before the signal and ${answers.length - before} after it`)
  const last = answers.slice(before).filter(({ path }) => path.startsWith('/api/')).slice(-12)
  t.ok(last.every(({ isLast }) => isLast), 'who keeps connections was told to go elsewhere')
  t.ok(probes.filter(({ at }) => at < 0).every(({ status }) => status === 200))
  const after = probes.filter(({ begun }) => begun > toldAt)
  t.ok(after.length > 10 && after.slice(0, -1).every(({ status }) => status === 503), 'not ready any more')
  t.match(stdout, /"msg":"not ready any more, closing"/)
  t.notMatch(stdout, /"level":50/)
  t.comment(`${answers.length} answers in ${Math.round(performance.now() - began)} ms`)
  await streaming.close()
  await modern.close()
})

t.test('while it closes, /health says that there is nothing to restart', async t => {
  const server = await startDeployed(t, { cwd, port, env: { ...env, SHUTDOWN_DELAY: '5' } })
  server.child.kill('SIGINT')
  await untilNotReady()
  t.equal((await fetch(`${origin}/health`)).status, 200)
  t.equal((await server.ended).code, 0)
})

t.test('a second signal ends it at once', async t => {
  const server = await startDeployed(t, { cwd, port, env: { ...env, SHUTDOWN_DELAY: '60' } })
  server.child.kill('SIGTERM')
  await untilNotReady()
  t.equal(server.child.exitCode, null)
  const began = performance.now()
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 1)
  t.ok(performance.now() - began < 30_000)
})

t.test('what never ends does not keep it: it ends in time, and says so by its code', async t => {
  const server = await startDeployed(t, { cwd, port, env })
  const token = await (await signIn(origin, '')).redeem()
  // A statement ends by itself. A client that does not send the rest of its request does not.
  const stuck = request({ port, path: '/mcp', host: '127.0.0.1', method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'content-length': 100, expect: '100-continue' } })
  stuck.flushHeaders()
  await once(stuck, 'continue')
  stuck.write('{')
  const answer = once(stuck, 'response').then(() => 'answered', () => 'cut')
  const began = performance.now()
  server.child.kill('SIGTERM')
  const { code, stdout } = await server.ended
  const took = performance.now() - began
  t.equal(code, 1)
  t.ok(took > 19_000 && took < 60_000, `${took} ms`)
  t.match(stdout, 'closing took too long')
  t.equal(await answer, 'cut')
})

t.test('a statement that waits for a lock ends by itself, and the process after it', async t => {
  const server = await startDeployed(t, { cwd, port, env })
  const token = await (await signIn(origin, '')).redeem()
  const release = await lockRestaurants(t)
  const waiting = send(newAgent(), '/api/restaurants', token)
  await until(async () => (await waitingForLocks(databaseUrl)).length > 0)
  server.child.kill('SIGTERM')
  t.match(await waiting, { status: 500, isComplete: true })
  await release()
  t.equal((await server.ended).code, 0)
})

t.test('a delay that is none stops the start', async t => {
  const { code, stderr } = await run(t, 'server.ts', { cwd, env: { ...env, SHUTDOWN_DELAY: '5s' } }).ended
  t.strictSame({ code, stderr }, { code: 1, stderr: 'SHUTDOWN_DELAY: must be a whole number of seconds, such as 5\n' })
})

t.test('a tool that is called through the MCP client works where it is deployed', async t => {
  const server = await startDeployed(t, { cwd, port, env })
  const token = await (await signIn(origin, '')).redeem()
  t.match(await callTool(t, origin, token, 'list_restaurants'), [{ name: 'Trattoria Lucia' }, {}, {}])
  server.child.kill('SIGTERM')
  const { code, stdout } = await server.ended
  t.equal(code, 0)
  t.notMatch(stdout, 'boss@example.com')
})
