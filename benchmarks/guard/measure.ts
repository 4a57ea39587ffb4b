import autocannon from 'autocannon'
import { compare, over, rate, ratio, spent, timesOf, type Round, type Turn } from '../compare.ts'
import type { DatabaseServer } from '../database.ts'
import { send } from '../load.ts'
import type { Result } from '../report.ts'
import { startServers, type Server, type Servers } from '../servers.ts'
import type { Settings } from '../settings.ts'

/** One second of the same request. */
function second ({ processorTime }: Servers, { url, prepare, name }: Server, connections: number): Turn {
  return async () => {
    const [request] = await prepare(1)
    const before = await processorTime()
    const result = await autocannon({ url: `${url}${request?.path}`, ...request?.headers && { headers: request.headers }, method: 'POST', body: request?.body ?? '', connections, duration: 1 })
    if (result.errors + result.non2xx > 0) throw new Error(`${name}: ${result.errors} errors, ${result.non2xx} refusals`)
    return { requests: result['2xx'], seconds: result.duration, processorTime: spent(before, await processorTime()) }
  }
}

/** So many requests, each once. */
export function batch ({ processorTime }: Servers, { url, prepare }: Server, count: number, connections: number, kind?: string): Turn {
  return async () => {
    const requests = await prepare(count, kind)
    const before = await processorTime()
    const { seconds } = await send(url, requests, connections)
    return { requests: count, seconds, processorTime: spent(before, await processorTime()) }
  }
}

export function tableOf (rounds: readonly Round[], baselineOf: (name: string) => string): Result['rows'] {
  const names = [...rounds[0]?.keys() ?? []]
  return Object.fromEntries(names.map(name => [name, {
    'requests/s': Math.round(over(rounds, name, rate)),
    ratio: Number(ratio(rounds, name, baselineOf(name)).toFixed(3)),
    ...timesOf(rounds, name)
  }]))
}

/** The guard of a token that it knows, beside what others do. */
export async function measureWarm (database: DatabaseServer, { rounds, seconds, connections }: Settings): Promise<Result> {
  const all = await startServers(new URL('warm.ts', import.meta.url), database, { BENCHMARK_DATABASE: await database.create('warm') })
  const measured = await compare(new Map(all.servers.map(server => [server.name, second(all, server, connections)])), { rounds, turns: seconds })
  all.stop()
  const of = (name: string, baseline: string) => ratio(measured, name, baseline)
  return {
    title: 'guard, a token that it knows; ratio to unprotected',
    rows: tableOf(measured, () => 'Fastify, unprotected'),
    targets: [
      { what: 'guard warm, of unprotected', reached: of('fastify-mcp-oauth', 'Fastify, unprotected'), atLeast: 0.97 },
      { what: 'guard warm, against @fastify/jwt with cache', reached: of('fastify-mcp-oauth', '@fastify/jwt with cache'), atLeast: 1.35 },
      { what: "guard warm, against the SDK's requireBearerAuth on Express", reached: of('fastify-mcp-oauth', 'Express, SDK requireBearerAuth'), atLeast: 4 },
      { what: 'guard warm with audit of access and metrics, of unprotected', reached: of('fastify-mcp-oauth, audit of access and metrics', 'Fastify, unprotected'), atLeast: 0.9 }
    ]
  }
}

/** The guard where it has to ask. */
export async function measureAsking (database: DatabaseServer, { rounds, requests, connections }: Settings): Promise<Result> {
  const all = await startServers(new URL('with-database.ts', import.meta.url), database, { BENCHMARK_DATABASE: await database.create('asking') })
  const measured = await compare(new Map(all.servers.map(server => [server.name, batch(all, server, requests, connections)])), { rounds, turns: 1 })
  all.stop()
  const [coldBase, cold, strictBase, strict] = ['cold: jose.jwtVerify and a query by primary key', 'cold: fastify-mcp-oauth', 'strict: a query by primary key', 'strict: fastify-mcp-oauth, revalidateAfter: 0'] as const
  return {
    title: 'guard, where the database is asked; ratio to what one would write by hand',
    rows: tableOf(measured, name => name.startsWith('cold') ? coldBase : strictBase),
    targets: [
      { what: 'guard cold, against jose.jwtVerify and one query by primary key', reached: ratio(measured, cold, coldBase), atLeast: 0.9 },
      { what: 'strict mode, against one query by primary key', reached: ratio(measured, strict, strictBase), atLeast: 0.85 }
    ]
  }
}
