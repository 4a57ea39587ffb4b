import { once } from 'node:events'
import { InvalidOptionError } from '../errors.ts'
import type { RedisClient } from '../rate-limit.ts'

export interface RedisConnection {
  client: RedisClient
  close (): void
}

/** How long a connection may take, in milliseconds. */
const patience = 2000

/**
 * A client of our own for a Redis URL. It answers at once that it can't answer, whatever the reason, and connects again by itself.
 *
 * @throws {InvalidOptionError} where ioredis is not installed.
 */
export async function connectRedis (url: string, load = () => import('ioredis')): Promise<RedisConnection> {
  const { Redis } = await load().catch((error: unknown) => {
    throw new InvalidOptionError('rateLimit.redis (REDIS_URL)', 'needs the package ioredis; install it, or hand over a client of yours', { cause: error })
  })
  const client = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0, connectTimeout: patience })
  // Whoever counts is told by the command that fails.
  client.on('error', () => {})
  // The first requests shall be counted there already. One that is down does not stop the start.
  await once(client, 'ready', { signal: AbortSignal.timeout(patience) }).catch(() => {})
  return { client, close: () => { client.disconnect() } }
}
