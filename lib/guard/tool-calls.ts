import type { FastifyRequest } from 'fastify'

/** The tools that a JSON-RPC message calls: one, or none. `malformed` for what JSON-RPC knows no such message of. */
function callOf (message: unknown): readonly string[] | 'malformed' {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return 'malformed'
  const { jsonrpc, method, params, result, error }: Record<string, unknown> = { ...message }
  if (jsonrpc !== '2.0') return 'malformed'
  // An answer of the client to a request of the server.
  if (method === undefined) return result === undefined && error === undefined ? 'malformed' : []
  if (typeof method !== 'string') return 'malformed'
  if (method !== 'tools/call') return []
  const { name }: { name?: unknown } = Object(params)
  return typeof name === 'string' ? [name] : 'malformed'
}

/**
 * The tools that a message or a batch calls. Headers that name others (`Mcp-Name`) have no say.
 *
 * @returns `malformed` where that can't be told: then nothing may run.
 * @see [JSON-RPC 2.0](https://www.jsonrpc.org/specification)
 */
export function toolCalls (body: unknown): readonly string[] | 'malformed' {
  const messages: readonly unknown[] = Array.isArray(body) ? body : [body]
  const calls = messages.map(callOf)
  if (calls.length === 0 || calls.includes('malformed')) return 'malformed'
  return calls.flat()
}

/** Opening a stream or ending a session calls nothing. */
const silentMethods = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS'])

/** Whether there is nothing to read for the handler either. Fastify leaves what such a method brings unparsed. */
function isSilent ({ method, headers, raw }: FastifyRequest): boolean {
  const { stream }: { stream?: { endAfterHeaders?: boolean } } = Object(raw)
  return silentMethods.has(method) &&
    headers['transfer-encoding'] === undefined &&
    Number(headers['content-length'] ?? 0) === 0 &&
    // HTTP/2 says neither.
    stream?.endAfterHeaders !== false
}

/** The tools that a request calls, once its body is parsed. */
export function callsOf (request: FastifyRequest): readonly string[] | 'malformed' {
  return request.body === undefined && isSilent(request) ? [] : toolCalls(request.body)
}
