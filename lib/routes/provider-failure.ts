import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../errors.ts'
import type { IdentityProvider, ProviderError } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Transaction } from '../storage/records.ts'
import { retryAfter } from '../guard/refusal.ts'
import { sendRefusal, wayBack } from './reply.ts'

/** Tells that a provider failed, in our own words; what it said itself stays in the log. */
export function sendProviderFailure (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider, cause: ProviderError
): FastifyReply {
  const error = new OAuthError('temporarily_unavailable', 'The sign-in service did not answer as it should', { cause })
  request.log.error({ err: cause, provider: provider.id }, 'a provider failed')
  return sendRefusal(request, reply.header('retry-after', retryAfter), error, {
    title: `${provider.name} did not answer as it should`,
    paragraphs: ['Nothing is wrong with your account. Go back and try again in a moment.'],
    back: wayBack(server, transaction, error)
  })
}
