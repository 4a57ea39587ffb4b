import { parseArgs } from 'node:util'

/** How long and how hard. Ratios hold for few and for many; rounds and turns make them steady. */
export interface Settings {
  rounds: number
  /** Of each contender in a round, where the same request is sent over and over. */
  seconds: number
  /** Of each contender in a round, where each request can be sent once. */
  requests: number
  connections: number
  /** How many rows are many. */
  tokens: number
  only: string[]
  assert: boolean
  out: string
}

export function readSettings (args: string[]): Settings {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '3000' },
      connections: { type: 'string', default: '16' },
      tokens: { type: 'string', default: '1000000' },
      only: { type: 'string', default: 'warm,asking,endpoints,growth,sizes,memory,start' },
      assert: { type: 'boolean', default: false },
      out: { type: 'string', default: 'benchmarks/results.json' }
    }
  })
  const { rounds, seconds, requests, connections, tokens, only, assert, out } = values
  return {
    rounds: Number(rounds), seconds: Number(seconds), requests: Number(requests), connections: Number(connections), tokens: Number(tokens), only: only.split(','), assert, out
  }
}
