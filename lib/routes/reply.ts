import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OAuthError } from '../errors.ts'
import { authorizationResponseUri } from '../oauth/authorization-response.ts'
import { pageHeaders } from '../pages/layout.ts'
import { messagePage, type MessageContent } from '../pages/message.ts'
import type { AuthorizationServer } from '../server.ts'

/** Sends JSON as a string, so that the app's serializers and `preSerialization` hooks leave it alone. */
export function sendJson (reply: FastifyReply, statusCode: number, body: object): FastifyReply {
  return reply.code(statusCode)
    .header('content-type', 'application/json; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(body))
}

/** RFC 6749 §5.2. */
export function sendError (reply: FastifyReply, error: OAuthError): FastifyReply {
  return sendJson(reply, error.statusCode, { error: error.code, error_description: error.message })
}

export function sendPage (reply: FastifyReply, statusCode: number, html: string): FastifyReply {
  return reply.code(statusCode).headers(pageHeaders).send(html)
}

/** Whether the caller is a program that can't read a page: some clients fetch these URLs themselves to see if they still work. */
function wantsJson (request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? ''
  return accept.includes('application/json') && !accept.includes('text/html')
}

/** Tells a person, or a program that asks for JSON, what went wrong. */
export function sendRefusal (
  request: FastifyRequest, reply: FastifyReply, error: OAuthError, content: Omit<MessageContent, 'reference'>
): FastifyReply {
  request.log.info({ err: error }, 'sign-in refused')
  if (wantsJson(request)) return sendError(reply, error)
  return sendPage(reply, error.statusCode, messagePage({ ...content, reference: request.id }))
}

/** The link that takes an error back to the client. */
export function wayBack (server: AuthorizationServer, request: { redirectUri: string, state: string | null }, error: OAuthError): string {
  return authorizationResponseUri(request.redirectUri, {
    error: error.code, errorDescription: error.message, state: request.state, issuer: server.options.issuer
  })
}
