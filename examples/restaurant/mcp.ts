import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import type { FastifyInstance } from 'fastify'
import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'
import { createRestaurantServer } from './tools.ts'

/** `/mcp`: one endpoint for the clients of 2025 and those of 2026-07-28 alike. */
export async function mcp (app: FastifyInstance, { db }: { db: Kysely<Database> }): Promise<void> {
  const onerror = (error: Error) => app.log.info({ err: error }, 'mcp request refused')
  const handler = createMcpHandler(() => createRestaurantServer(db, app.log), { onerror })
  const serve = toNodeHandler(handler, { onerror })
  app.addHook('preClose', async () => await handler.close())

  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    handler: async (request, reply) => {
      // There are no sessions here, so none that one caller could take over from another.
      if (request.headers['mcp-session-id'] !== undefined) return await reply.code(404).send({ error: 'There is no such session' })
      reply.hijack()
      await serve(request.raw, reply.raw, request.body)
    }
  })
}
