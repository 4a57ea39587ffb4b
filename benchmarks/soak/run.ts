import { fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createBrowser } from '../../test/fixtures/browser-jar.ts'
import { bearer, connect, refresh, revoke, type Connection, type Site, type Tokens } from '../../test/fixtures/flow.ts'
import { freePort } from '../../test/fixtures/free-port.js'
import { startOidcProvider } from '../../test/fixtures/oidc-provider.ts'
import { startDatabase } from '../database.ts'

/**
 * Many people for a while: sign-ins at a real OpenID provider, tool calls, refreshes and revocations at once, against one server over PostgreSQL.
 * Says what the server holds on to, and fails where an answer is not the one that is due, or where memory, connections or timers stay.
 *
 *     npm run soak -- [--minutes 10] [--people 6]
 */

const { values: given } = parseArgs({ options: { minutes: { type: 'string', default: '10' }, people: { type: 'string', default: '6' }, out: { type: 'string' } } })

interface Held { heap: number, rss: number, resources: Record<string, number>, longestDelay: number }

const teardowns: Array<() => unknown> = []
const t = { teardown: (release: () => unknown) => { teardowns.unshift(release) } }
const database = await startDatabase()
t.teardown(() => database.stop())
const issuer = `http://127.0.0.1:${await freePort()}`
const upstream = await startOidcProvider(t, { redirectUris: [`${issuer}/oauth/callback`] })
const child = fork(new URL('serve.ts', import.meta.url), {
  execArgv: [...process.execArgv, '--expose-gc'],
  env: { ...process.env, ISSUER: issuer, PROVIDER: upstream.issuer, CLIENT_ID: upstream.clientId, CLIENT_SECRET: upstream.clientSecret, DATABASE_URL: await database.create('soak') }
})
t.teardown(() => child.kill('SIGKILL'))
await once(child, 'message')

const counts = { 'sign-ins': 0, 'tool calls': 0, refreshes: 0, revocations: 0, refusals: 0 }

async function expect (status: number, answer: Promise<Response>, what: keyof typeof counts): Promise<unknown> {
  const response = await answer
  const body = await response.text()
  if (response.status !== status) throw new Error(`${what}: ${response.status} ${body}`)
  counts[what]++
  return body === '' ? undefined : JSON.parse(body)
}

const call = async (token: string) => await fetch(`${issuer}/mcp`, { method: 'POST', headers: { ...bearer(token), 'content-type': 'application/json' }, body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' })

/** A client's life: connected, used, refreshed, used again, and revoked at the end. */
async function live (): Promise<void> {
  const site: Site = { issuer, mcpUrl: `${issuer}/mcp`, browser: createBrowser() }
  const { client, tokens }: Connection = await connect(site)
  counts['sign-ins']++
  let current: Tokens = tokens
  for (let round = 0; round < 4; round++) {
    for (let calls = 0; calls < 25; calls++) await expect(200, call(current.access_token), 'tool calls')
    current = await expect(200, refresh(site, client, current.refresh_token), 'refreshes') as Tokens
  }
  await expect(200, revoke(site, { token: current.refresh_token, client_id: client.client_id }), 'revocations')
  await expect(401, call(current.access_token), 'refusals')
}

async function ask (): Promise<Held> {
  child.send('what do you hold?')
  const [held] = await once(child, 'message') as [Held]
  return held
}

// What is loaded and compiled at the first time is no growth.
for (let turn = 0; turn < 2; turn++) await Promise.all(Array.from({ length: Number(given.people) }, live))

const end = Date.now() + Number(given.minutes) * 60_000
/** In milliseconds: forty looks, or one every fifteen seconds. */
const period = Math.min(15_000, Number(given.minutes) * 60_000 / 40)
const samples: Array<Held & { second: number }> = []
const began = Date.now()
const sampling = (async () => {
  while (Date.now() < end) {
    await sleep(period)
    const held = await ask()
    samples.push({ second: Math.round((Date.now() - began) / 1000), ...held })
    console.log(`${samples.at(-1)?.second} s: heap ${(held.heap / 1e6).toFixed(1)} MB, ${JSON.stringify(counts)}`)
  }
})()
const people = Array.from({ length: Number(given.people) }, async () => { while (Date.now() < end) await live() })
try {
  await Promise.all([sampling, ...people])
  // Idle connections of clients go.
  await sleep(8000)
  const idle = await ask()
  const third = samples.slice(Math.floor(samples.length / 3), Math.floor(samples.length * 2 / 3))
  const last = samples.slice(Math.floor(samples.length * 2 / 3))
  const lowest = (some: typeof samples) => Math.min(...some.map(({ heap }) => heap)) / 1e6
  const growth = lowest(last) - lowest(third)
  child.send('close')
  const [others] = await once(child, 'message') as [string[]]
  const result = { minutes: Number(given.minutes), counts, growth, longestDelay: Math.max(...samples.map(({ longestDelay }) => longestDelay)), idle, left: others, samples }
  console.table({ 'heap, lowest of the second third, MB': lowest(third).toFixed(1), 'heap, lowest of the last third, MB': lowest(last).toFixed(1), 'longest delay of the event loop, ms': result.longestDelay.toFixed(0) })
  console.log('idle:', idle.resources, 'after close:', others)
  if (given.out !== undefined) await writeFile(given.out, JSON.stringify(result, null, 2) + '\n')
  if (growth > 2 || others.length > 0) {
    console.error(`it holds on to something: ${growth.toFixed(1)} MB, ${others.join(', ')}`)
    process.exitCode = 1
  }
} finally {
  for (const release of teardowns) await release()
}
process.exit()
