import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

/** All in seconds. */
export interface ShutdownOptions {
  /** For how long requests are still taken after the signal: until whoever sends them has noticed that this process is not ready. */
  delay: number
  /** How long answers under way may take after that; event streams without an end of their own are ended then. */
  patience: number
}

/**
 * On SIGTERM or SIGINT, ends the process without losing a request; a second signal ends it at once. Call it before any other hook, and let
 * your readiness probe answer 503 as soon as `isClosing` says so.
 */
export function closeOnSignal (app: FastifyInstance, { delay, patience }: ShutdownOptions): { isClosing: () => boolean } {
  const underWay = new Set<ServerResponse>()
  let isClosing = false

  app.addHook('onRequest', async (_, { raw: response }) => {
    // Who keeps a connection open goes elsewhere with the next request.
    if (isClosing) response.setHeader('connection', 'close')
    underWay.add(response)
    response.once('close', () => { underWay.delete(response) })
  })

  function end (reason: string, error?: unknown): never {
    app.log.error({ err: error }, reason)
    process.exit(1)
  }

  async function close (signal: NodeJS.Signals): Promise<never> {
    if (isClosing) return end('a second signal: ending at once')
    isClosing = true
    app.log.info({ signal }, 'not ready any more, closing')
    setTimeout(end, (delay + 2 * patience) * 1000, 'closing took too long').unref()
    await sleep(delay * 1000)
    const limit = Date.now() + patience * 1000
    while (underWay.size > 0 && Date.now() < limit) await sleep(50)
    await app.close()
    process.exit(0)
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => { close(signal).catch((error: unknown) => end('could not close', error)) })
  }
  return { isClosing: () => isClosing }
}
