import type { FastifyInstance } from 'fastify'
import type {} from 'fastify-mcp-oauth'

export interface HealthOptions {
  /** Whether this process was told to end. */
  isClosing?: () => boolean
}

/** Open to everyone, and not in the log. */
export async function health (app: FastifyInstance, { isClosing = () => false }: HealthOptions): Promise<void> {
  // It leaves the database out, so that an orchestrator does not restart what only waits for it.
  app.get('/health', { logLevel: 'warn' }, async () => ({ status: 'ok' }))

  app.get('/ready', { logLevel: 'warn' }, async (_, reply) => {
    const isReady = !isClosing() && await app.mcpOAuth.isReady()
    return await reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ready' : 'not ready' })
  })
}
