import type { FastifyReply, FastifyRequest } from 'fastify'

const allowedHeaders = 'Authorization, Content-Type, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Mcp-Session-Id, Last-Event-ID'

/** A browser's question before the real request. It can't carry a token. Fetch §4.8 "CORS-preflight fetch". */
export function isPreflight (request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' &&
    request.headers.origin !== undefined &&
    request.headers['access-control-request-method'] !== undefined
}

/** Answers it without the route's handler: with `app.all` that would run unauthenticated. Credentials are never allowed. */
export function answerPreflight (reply: FastifyReply, methods: readonly string[]): FastifyReply {
  return reply.code(204)
    .header('access-control-allow-origin', '*')
    .header('access-control-allow-methods', methods.join(', '))
    .header('access-control-allow-headers', allowedHeaders)
    .send()
}
