import { compare, ratio } from '../compare.ts'
import type { DatabaseServer } from '../database.ts'
import { turnsOf } from '../endpoints/measure.ts'
import { batch, tableOf } from '../guard/measure.ts'
import type { Result } from '../report.ts'
import { startServers } from '../servers.ts'
import type { Settings } from '../settings.ts'

const measuredOnes = ['guard cold', 'refresh', 'introspect'] as const

/** A thousand tokens beside a million, with a tenth as many users and clients. */
export async function measureGrowth (database: DatabaseServer, { rounds, requests, connections, tokens }: Settings): Promise<Result> {
  const all = await startServers(new URL('servers.ts', import.meta.url), database, {
    BENCHMARK_FEW: await database.create('few'), BENCHMARK_MANY: await database.create('many'), BENCHMARK_TOKENS: String(tokens)
  })
  const each = all.servers.map(server => ({ server, endpoints: turnsOf(server, '/oauth', requests, connections, all.processorTime) }))
  const turns = new Map([
    ...each.map(({ server }) => [`guard cold: ${server.name}`, batch(all, server, requests, connections)] as const),
    ...(['code exchange', 'refresh', 'introspect'] as const).flatMap(endpoint => each.map(({ server, endpoints }) => [`${endpoint}: ${server.name}`, endpoints.turn(endpoint)] as const))
  ])
  const measured = await compare(turns, { rounds, turns: 1, group: 2 })
  all.stop()
  const few = (name: string) => name.replace(/: .*/, ': few')
  return {
    title: `growth, 1000 tokens and ${tokens}; ratio to few`,
    rows: tableOf(measured, few),
    targets: measuredOnes.map(name => ({ what: `${name}, how many times as long with ${tokens} tokens`, reached: ratio(measured, `${name}: few`, `${name}: many`), atMost: 1.2 }))
  }
}
