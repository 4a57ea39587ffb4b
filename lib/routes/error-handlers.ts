import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { ClientDocumentError } from '../clients/client-document-error.ts'
import { OAuthError, StorageUnavailableError, TooManyRequestsError, type OAuthErrorCode } from '../errors.ts'
import { brokenHere, retryAfter } from '../guard/refusal.ts'
import { MissingTokenError } from '../guard/verify.ts'
import { RedirectUriError } from '../oauth/authorization-request.ts'
import { challenge } from '../oauth/challenge.ts'
import type { RefusalName } from '../pages/words/index.ts'
import type { AuthorizationServer } from '../server.ts'
import { PageError } from './page-error.ts'
import { sendError, sendRefusal, type Refusal } from './reply.ts'

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
  return new OAuthError('server_error', brokenHere(request), { cause: error })
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

/** What a page says about a refusal, and besides. */
function wordsOf (refusal: OAuthError): [page: RefusalName, besides: Refusal] {
  if (refusal instanceof PageError) return [refusal.page, { subject: refusal.subject }]
  if (refusal.cause instanceof ClientDocumentError) return ['unreadableDocument', {}]
  if (refusal instanceof RedirectUriError) return ['wrongRedirect', { steps: true }]
  // The client would come with its lost registration again and again.
  if (refusal.code === 'invalid_client') return ['unknownClient', { steps: true }]
  if (refusal.statusCode === 429) return ['rateLimited', {}]
  if (refusal.statusCode === 503) return ['unavailable', {}]
  return refusal.statusCode >= 500 ? ['serverError', {}] : ['malformed', { detail: refusal.message }]
}

/** The way back to a page of ours, for what was refused there. */
function wayToOwnPage ({ options: { routePath } }: AuthorizationServer, { routeOptions: { url = '' } }: FastifyRequest): Pick<Refusal, 'link'> {
  if (url.startsWith(`${routePath}/admin`)) return { link: { href: `${routePath}/admin`, label: ({ admin }) => admin.back } }
  return url.startsWith(`${routePath}/account`) ? { link: { href: `${routePath}/account`, label: ({ account }) => account.back } } : {}
}

/** For the endpoints that people see. */
export function pageErrorHandler (server: AuthorizationServer) {
  return async function handleError (error: FastifyError, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const refusal = translate(error, request, 'invalid_request', 'application/x-www-form-urlencoded')
    const [page, besides] = wordsOf(refusal)
    try {
      return sendRefusal(server, request, withRetryAfter(reply, refusal), refusal, page, { ...besides, ...wayToOwnPage(server, request) })
    } catch (failure) {
      // The deployer's own `render`: there is no page left that could say so.
      request.log.error({ err: failure }, 'a page can not be made')
      return sendError(reply, refusal)
    }
  }
}
