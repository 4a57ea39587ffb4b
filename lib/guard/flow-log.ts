import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'

/**
 * A flow is what begins with a consent page and goes on, by one grant, for as long as its tokens live. Its id is the id of the grant that it
 * leads to, known before there is one: the start of the hash that makes the page's form count once.
 */
export function flowIdOf (consentHash: string): string {
  return consentHash.slice(0, 22)
}

/** From here on, whatever is logged of a request names its flow: also that it is over. */
export function joinFlow (request: FastifyRequest, reply: FastifyReply, flowId: string): void {
  const log = request.log.child({ flowId })
  request.log = log
  reply.log = log
}

/** Headers whose values may be read by whoever reads the log. All others, known today or not, may hold a secret. */
const readable: ReadonlySet<string> = new Set([
  'accept', 'accept-encoding', 'accept-language', 'access-control-request-headers', 'access-control-request-method', 'cache-control', 'connection',
  'content-length', 'content-type', 'forwarded', 'host', 'mcp-protocol-version', 'origin', 'sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'sec-fetch-user',
  'user-agent', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto'
])

export function isDebugging ({ level }: FastifyBaseLogger): boolean {
  return level === 'debug' || level === 'trace'
}

/** At debug: what headers a request has. */
export function logHeaders (request: FastifyRequest): void {
  if (!isDebugging(request.log)) return
  const headers = Object.entries(request.headers).map(([name, value]) => [name, readable.has(name) ? value : '[redacted]'])
  request.log.debug({ headers: Object.fromEntries(headers) }, 'headers of a request')
}
