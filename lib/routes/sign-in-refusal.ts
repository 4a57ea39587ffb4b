import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../errors.ts'
import type { AdmissionRefusal } from '../grants/sign-in.ts'
import { retryAfter } from '../guard/refusal.ts'
import { randomId } from '../keys/secrets.ts'
import type { RefusalName, Words } from '../pages/words/index.ts'
import type { IdentityProvider, ProviderError } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import type { AuthorizeTransaction, Transaction } from '../storage/records.ts'
import { keepBrowserSecret } from './cookies.ts'
import { recordSignIn } from './record-sign-in.ts'
import { sendRefusal, wayBack, type Refusal } from './reply.ts'
import { sealForm } from './sealed-form.ts'
import type { ConsentRequest } from './sign-in.ts'
import { flowOfForm } from './transaction.ts'

/** What the person had allowed, to be allowed once more by another click. */
function requestOf (transaction: AuthorizeTransaction, otherAccount: boolean): ConsentRequest {
  const { clientId, clientDocument, redirectUri, state, scopes, resource, codeChallenge, nonce, prompts, maxAge, loginHint } = transaction
  return {
    clientId,
    clientDocument,
    redirectUri,
    state,
    scopes,
    resource,
    codeChallenge,
    nonce,
    maxAge,
    prompts: otherAccount ? [...new Set([...prompts, 'select_account' as const])] : prompts,
    loginHint: otherAccount ? null : loginHint
  }
}

/** The ways on from a sign-in that came to nothing: once more, and back. */
function waysOn (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, error: OAuthError, otherAccount: boolean
): Pick<Refusal, 'back' | 'retry' | 'link'> {
  const label = ({ tryAgain, useAnotherAccount }: Words) => otherAccount ? useAnotherAccount : tryAgain
  const { providers, routePath } = server.options
  if (transaction.kind !== 'authorize') return { link: { href: `${routePath}/${transaction.kind}`, label } }
  const browser = keepBrowserSecret(server, request, reply, 'consent')
  const formId = randomId()
  request.log.debug({ nextFlowId: flowOfForm(formId) }, 'consent is asked for once more')
  return {
    back: wayBack(server, transaction, error),
    retry: {
      form: { action: `${routePath}/consent`, ...sealForm(server, browser, 'consent', requestOf(transaction, otherAccount), new Date(), formId) },
      providers: [...providers.values()],
      label
    }
  }
}

interface Refused { error: OAuthError, page: RefusalName, email?: string, otherAccount?: boolean }

function sendSignInRefusal (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider,
  { error, page, email = '', otherAccount = false }: Refused
): FastifyReply {
  return sendRefusal(server, request, reply, error, page, {
    subject: { provider: provider.name, email },
    ...waysOn(server, request, reply, transaction, error, otherAccount)
  })
}

/** Tells that a provider failed, in our own words; what it said itself stays in the log. */
export function sendProviderFailure (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider, cause: ProviderError
): FastifyReply {
  const error = new OAuthError('temporarily_unavailable', 'The sign-in service did not answer as it should', { cause })
  recordSignIn(server, request, transaction, { type: 'sign-in.failed', outcome: 'failed', reason: `the provider failed: ${cause.reason}` })
  server.meter.signIn(provider.id, `provider-${cause.reason}`)
  request.log.error({ err: cause, provider: provider.id }, 'a provider failed')
  return sendSignInRefusal(server, request, reply.header('retry-after', retryAfter), transaction, provider, { error, page: 'providerDown' })
}

/** The provider's own words never reach the page: they may be anybody's. */
export function sendNotSignedIn (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider
): FastifyReply {
  recordSignIn(server, request, transaction, { type: 'sign-in.failed', outcome: 'failed', reason: 'the provider answered with an error' })
  server.meter.signIn(provider.id, 'not-completed')
  const error = new OAuthError('access_denied', 'The sign-in was not completed', { cause: `${provider.id} answered with an error` })
  return sendSignInRefusal(server, request, reply, transaction, provider, { error, page: 'notSignedIn' })
}

/** The provider has taken a sign-in of before, though a new one is wanted. OpenID Connect Core §3.1.2.6. */
export function sendNotRecent (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider
): FastifyReply {
  recordSignIn(server, request, transaction, { type: 'sign-in.refused', outcome: 'refused', reason: 'the sign-in was not recent enough' })
  server.meter.signIn(provider.id, 'not-recent')
  const error = new OAuthError('login_required', 'The user has to sign in again', { cause: `${provider.id} took an earlier sign-in` })
  return sendSignInRefusal(server, request, reply, transaction, provider, { error, page: 'notRecent' })
}

/** Who signed in is not one of those who may. */
export function sendNotAdmitted (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: Transaction, provider: IdentityProvider,
  { refusal, email, userIds = [] }: { refusal: AdmissionRefusal | 'notAdmin', email: string | undefined, userIds?: readonly string[] }
): FastifyReply {
  if (refusal === 'ambiguous') request.log.warn({ userIds }, 'an e-mail stands on the whitelist in two spellings: remove all rows but one')
  server.meter.signIn(provider.id, refusal === 'notAdmin' ? 'not-admin' : refusal)
  const [userId, ...others] = userIds
  recordSignIn(server, request, transaction, {
    type: 'sign-in.refused', outcome: 'refused', reason: refusal, email, ...userId !== undefined && others.length === 0 && { userId }
  })
  const error = new OAuthError('access_denied', 'The user has no access here', { cause: refusal })
  return sendSignInRefusal(server, request, reply, transaction, provider, { error, page: refusal, otherAccount: true, ...email !== undefined && { email } })
}
