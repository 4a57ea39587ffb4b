import { compare, over, rate, ratio, spent, timesOf, type Turn } from '../compare.ts'
import type { LoadRequest } from '../contender.ts'
import type { DatabaseServer } from '../database.ts'
import { send, type ProcessorTime } from '../load.ts'
import { redirectUri } from '../oauth.ts'
import type { Result } from '../report.ts'
import { startServers, type Server } from '../servers.ts'
import type { Settings } from '../settings.ts'

/** In the order in which one makes what the next one needs. */
const endpoints = ['code exchange', 'refresh', 'introspect', 'register'] as const

type Endpoint = typeof endpoints[number]

interface Tokens { access_token: string, refresh_token: string }

/** Where the endpoints of each are. */
const places: Readonly<Record<string, string>> = { 'fastify-mcp-oauth': '/oauth', 'better-auth': '/api/auth/oauth2', 'oidc-provider': '' }

let registered = 0

/** Each client under a name of its own: none is there already. */
function registration (path: string): LoadRequest {
  const metadata = { client_name: `Client ${registered++}`, redirect_uris: [redirectUri], grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none' }
  return { method: 'POST', path, headers: { 'content-type': 'application/json' }, body: JSON.stringify(metadata) }
}

/** What a server does at each of its endpoints in one turn: all with the tokens that the turn itself has brought. */
export function turnsOf (server: Server, place: string, count: number, connections: number, processorTime: () => Promise<ProcessorTime>) {
  const statements = new Map<Endpoint, number>()
  let codes: LoadRequest[] = []
  let tokens: Tokens[] = []
  const form = (fields: Record<string, string>, path?: string): LoadRequest => {
    const [{ path: tokenPath, headers } = { path: '', headers: {} }] = codes
    return { method: 'POST', path: path ?? tokenPath, headers, body: new URLSearchParams(fields).toString() }
  }
  const requests: Record<Endpoint, () => LoadRequest[]> = {
    'code exchange': () => codes,
    refresh: () => tokens.map(({ refresh_token: refreshToken }) => form({ grant_type: 'refresh_token', refresh_token: refreshToken })),
    introspect: () => tokens.map(({ access_token: token }) => form({ token }, `${place}/introspect`)),
    register: () => Array.from({ length: count }, () => registration(`${place}/register`))
  }
  const turn = (endpoint: Endpoint): Turn => async () => {
    if (endpoint === 'code exchange') codes = await server.prepare(count, 'code')
    const load = requests[endpoint]()
    const [time, sent] = [await processorTime(), await server.statements()]
    const { seconds, bodies } = await send(server.url, load, connections)
    statements.set(endpoint, (await server.statements() - sent) / count)
    const sample = { requests: count, seconds, processorTime: spent(time, await processorTime()) }
    if (endpoint === 'code exchange' || endpoint === 'refresh') tokens = bodies.map(body => JSON.parse(body))
    if (endpoint === 'introspect' && !bodies.every(body => JSON.parse(body).active === true)) throw new Error(`${server.name}: not active: ${bodies[0]}`)
    return sample
  }
  return { turn, statements }
}

/** The authorization server's own work, beside two that others use, each over a database of its own in the same PostgreSQL. */
export async function measureEndpoints (database: DatabaseServer, { rounds, requests, connections }: Settings): Promise<Result> {
  const { servers, processorTime, stop } = await startServers(new URL('servers.ts', import.meta.url), database, {
    BENCHMARK_PLUGIN: await database.create('plugin'), BENCHMARK_BETTER_AUTH: await database.create('better_auth'), BENCHMARK_OIDC_PROVIDER: await database.create('oidc_provider')
  })
  const all = servers.map(server => ({ name: server.name, ...turnsOf(server, places[server.name] ?? '', requests, connections, processorTime) }))
  const measured = await compare(new Map(endpoints.flatMap(endpoint => all.map(({ name, turn }) => [`${endpoint}: ${name}`, turn(endpoint)]))), { rounds, turns: 1, group: all.length })
  stop()
  const [ours = '', ...others] = servers.map(({ name }) => name)
  const fasterPeer = (endpoint: Endpoint) => others.map(name => `${endpoint}: ${name}`).sort((one, other) => over(measured, other, rate) - over(measured, one, rate))[0] ?? ''
  const against = (endpoint: Endpoint) => ratio(measured, `${endpoint}: ${ours}`, fasterPeer(endpoint))
  return {
    title: 'endpoints, each over PostgreSQL; ratio to the faster of the two peers',
    rows: Object.fromEntries(endpoints.flatMap(endpoint => all.map(({ name, statements }) => [`${endpoint}: ${name}`, {
      'requests/s': Math.round(over(measured, `${endpoint}: ${name}`, rate)),
      ratio: Number(ratio(measured, `${endpoint}: ${name}`, fasterPeer(endpoint)).toFixed(3)),
      ...timesOf(measured, `${endpoint}: ${name}`),
      'statements/request': Number(statements.get(endpoint)?.toFixed(1))
    }]))),
    targets: [
      { what: 'code exchanges per second, against the faster peer', reached: against('code exchange'), atLeast: 1.5 },
      { what: 'refreshes per second, against the faster peer', reached: against('refresh'), atLeast: 1.5 },
      { what: 'registrations per second, against the faster peer', reached: against('register'), atLeast: 1 },
      { what: 'introspections per second, against the faster peer', reached: against('introspect'), atLeast: 1 }
    ]
  }
}
