import type { FastifyInstance } from 'fastify'

/** Open to everyone. It leaves the database out, so that an orchestrator does not restart what only waits for it. */
export async function health (app: FastifyInstance): Promise<void> {
  app.get('/health', async () => ({ status: 'ok' }))
}
