import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { keepClient } from '../clients/approved-client.ts'
import { OAuthError } from '../errors.ts'
import { createGrant } from '../grants/grant.ts'
import { admit, authenticationTime, type Admission } from '../grants/sign-in.ts'
import { isRecentEnough } from '../oauth/authentication-request.ts'
import { authorizationResponseUri } from '../oauth/authorization-response.ts'
import { parameter, parseParameters, requiredParameter } from '../oauth/parameters.ts'
import { isWebUri } from '../oauth/redirect-uri.ts'
import { leavingPage } from '../pages/message.ts'
import { admissionWords } from '../pages/sign-in-refusals.ts'
import { ProviderError, type IdentityProvider } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Transaction } from '../storage/records.ts'
import { browserSecret } from './cookies.ts'
import { sendProviderFailure } from './provider-failure.ts'
import { queryOf } from './query.ts'
import { sendPage, sendRefusal, wayBack } from './reply.ts'
import { callbackUrl, transactionKey, unknownSignIn, upstreamSecrets } from './transaction.ts'

type Refused = Exclude<Admission, { user: unknown }>

/** The provider's own words never reach the page: they may be anybody's. */
function sendNotSignedIn (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider
): FastifyReply {
  const error = new OAuthError('access_denied', 'The sign-in was not completed', { cause: `${provider.id} answered with an error` })
  return sendRefusal(request, reply, error, {
    title: 'You did not sign in',
    paragraphs: [`The sign-in at ${provider.name} was not completed. Go back to try again.`],
    back: wayBack(server, transaction, error)
  })
}

function sendNotAdmitted (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider, refused: Refused
): FastifyReply {
  const { refusal, email = '', userIds } = refused
  if (refusal === 'ambiguous') request.log.warn({ userIds }, 'an e-mail stands on the whitelist in two spellings: remove all rows but one')
  const error = new OAuthError('access_denied', 'The user has no access here', { cause: refusal })
  return sendRefusal(request, reply, error, {
    ...admissionWords(refusal, email, provider.name, new URL(server.options.issuer).host),
    back: wayBack(server, transaction, error)
  })
}

/** The provider has taken a sign-in of before, though the client wants a new one. OpenID Connect Core §3.1.2.6. */
function sendNotRecent (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider
): FastifyReply {
  const error = new OAuthError('login_required', 'The user has to sign in again', { cause: `${provider.id} took an earlier sign-in` })
  return sendRefusal(request, reply, error, {
    title: 'Please sign in again',
    paragraphs: [`The application asks for a more recent sign-in than yours at ${provider.name}. Sign out there, then go back and try again.`],
    back: wayBack(server, transaction, error)
  })
}

/** To the client: by a redirect, or from a page of ours where the browser may not follow one to an app. */
function sendToClient (reply: FastifyReply, redirectUri: string, uri: string): FastifyReply {
  if (!isWebUri(redirectUri)) return sendPage(reply, 200, leavingPage(uri, 'You are signed in', 'Return to the application'))
  return reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(uri, 302)
}

/** `GET /oauth/callback`: the provider's answer, in the browser that approved and in no other. */
export function callbackRoute (app: FastifyInstance, server: AuthorizationServer): void {
  const { issuer, providers, routePath, storage } = server.options
  app.get(`${routePath}/callback`, { exposeHeadRoute: false }, async (request, reply) => {
    const now = new Date()
    const parameters = parseParameters(queryOf(request))
    const handle = requiredParameter(parameters, 'state')
    const upstreamError = parameter(parameters, 'error')
    const upstreamIssuer = parameter(parameters, 'iss')
    const upstreamCode = parameter(parameters, 'code')
    const browser = browserSecret(server, request, 'sign-in')
    if (browser === undefined) throw unknownSignIn()
    const transaction = await storage.consumeTransaction({ ...transactionKey(browser, handle), now })
    const provider = providers.get(transaction?.provider ?? '')
    if (transaction === undefined || provider === undefined) throw unknownSignIn()
    if (upstreamError !== undefined || upstreamCode === undefined) return sendNotSignedIn(server, request, reply, transaction, provider)
    try {
      const identity = await provider.identify({
        redirectUri: callbackUrl(server),
        code: upstreamCode,
        issuer: upstreamIssuer,
        ...upstreamSecrets(browser, handle, transaction.clientId)
      })
      const authenticatedAt = authenticationTime(identity, now)
      if (!isRecentEnough(transaction, authenticatedAt, transaction.createdAt)) return sendNotRecent(server, request, reply, transaction, provider)
      const admission = await admit(server, provider, identity, now)
      if ('refusal' in admission) return sendNotAdmitted(server, request, reply, transaction, provider, admission)
      // It may have been deactivated, or its row removed, while the person was away.
      await keepClient(server, transaction, now)
      const code = await createGrant(server, { ...transaction, authenticatedAt }, admission.user, admission.email, now)
      return sendToClient(reply, transaction.redirectUri, authorizationResponseUri(transaction.redirectUri, { code, state: transaction.state, issuer }))
    } catch (error) {
      if (error instanceof ProviderError) return sendProviderFailure(server, request, reply, transaction, provider, error)
      throw error
    }
  })
}
