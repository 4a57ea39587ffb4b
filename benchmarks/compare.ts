import type { ProcessorTime, Sample } from './load.ts'

/** One turn of a contender in a round. */
export type Turn = () => Promise<Sample>

/** Each contender's sum of a round. */
export type Round = ReadonlyMap<string, Sample>

export interface Plan {
  rounds: number
  /** How often each contender has its turn in a round: the shorter a turn, the more alike is what else the machine does meanwhile. */
  turns: number
  /** Groups of this size keep their order, and take turns within them: what comes later needs what came before. @default all are one group */
  group?: number
}

function sum (one: Sample, other: Sample): Sample {
  return {
    requests: one.requests + other.requests,
    seconds: one.seconds + other.seconds,
    processorTime: { server: one.processorTime.server + other.processorTime.server, database: one.processorTime.database + other.processorTime.database }
  }
}

/** What was spent between two readings. */
export function spent (before: ProcessorTime, after: ProcessorTime): ProcessorTime {
  return { server: after.server - before.server, database: after.database - before.database }
}

const nothing: Sample = { requests: 0, seconds: 0, processorTime: { server: 0, database: 0 } }

/** The contenders take turns, in another order each time, after a round that does not count. */
export async function compare (turns: ReadonlyMap<string, Turn>, plan: Plan): Promise<Round[]> {
  const rounds: Round[] = []
  const names = [...turns.keys()]
  const size = plan.group ?? names.length
  for (let round = 0; round <= plan.rounds; round++) {
    const samples = new Map<string, Sample>()
    for (let turn = 0; turn < plan.turns; turn++) {
      for (const index of names.keys()) {
        const first = index - index % size
        const name = names[first + (index + round + turn) % size] ?? ''
        const sample = await turns.get(name)?.()
        if (sample !== undefined) samples.set(name, sum(samples.get(name) ?? nothing, sample))
      }
    }
    if (round > 0) rounds.push(samples)
  }
  return rounds
}

export function median (numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1)
  return middle.reduce((total, number) => total + number, 0) / middle.length
}

/** The median over the rounds of what `read` makes of a contender's sum. */
export function over (rounds: readonly Round[], name: string, read: (sample: Sample) => number): number {
  return median(rounds.flatMap(round => {
    const sample = round.get(name)
    return sample === undefined ? [] : [read(sample)]
  }))
}

/** In whole microseconds a request, for a table. */
export function timesOf (rounds: readonly Round[], name: string): Record<string, number> {
  return {
    'server µs/request': Math.round(over(rounds, name, ({ processorTime, requests }) => processorTime.server / requests)),
    'PostgreSQL µs/request': Math.round(over(rounds, name, ({ processorTime, requests }) => processorTime.database / requests))
  }
}

export const rate = ({ requests, seconds }: Sample): number => requests / seconds

/** The median over the rounds of one contender's rate against another's in the same round. */
export function ratio (rounds: readonly Round[], name: string, baseline: string): number {
  return median(rounds.flatMap(round => {
    const [sample, base] = [round.get(name), round.get(baseline)]
    return sample === undefined || base === undefined ? [] : [rate(sample) / rate(base)]
  }))
}
