import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { SecretGuesses } from '../clients/authentication.ts'
import { TooManyRequestsError } from '../errors.ts'
import type { ResolvedRateLimit } from '../rate-limit.ts'
import { createCounter, type Counter } from './counter.ts'
import { connectRedis, type RedisConnection } from './redis.ts'

/** How often who may ask. */
export interface Limits {
  /**
   * Counts a request by its address and endpoint.
   *
   * @throws {TooManyRequestsError}
   */
  countRequest (request: FastifyRequest): Promise<void>
  /** Wrong secrets that come from the address of a request. */
  guesses (request: FastifyRequest): SecretGuesses
  close (): void
}

const unlimited: Limits = {
  countRequest: async () => {},
  guesses: () => ({ check: async () => {}, count: async () => {} }),
  close: () => {}
}

/** How long Redis may take, and for how long it is left alone after it did not answer, in milliseconds. */
const patience = 500
const pause = 5000

async function inTime<T> (answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => { timer = setTimeout(() => { reject(new Error('Redis took too long')) }, patience) })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/** While Redis does not answer, this process counts by itself: that lets more pass than it should, and locks nobody out. */
function withFallback (shared: Counter, own: Counter, log: FastifyBaseLogger): Counter {
  let pausedUntil = 0
  return async (request, count, increment) => {
    if (Date.now() < pausedUntil) return await own(request, count, increment)
    try {
      return await inTime(shared(request, count, increment))
    } catch (error) {
      pausedUntil = Date.now() + pause
      log.error({ err: error }, 'Redis does not answer: until it does, each process counts requests by itself')
      return await own(request, count, increment)
    }
  }
}

/**
 * The address that limits see: an IPv6 network by its /64, which one customer has all of; IPv4 in IPv6's clothes as IPv4. A Unix socket
 * has none.
 */
export function countedAddress ({ ip = '' }: { ip?: string }): string {
  return normalizeIP(ip, 64)
}

async function connection (redis: ResolvedRateLimit['redis']): Promise<RedisConnection | undefined> {
  if (typeof redis === 'string') return await connectRedis(redis)
  return redis === undefined ? undefined : { client: redis, close: () => {} }
}

/** By address alone nobody can guess without end, by client alone anyone could lock out all who use the same client. */
export async function createLimits (options: ResolvedRateLimit | undefined, log: FastifyBaseLogger): Promise<Limits> {
  if (options === undefined) return unlimited
  const { max, maxFailures } = options
  const redis = await connection(options.redis)
  const own = await createCounter()
  const counter = redis === undefined ? own : withFallback(await createCounter(redis.client), own, log)
  return {
    async countRequest (request) {
      const { isExceeded, endsAfter } = await counter(request, { key: `${request.routeOptions.url} ${countedAddress(request)}`, max }, true)
      if (isExceeded) throw new TooManyRequestsError(endsAfter)
    },
    guesses (request) {
      const count = (clientId: string) => ({ key: `secret of ${clientId} ${countedAddress(request)}`, max: maxFailures })
      return {
        async check (clientId) {
          const { remaining, endsAfter } = await counter(request, count(clientId), false)
          if (remaining === 0) throw new TooManyRequestsError(endsAfter)
        },
        async count (clientId) {
          const { remaining } = await counter(request, count(clientId), true)
          if (remaining === 0) request.log.warn({ clientId }, 'the secret of a client was wrong too often')
        }
      }
    },
    close: () => { redis?.close() }
  }
}
