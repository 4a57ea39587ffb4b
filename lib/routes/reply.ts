import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OAuthError } from '../errors.ts'
import { authorizationResponseUri } from '../oauth/authorization-response.ts'
import type { Page } from '../pages/layout.ts'
import { messagePage, type MessageContent } from '../pages/message.ts'
import { wordsFor, type RefusalName, type Subject, type Words } from '../pages/words/index.ts'
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

/** Sends a page in the language that the browser likes best. */
export function sendPage (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, statusCode: number, build: (words: Words) => Page
): FastifyReply {
  const words = wordsFor(request.headers['accept-language'])
  return reply.code(statusCode).headers(server.pages.headers).send(server.pages.document(build(words), words))
}

/** Whether the caller is a program that can't read a page: some clients fetch these URLs themselves to see if they still work. */
function wantsJson (request: FastifyRequest): boolean {
  const accept = request.headers.accept ?? ''
  return accept.includes('application/json') && !accept.includes('text/html')
}

/** What is said about a refusal beside its words. */
export interface Refusal extends Pick<MessageContent, 'back' | 'detail' | 'steps'> {
  subject?: Partial<Subject>
  link?: { href: string, label: (words: Words) => string }
  retry?: Omit<NonNullable<MessageContent['retry']>, 'label'> & { label: (words: Words) => string }
}

/** Tells a person, or a program that asks for JSON, what went wrong. */
export function sendRefusal (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, error: OAuthError, page: RefusalName,
  { subject = {}, link, retry, ...others }: Refusal = {}
): FastifyReply {
  request.log.info({ err: error }, 'sign-in refused')
  if (wantsJson(request)) return sendError(reply, error)
  const about = { email: '', provider: '', host: new URL(server.options.issuer).host, ...subject }
  return sendPage(server, request, reply, error.statusCode, words => messagePage({
    ...words.refusals[page](about),
    ...others,
    ...link === undefined ? {} : { link: { href: link.href, label: link.label(words) } },
    ...retry === undefined ? {} : { retry: { ...retry, label: retry.label(words) } },
    reference: request.id
  }, words))
}

/** The link that takes an error back to the client. */
export function wayBack (server: AuthorizationServer, request: { redirectUri: string, state: string | null }, error: OAuthError): string {
  return authorizationResponseUri(request.redirectUri, {
    error: error.code, errorDescription: error.message, state: request.state, issuer: server.options.issuer
  })
}
