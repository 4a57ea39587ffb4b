import { randomUUID } from 'node:crypto'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { FastifyInstance } from 'fastify'
import { LRUCache } from 'lru-cache'

interface Session {
  transport: StreamableHTTPServerTransport
  /** Whose it is: what one person allowed one client. */
  grantId: string
}

/** A server that remembers something of each caller. */
function createServer (): McpServer {
  const server = new McpServer({ name: 'sessions', version: '1.0.0' })
  let calls = 0
  server.registerTool('whoami', { description: 'Who calls, and how often in this session' }, ({ authInfo }) => ({
    content: [{ type: 'text', text: JSON.stringify({ user: authInfo?.extra?.['user'], calls: ++calls }) }]
  }))
  return server
}

/**
 * `/mcp` with sessions, as servers of the protocol before 2026-07-28 may keep them. The id of a session is no login: for whoever has another
 * grant than the one that began it, it does not exist.
 */
export async function mcp (app: FastifyInstance): Promise<void> {
  const sessions = new LRUCache<string, Session>({ max: 1000, ttl: 3_600_000, updateAgeOnGet: true, dispose: async ({ transport }) => { await transport.close() } })
  app.addHook('preClose', async () => { sessions.clear() })

  async function begin (grantId: string): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => { sessions.set(id, { transport, grantId }) },
      onsessionclosed: id => { sessions.delete(id) }
    })
    // Its own types are not as exact as ours ask for.
    await createServer().connect(transport as Parameters<McpServer['connect']>[0])
    return transport
  }

  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    handler: async (request, reply) => {
      const { grantId } = request.mcpOAuth
      const id = request.headers['mcp-session-id']
      const session = sessions.get(String(id))
      if (id !== undefined && (session === undefined || session.grantId !== grantId)) return await reply.code(404).send({ error: 'There is no such session' })
      const transport = session?.transport ?? await begin(grantId)
      reply.hijack()
      await transport.handleRequest(request.raw, reply.raw, request.body)
    }
  })
}
