import { InvalidOptionError } from './errors.ts'

/** As much of an ioredis client as is used here. */
export interface RedisClient {
  defineCommand (name: string, definition: { numberOfKeys?: number, lua: string }): void
}

/** How often one may ask. Handed to @fastify/rate-limit. */
export interface RateLimitOptions {
  /**
   * Requests a minute from one address to one endpoint; an IPv6 address counts as its /64.
   *
   * @default 1000
   */
  max?: number
  /**
   * Wrong secrets a minute for one client from one address.
   *
   * @default 20
   */
  maxFailures?: number
  /**
   * Where all processes count together: an ioredis client of yours, or the `redis://` or `rediss://` URL of one that is made here. While
   * it does not answer, each process counts by itself.
   *
   * @default each process counts by itself
   */
  redis?: RedisClient | string
}

/** The limits as the rest of the code reads them. */
export interface ResolvedRateLimit {
  readonly max: number
  readonly maxFailures: number
  readonly redis: RedisClient | string | undefined
}

function count (option: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) throw new InvalidOptionError(option, 'must be a whole number from 1')
  return value
}

function isRedisClient (value: unknown): value is RedisClient {
  return typeof Object(value).defineCommand === 'function'
}

function checkRedis (redis: unknown): RedisClient | string | undefined {
  if (redis === undefined || isRedisClient(redis)) return redis
  if (typeof redis === 'string' && /^rediss?:\/\/[^/\s]/.test(redis) && URL.canParse(redis)) return redis
  throw new InvalidOptionError('rateLimit.redis (REDIS_URL)', 'must be a client of ioredis, or a URL such as redis://localhost:6379')
}

/**
 * How often one may ask; undefined where nothing is counted.
 *
 * @throws {InvalidOptionError} which says what to do.
 */
export function checkRateLimit (rateLimit: unknown): ResolvedRateLimit | undefined {
  if (rateLimit === false) return undefined
  if (typeof rateLimit !== 'object' || rateLimit === null || Array.isArray(rateLimit)) {
    throw new InvalidOptionError('rateLimit', 'must be false, or an object such as { max: 1000 }')
  }
  const { max = 1000, maxFailures = 20, redis, ...others }: Record<string, unknown> = { ...rateLimit }
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw new InvalidOptionError(`rateLimit.${unknown}`, 'is not an option; take it out, or use one of max, maxFailures, redis')
  return Object.freeze({ max: count('rateLimit.max', max), maxFailures: count('rateLimit.maxFailures', maxFailures), redis: checkRedis(redis) })
}
