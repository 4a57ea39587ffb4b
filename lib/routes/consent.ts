import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { approvedClient } from '../clients/approved-client.ts'
import { OAuthError } from '../errors.ts'
import { hashSecret, randomSecret } from '../keys/secrets.ts'
import { resolveRedirectUri } from '../oauth/authorization-request.ts'
import { parameter, parseParameters, requiredParameter } from '../oauth/parameters.ts'
import { leavingPage } from '../pages/message.ts'
import { ProviderError, type IdentityProvider } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import { formOf } from './body.ts'
import { openConsent, type ConsentRequest } from './consent-request.ts'
import { browserSecret, keepBrowserSecret } from './cookies.ts'
import { queryOf } from './query.ts'
import { sendProviderFailure } from './provider-failure.ts'
import { sendPage, sendRefusal, wayBack } from './reply.ts'
import { callbackUrl, transactionKey, unknownSignIn, upstreamSecrets } from './transaction.ts'

/** How long a sign-in at the provider may take, in milliseconds. */
const transactionLifetime = 600_000

function sendDenied (server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, consent: ConsentRequest): FastifyReply {
  const error = new OAuthError('access_denied', 'The request was denied', { statusCode: 200 })
  return sendRefusal(request, reply, error, {
    title: 'You denied the request',
    paragraphs: ['Nothing was shared. You can close this page.'],
    back: wayBack(server, consent, error)
  })
}

function chosenProvider (server: AuthorizationServer, id: string | undefined): IdentityProvider {
  const { providers } = server.options
  const [only, ...others] = providers.values()
  const provider = id === undefined && others.length === 0 ? only : providers.get(id ?? '')
  if (provider === undefined) throw new OAuthError('invalid_request', 'The sign-in that was chosen is not offered here')
  return provider
}

/** Stores the approved request as a transaction of this browser. The answer is its handle, the upstream `state`. */
async function begin (server: AuthorizationServer, browser: string, consent: ConsentRequest, provider: IdentityProvider, now: Date): Promise<string> {
  const handle = randomSecret()
  const { id, expiresAt, ...request } = consent
  const stored = await server.storage.createTransaction({
    ...transactionKey(browser, handle),
    ...request,
    consentHash: hashSecret(id),
    provider: provider.id,
    createdAt: now,
    expiresAt: new Date(now.getTime() + transactionLifetime)
  })
  if (!stored) throw new OAuthError('access_denied', 'This form was sent before')
  return handle
}

/** `POST /oauth/consent`: the decision. Only here, after an approval, does anything begin at a provider. */
function decisionRoute (app: FastifyInstance, server: AuthorizationServer): void {
  const { allowedRedirectUris, routePath } = server.options
  app.post(`${routePath}/consent`, async (request, reply) => {
    const now = new Date()
    const form = formOf(request)
    const consent = openConsent(server, browserSecret(server, request, 'consent'), requiredParameter(form, 'request'), parameter(form, 'csrf'), now)
    const client = await approvedClient(server, consent)
    resolveRedirectUri(consent.redirectUri, client.redirectUris, allowedRedirectUris)
    const decision = requiredParameter(form, 'decision')
    if (decision === 'deny') return sendDenied(server, request, reply, consent)
    if (decision !== 'allow') throw new OAuthError('invalid_request', 'The decision must be allow or deny')
    const provider = chosenProvider(server, parameter(parseParameters(queryOf(request)), 'provider') ?? parameter(form, 'provider'))
    const handle = await begin(server, keepBrowserSecret(server, request, reply, 'sign-in'), consent, provider, now)
    // 303, so that the browser leaves the form behind, to a page of our own: CSP's form-action covers the whole chain.
    return reply.header('cache-control', 'no-store').redirect(`${routePath}/consent?state=${handle}`, 303)
  })
}

/** `GET /oauth/consent`: the page between the form and the provider. */
function departureRoute (app: FastifyInstance, server: AuthorizationServer): void {
  const { providers, routePath, storage } = server.options
  app.get(`${routePath}/consent`, async (request, reply) => {
    const handle = requiredParameter(parseParameters(queryOf(request)), 'state')
    const browser = browserSecret(server, request, 'sign-in')
    const transaction = browser === undefined
      ? undefined
      : await storage.findTransaction({ ...transactionKey(browser, handle), now: new Date() })
    const provider = providers.get(transaction?.provider ?? '')
    if (browser === undefined || transaction === undefined || provider === undefined) throw unknownSignIn()
    const { nonce, codeChallenge } = upstreamSecrets(browser, handle, transaction.clientId)
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
      return sendPage(reply, 200, leavingPage(next, `Going to ${provider.name}`, `Continue to ${provider.name}`))
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
