import rateLimit from '@fastify/rate-limit'
import Fastify, { type FastifyRequest } from 'fastify'
import type { RedisClient } from '../rate-limit.ts'

/** What is counted under one key, and how far. */
export interface Count {
  key: string
  max: number
}

/** Where a count stands. */
export interface Standing {
  remaining: number
  isExceeded: boolean
  /** In seconds. */
  endsAfter: number
}

/** Counts one more, or only looks where it stands. */
export type Counter = (request: FastifyRequest, count: Count, increment: boolean) => Promise<Standing>

const countKey = Symbol('fastify-mcp-oauth.count')

declare module 'fastify' {
  interface FastifyRequest {
    /** What is being counted about the request. */
    [countKey]: Count
  }
}

/** In milliseconds. */
const timeWindow = 60_000

/** How many keys one process remembers; the one that was asked for longest ago goes first. */
const cache = 20_000

/**
 * Counts by @fastify/rate-limit, in this process or in Redis. On an instance of its own, which never listens: what the app has
 * registered of the same plugin neither sees our routes nor lends us its store.
 */
export async function createCounter (redis?: RedisClient): Promise<Counter> {
  const limiter = Fastify()
  await limiter.register(rateLimit, {
    global: false,
    timeWindow,
    cache,
    redis,
    nameSpace: 'fastify-mcp-oauth:',
    keyGenerator: request => request[countKey].key,
    max: request => request[countKey].max
  })
  const check = limiter.createRateLimit()
  return async (request, count, increment) => {
    request[countKey] = count
    const standing: { key?: string, remaining?: number, isExceeded?: boolean, ttlInSeconds?: number } = await check(request, { increment })
    const { remaining = 0, isExceeded = true, ttlInSeconds = 0 } = standing
    return { remaining, isExceeded, endsAfter: ttlInSeconds }
  }
}
