import type { Answer } from '../../providers/upstream.ts'
import { ok, problem, skipped, type Verdict } from './finding.ts'

/** In milliseconds: how far clocks may be apart. A code lives for sixty seconds. */
const tolerance = 5000

/** Between when something was asked and when the answer was there. */
export interface Span {
  sentAt: number
  receivedAt: number
}

/** Waits for something, and says between when. */
export async function timed<T> (work: () => Promise<T>): Promise<T & Span> {
  const sentAt = Date.now()
  return { ...await work(), sentAt, receivedAt: Date.now() }
}

/** When an answer was made, by the clock of whoever made it; a cache says how long ago it got it. RFC 9110 §6.6.1, RFC 9111 §5.1. */
export function timeOf ({ headers }: Pick<Answer, 'headers'>): Date | undefined {
  const made = Date.parse(String(headers['date']))
  const age = Number(headers['age'] ?? 0)
  return Number.isNaN(made + age) ? undefined : new Date(made + age * 1000)
}

/**
 * Holds a clock against this machine's.
 *
 * @param resolution in milliseconds: by how much the time may be too early
 */
export function compareClocks (whose: string, time: Date | undefined, { sentAt, receivedAt }: Span, resolution = 0): Verdict {
  if (time === undefined) return skipped(`${whose} does not say what time it is`)
  const ahead = Math.max(0, time.getTime() - receivedAt)
  const behind = Math.max(0, sentAt - time.getTime() - resolution)
  const seconds = Math.round((ahead + behind) / 1000)
  if (ahead + behind <= tolerance) return ok(`${whose} and this machine agree on the time`)
  return problem(`the clock of ${whose} is ${seconds} seconds ${ahead > 0 ? 'ahead of' : 'behind'} this machine's`,
    'Let both keep time by NTP (timedatectl set-ntp true): codes, tokens and sign-ins end too early or too late.')
}
