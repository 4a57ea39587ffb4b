import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import type { Contender } from './servers.ts'

/**
 * What a login in front of a route costs: the same small `POST /mcp` over keep-alive connections. All servers stand in one child process and are
 * asked in turns: two processes of the same program differ by more than what is measured here. Prints a table, writes nothing.
 *
 *     npm run bench -- [--rounds 5] [--seconds 3] [--connections 16] [--assert]
 *
 * `--assert` exits with 1 where the protected route makes less than 95 % of the unprotected one, or with metrics less than 90 %.
 */

const { values: given } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '16' },
    assert: { type: 'boolean', default: false }
  }
})

const baseline = 'Fastify, unprotected'
/** Of the unprotected one. */
const targets = { 'Fastify, fastify-mcp-oauth': 0.95, 'Fastify, fastify-mcp-oauth with metrics': 0.9 }
const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })

interface Running extends Contender { name: string }

/** What a server did in one round. */
interface Sample {
  requests: number
  seconds: number
  /** Of the server, in microseconds. */
  processorTime: number
}

async function processorTime (child: ChildProcess): Promise<number> {
  child.send('processor time?')
  const [{ processorTime }] = await once(child, 'message')
  return processorTime
}

/** Adds one second of load to a server's round. */
async function load (child: ChildProcess, server: Running, sample: Sample): Promise<void> {
  const before = await processorTime(child)
  const result = await autocannon({
    url: `${server.url}/mcp`,
    method: 'POST',
    headers: { ...server.headers, 'content-type': 'application/json' },
    body,
    connections: Number(given.connections),
    duration: 1
  })
  if (result.errors + result.non2xx > 0) throw new Error(`${server.name}: ${result.errors} errors, ${result.non2xx} refusals`)
  sample.requests += result['2xx']
  sample.seconds += result.duration
  sample.processorTime += await processorTime(child) - before
}

/** One round: the servers take turns second by second, in another order each time, so that none has the machine for itself. */
async function runRound (child: ChildProcess, servers: readonly Running[]): Promise<Map<string, Sample>> {
  const samples = new Map(servers.map(({ name }): [string, Sample] => [name, { requests: 0, seconds: 0, processorTime: 0 }]))
  for (let second = 0; second < Number(given.seconds); second++) {
    const shift = second % servers.length
    for (const server of [...servers.slice(shift), ...servers.slice(0, shift)]) {
      const sample = samples.get(server.name)
      if (sample !== undefined) await load(child, server, sample)
    }
  }
  return samples
}

function median (numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1)
  return middle.reduce((sum, number) => sum + number, 0) / middle.length
}

/** The median over the rounds of what `read` makes of a server's round and the unprotected one's. */
function over (rounds: ReadonlyArray<Map<string, Sample>>, name: string, read: (sample: Sample, baseline: Sample) => number): number {
  return median(rounds.flatMap(round => {
    const [sample, base] = [round.get(name), round.get(baseline)]
    return sample === undefined || base === undefined ? [] : [read(sample, base)]
  }))
}

const child = fork(new URL('serve.ts', import.meta.url))
const servers: Running[] = (await once(child, 'message'))[0]
await runRound(child, servers)
const rounds: Array<Map<string, Sample>> = []
while (rounds.length < Number(given.rounds)) rounds.push(await runRound(child, servers))
child.disconnect()

const ratioOf = (name: string) => over(rounds, name, (sample, base) => sample.requests / sample.seconds / (base.requests / base.seconds))
console.log(`Median of ${given.rounds} rounds of ${given.seconds} s, ${given.connections} connections, Node ${process.version}`)
console.table(Object.fromEntries(servers.map(({ name }) => [name, {
  'requests/s': Math.round(over(rounds, name, sample => sample.requests / sample.seconds)),
  'of unprotected': ratioOf(name).toFixed(3),
  'server µs/request': over(rounds, name, sample => sample.processorTime / sample.requests).toFixed(1)
}])))

for (const [name, target] of Object.entries(targets)) {
  const ratio = ratioOf(name)
  if (!given.assert || ratio >= target) continue
  console.error(`${name} makes ${ratio.toFixed(3)} of the unprotected one; the target is ${target}`)
  process.exitCode = 1
}
