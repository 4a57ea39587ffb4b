import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { keepClient } from '../clients/approved-client.ts'
import { createGrant } from '../grants/grant.ts'
import { admit, authenticationTime } from '../grants/sign-in.ts'
import { flowIdOf, joinFlow } from '../guard/flow-log.ts'
import { originOf } from '../guard/origin.ts'
import { isRecentEnough } from '../oauth/authentication-request.ts'
import { authorizationResponseUri } from '../oauth/authorization-response.ts'
import { parameter, parseParameters, requiredParameter } from '../oauth/parameters.ts'
import { isWebUri } from '../oauth/redirect-uri.ts'
import { leavingPage } from '../pages/message.ts'
import { ProviderError, type Identity, type IdentityProvider } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import type { AuthorizeTransaction, Transaction, User } from '../storage/records.ts'
import { browserSecret } from './cookies.ts'
import { rememberUser } from './known-user.ts'
import { queryOf } from './query.ts'
import { recordSignIn } from './record-sign-in.ts'
import { sendPage } from './reply.ts'
import { beginSession } from './session.ts'
import { sendNotAdmitted, sendNotRecent, sendNotSignedIn, sendProviderFailure } from './sign-in-refusal.ts'
import { callbackUrl, noSignIn, transactionKey, upstreamSecrets } from './transaction.ts'

/** A person who signed in and may come in. */
interface SignedIn {
  user: User
  email: string
  identity: Identity
}

/** To the client: by a redirect, or from a page of ours where the browser may not follow one to an app. */
function sendToClient (server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, redirectUri: string, uri: string): FastifyReply {
  if (!isWebUri(redirectUri)) return sendPage(server, request, reply, 200, ({ leaving }) => leavingPage(uri, leaving.signedIn, leaving.toApp, leaving.close))
  return reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(uri, 302)
}

async function giveCode (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: AuthorizeTransaction, { user, email, identity }: SignedIn, now: Date
): Promise<FastifyReply> {
  // It may have been deactivated, or its row removed, while the person was away.
  await keepClient(server, transaction, now)
  recordSignIn(server, request, transaction, { type: 'sign-in.allowed', outcome: 'success', email, userId: user.id })
  server.meter.signIn(transaction.provider, 'admitted')
  const approval = { ...transaction, grantId: flowIdOf(transaction.consentHash), authenticatedAt: authenticationTime(identity, now) }
  const code = await createGrant(server, approval, user, email, originOf(request), now)
  request.log.debug({ userId: user.id }, 'a code was issued')
  rememberUser(server, reply, user.id, email, now)
  const { redirectUri, state } = transaction
  return sendToClient(server, request, reply, redirectUri, authorizationResponseUri(redirectUri, { code, state, issuer: server.options.issuer }))
}

/** What a sign-in was for is in its transaction: one kind never completes another. */
async function complete (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider, identity: Identity, now: Date
): Promise<FastifyReply> {
  if (!isRecentEnough(transaction, authenticationTime(identity, now), transaction.createdAt)) return sendNotRecent(server, request, reply, transaction, provider)
  const admission = await admit(server, provider, identity, now)
  if ('refusal' in admission) return sendNotAdmitted(server, request, reply, transaction, provider, admission)
  if (transaction.kind === 'authorize') return await giveCode(server, request, reply, transaction, { ...admission, identity }, now)
  if (transaction.kind === 'admin' && admission.user.role !== 'admin') {
    return sendNotAdmitted(server, request, reply, transaction, provider, { refusal: 'notAdmin', email: admission.email })
  }
  return await beginSession(server, request, reply, transaction, { ...admission, identity }, now)
}

/** `GET /oauth/callback`: the provider's answer, in the browser that approved and in no other. */
export function callbackRoute (app: FastifyInstance, server: AuthorizationServer): void {
  const { providers, routePath, storage } = server.options
  app.get(`${routePath}/callback`, { exposeHeadRoute: false }, async (request, reply) => {
    const now = new Date()
    const parameters = parseParameters(queryOf(request))
    const handle = requiredParameter(parameters, 'state')
    const upstreamError = parameter(parameters, 'error')
    const issuer = parameter(parameters, 'iss')
    const code = parameter(parameters, 'code')
    const browser = browserSecret(server, request, 'sign-in')
    const transaction = await storage.consumeTransaction({ ...transactionKey(browser, handle), now })
    if (typeof transaction === 'string') throw noSignIn(transaction)
    joinFlow(request, reply, flowIdOf(transaction.consentHash))
    request.log.debug({ provider: transaction.provider }, 'the browser is back from the provider')
    const provider = providers.get(transaction.provider)
    if (browser === undefined || provider === undefined) throw noSignIn('unknown')
    if (upstreamError !== undefined || code === undefined) return sendNotSignedIn(server, request, reply, transaction, provider)
    try {
      const identity = await provider.identify({ redirectUri: callbackUrl(server), code, issuer, ...upstreamSecrets(browser, handle, transaction) })
      request.log.debug('the provider told who signed in')
      return await complete(server, request, reply, transaction, provider, identity, now)
    } catch (error) {
      if (error instanceof ProviderError) return sendProviderFailure(server, request, reply, transaction, provider, error)
      throw error
    }
  })
}
