import type { FastifyInstance, FastifyRequest } from 'fastify'
import { approvedClient } from '../clients/approved-client.ts'
import { OAuthError } from '../errors.ts'
import { flowIdOf, joinFlow } from '../guard/flow-log.ts'
import { originOf } from '../guard/origin.ts'
import { resolveRedirectUri } from '../oauth/authorization-request.ts'
import { parameter, parseParameters, requiredParameter } from '../oauth/parameters.ts'
import { leavingPage } from '../pages/message.ts'
import { ProviderError, type IdentityProvider } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import { formOf } from './body.ts'
import { browserSecret } from './cookies.ts'
import { queryOf } from './query.ts'
import { sendPage, sendRefusal, wayBack } from './reply.ts'
import { openForm } from './sealed-form.ts'
import { beginSignIn, chosenProvider, type ConsentRequest } from './sign-in.ts'
import { sendProviderFailure } from './sign-in-refusal.ts'
import { callbackUrl, flowOfForm, noSignIn, transactionKey, upstreamSecrets } from './transaction.ts'

/** Who decided is not known before the sign-in: the two have the flow in common. */
function recordDecision (
  server: AuthorizationServer, request: FastifyRequest, { clientId, redirectUri, resource, scopes }: ConsentRequest, grantId: string, type: 'consent.allowed' | 'consent.denied',
  provider?: IdentityProvider
): void {
  const details = { redirectUri, resource, scopes, provider: provider?.id ?? null }
  server.audit.record({ type, actor: { type: 'anonymous' }, clientId, grantId, ...originOf(request), outcome: type === 'consent.allowed' ? 'success' : 'refused', details })
}

/** `POST /oauth/consent`: the decision. Only here, after an approval, does anything begin at a provider. */
function decisionRoute (app: FastifyInstance, server: AuthorizationServer): void {
  const { allowedRedirectUris, routePath } = server.options
  app.post(`${routePath}/consent`, async (request, reply) => {
    const now = new Date()
    const form = formOf(request)
    const browser = browserSecret(server, request, 'consent')
    const { id, content: consent } = openForm<ConsentRequest>(server, browser, 'consent', requiredParameter(form, 'request'), parameter(form, 'csrf'), now)
    const flowId = flowOfForm(id)
    joinFlow(request, reply, flowId)
    const client = await approvedClient(server, consent)
    resolveRedirectUri(consent.redirectUri, client.redirectUris, allowedRedirectUris)
    const decision = requiredParameter(form, 'decision')
    if (decision === 'deny') {
      request.log.debug('consent was denied')
      recordDecision(server, request, consent, flowId, 'consent.denied')
      const error = new OAuthError('access_denied', 'The request was denied', { statusCode: 200 })
      return sendRefusal(server, request, reply, error, 'denied', { back: wayBack(server, consent, error) })
    }
    if (decision !== 'allow') throw new OAuthError('invalid_request', 'The decision must be allow or deny')
    const provider = chosenProvider(server, parameter(parseParameters(queryOf(request)), 'provider') ?? parameter(form, 'provider'))
    const begun = await beginSignIn(server, request, reply, provider, { kind: 'authorize', ...consent }, id, now)
    request.log.debug({ provider: provider.id }, 'consent was given')
    recordDecision(server, request, consent, flowId, 'consent.allowed', provider)
    return begun
  })
}

/** `GET /oauth/consent`: the page between a form and the provider, whatever the sign-in is for. */
function departureRoute (app: FastifyInstance, server: AuthorizationServer): void {
  const { providers, routePath, storage } = server.options
  app.get(`${routePath}/consent`, async (request, reply) => {
    const handle = requiredParameter(parseParameters(queryOf(request)), 'state')
    const browser = browserSecret(server, request, 'sign-in')
    const transaction = await storage.findTransaction({ ...transactionKey(browser, handle), now: new Date() })
    if (typeof transaction === 'string') throw noSignIn(transaction)
    joinFlow(request, reply, flowIdOf(transaction.consentHash))
    const provider = providers.get(transaction.provider)
    if (browser === undefined || provider === undefined) throw noSignIn('unknown')
    const { nonce, codeChallenge } = upstreamSecrets(browser, handle, transaction)
    try {
      const next = await provider.authorizationUrl({
        redirectUri: callbackUrl(server),
        state: handle,
        nonce,
        codeChallenge,
        prompts: transaction.prompts,
        maxAge: transaction.maxAge,
        loginHint: transaction.loginHint
      })
      request.log.debug({ provider: provider.id }, 'the browser is sent to the provider')
      return sendPage(server, request, reply, 200, ({ leaving }) => leavingPage(next, leaving.toProvider(provider.name), leaving.continueTo(provider.name)))
    } catch (error) {
      if (error instanceof ProviderError) return sendProviderFailure(server, request, reply, transaction, provider, error)
      throw error
    }
  })
}

export function consentRoutes (app: FastifyInstance, server: AuthorizationServer): void {
  decisionRoute(app, server)
  departureRoute(app, server)
}
