import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { ClientDocumentError } from '../clients/client-document-error.ts'
import { OAuthError, StorageUnavailableError, TooManyRequestsError, type OAuthErrorCode } from '../errors.ts'
import { retryAfter } from '../guard/refusal.ts'
import { MissingTokenError } from '../guard/verify.ts'
import { challenge } from '../oauth/challenge.ts'
import { sendError, sendRefusal } from './reply.ts'

/** Translates whatever was thrown into the protocol's words; only our own fault is logged as an error. */
function translate (error: FastifyError, request: FastifyRequest, badRequest: OAuthErrorCode, contentType: string): OAuthError {
  if (error instanceof OAuthError) return error
  if (error instanceof StorageUnavailableError) {
    request.log.error({ err: error }, 'the storage is unavailable')
    return new OAuthError('temporarily_unavailable', 'The server can not answer at the moment')
  }
  const { statusCode = 500 } = error
  if (statusCode === 415) return new OAuthError(badRequest, `The body must be sent as ${contentType}`, { cause: error })
  if (statusCode === 413) return new OAuthError(badRequest, 'The body is too large', { cause: error, statusCode })
  // The app's own limits, which have set Retry-After.
  if (statusCode === 429) return new OAuthError('temporarily_unavailable', 'Too many requests came from this address', { cause: error, statusCode })
  if (statusCode < 500) return new OAuthError(badRequest, 'The request is malformed', { cause: error })
  request.log.error({ err: error }, 'a request failed')
  return new OAuthError('server_error', `Something went wrong here; the log has it under ${request.id}`, { cause: error })
}

function withRetryAfter (reply: FastifyReply, error: OAuthError): FastifyReply {
  if (error instanceof TooManyRequestsError) return reply.header('retry-after', error.retryAfter)
  return error.statusCode === 503 ? reply.header('retry-after', retryAfter) : reply
}

/** The challenge of the scheme that the caller used, or should have. RFC 6749 §5.2, RFC 6750 §3. */
function challengeOf (error: OAuthError, request: FastifyRequest, scopes: readonly string[]): string | undefined {
  if (error instanceof MissingTokenError) return challenge({ scopes })
  if (error.code === 'invalid_token' || error.code === 'insufficient_scope') {
    return challenge({ scopes, error: error.code, errorDescription: error.message })
  }
  return error.code === 'invalid_client' && request.headers.authorization !== undefined ? 'Basic realm="oauth"' : undefined
}

/**
 * For the endpoints that programs call.
 *
 * @param scopes what the endpoint asks of an access token
 */
export function jsonErrorHandler (badRequest: OAuthErrorCode, contentType: string, scopes: readonly string[] = []) {
  return async function handleError (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const refusal = translate(error, request, badRequest, contentType)
    request.log.info({ err: refusal }, 'request refused')
    const wanted = challengeOf(refusal, request, scopes)
    if (wanted !== undefined && !reply.hasHeader('www-authenticate')) reply.header('www-authenticate', wanted)
    return sendError(withRetryAfter(reply, refusal), refusal)
  }
}

const unreadableDocument = {
  title: 'The application can not be recognised',
  paragraphs: [
    'The document that describes the application can not be read, or is not valid.',
    'Try again in a few minutes. If that does not help, ask the people who make the application, or those who run this server.'
  ]
}

/** What a person can do about a registration that is gone: the client would come with it again and again. */
const lostRegistration = {
  title: 'This server does not know the application',
  paragraphs: [
    'The application is not registered here, or not any more. That happens when it was not used for a while, or when the server was set up anew.',
    'Remove the connector or server in the application and add it again: it then registers itself once more.'
  ]
}

/** For the endpoints that people see. */
export async function pageErrorHandler (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const refusal = translate(error, request, 'invalid_request', 'application/x-www-form-urlencoded')
  if (refusal.cause instanceof ClientDocumentError) return sendRefusal(request, reply, refusal, unreadableDocument)
  if (refusal.code === 'invalid_client') return sendRefusal(request, reply, refusal, lostRegistration)
  return sendRefusal(request, withRetryAfter(reply, refusal), refusal, {
    title: refusal.code === 'temporarily_unavailable' || refusal.statusCode >= 500 ? 'Please try again in a moment' : 'This request can not be answered',
    paragraphs: [`${refusal.message}.`, 'Go back to the application and connect once more.']
  })
}
