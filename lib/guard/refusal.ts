import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError, StorageUnavailableError } from '../errors.ts'
import { challenge } from '../oauth/challenge.ts'
import { resourceMetadataUrl } from '../oauth/metadata.ts'
import { resourceScopes } from '../oauth/scope.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Access } from './access.ts'
import type { Requirement } from './requirement.ts'
import { InsufficientScopeError } from './judge.ts'
import { refusalReason } from './refusal-reason.ts'
import { DeadTokenError, MissingTokenError } from './verify.ts'

/** In seconds: when a client may ask again after the storage was down. */
export const retryAfter = 5

/** The id may be the caller's own, by the app's `requestIdHeader`: then it is named only where a description may hold it. RFC 6749 §5.2. */
export function brokenHere ({ id }: FastifyRequest): string {
  return `Something went wrong here${/^[!#-[\]-~]{1,100}$/.test(id) ? `; the log has it under ${id}` : ''}`
}

function send (reply: FastifyReply, statusCode: number, error: string, description: string): FastifyReply {
  // A string: the app's serializers and preSerialization hooks leave it alone.
  return reply.code(statusCode)
    .header('content-type', 'application/json; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(JSON.stringify({ error, error_description: description }))
}

/** What the app does with a refusal must not change it. */
async function tell ({ options }: AuthorizationServer, request: FastifyRequest, error: OAuthError): Promise<void> {
  try {
    await options.onRefused?.(request, error)
  } catch (failure) {
    request.log.error({ err: failure }, 'onRefused failed')
  }
}

/** The challenge that leads clients to the authorization server, where that can help. RFC 6750 §3, RFC 9728 §5.1. */
function challengeFor (error: OAuthError, { resource, offered }: Requirement): string | undefined {
  const resourceMetadata = resourceMetadataUrl(resource)
  if (error instanceof InsufficientScopeError) {
    return challenge({ error: 'insufficient_scope', resourceMetadata, scopes: error.scopes, errorDescription: error.message })
  }
  const scopes = resourceScopes(offered)
  if (error instanceof MissingTokenError) return challenge({ resourceMetadata, scopes })
  // Where signing in would change nothing, a challenge would only send clients round in circles.
  return error.statusCode === 401 ? challenge({ error: 'invalid_token', resourceMetadata, scopes, errorDescription: error.message }) : undefined
}

/** Answers a request that can't be judged. Never with a stack, never by letting it through. */
export function sendFailure ({ meter }: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  meter.refusal(refusalReason(error))
  request.log.error({ err: error }, 'access could not be checked')
  if (error instanceof StorageUnavailableError) {
    reply.header('retry-after', retryAfter)
    return send(reply, 503, 'temporarily_unavailable', 'Access can not be checked at the moment')
  }
  return send(reply, 500, 'server_error', brokenHere(request))
}

/** For the log: of which flow the token is. */
function flowOf (access: Access | undefined, error: OAuthError): { flowId?: string } {
  if (access !== undefined) return { flowId: access.grantId }
  return error instanceof DeadTokenError ? { flowId: error.record.grant.id } : {}
}

/** Answers a protected request that may not go on. */
export function refuse (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, error: unknown, requirement: Requirement, access?: Access
): FastifyReply {
  if (!(error instanceof OAuthError)) return sendFailure(server, request, reply, error)
  server.meter.refusal(refusalReason(error))
  request.log.info({ err: error, ...flowOf(access, error) }, 'access refused')
  tell(server, request, error)
  const challenged = challengeFor(error, requirement)
  if (challenged !== undefined) reply.header('www-authenticate', challenged)
  return send(reply, error.statusCode, error.code, error.message)
}

/** There is such a path, but no such method. RFC 9110 §15.5.6. */
export function sendMethodNotAllowed (reply: FastifyReply, methods: readonly string[]): FastifyReply {
  return send(reply.header('allow', methods.join(', ')), 405, 'invalid_request', 'The method is not allowed here')
}
