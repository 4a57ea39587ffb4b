import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authorizingClient, type AuthorizingClient } from '../clients/authorizing-client.ts'
import { OAuthError } from '../errors.ts'
import { earlierDecision } from '../grants/connections.ts'
import { joinFlow } from '../guard/flow-log.ts'
import { randomId } from '../keys/secrets.ts'
import { checkAuthorizationRequest, resolveRedirectUri, type AuthorizationRequest } from '../oauth/authorization-request.ts'
import { parameter, parseParameters, requiredParameter, type Parameters } from '../oauth/parameters.ts'
import { consentPage } from '../pages/consent.ts'
import type { AuthorizationServer } from '../server.ts'
import { keepBrowserSecret } from './cookies.ts'
import { knownUser } from './known-user.ts'
import { countedAddress } from './limits.ts'
import { queryOf } from './query.ts'
import { sendPage, sendRefusal, wayBack } from './reply.ts'
import { sealForm } from './sealed-form.ts'
import { flowOfForm } from './transaction.ts'

function checkedRequest (server: AuthorizationServer, parameters: Parameters, clientId: string, redirectUri: string): AuthorizationRequest {
  const { resource, resources } = server.options
  return checkAuthorizationRequest(parameters, clientId, redirectUri, { resources, defaultResource: resource })
}

async function sendConsent (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, client: AuthorizingClient, authorization: AuthorizationRequest
): Promise<FastifyReply> {
  const { providers, routePath, scopes } = server.options
  const now = new Date()
  const known = knownUser(server, request, now)
  const formId = randomId()
  joinFlow(request, reply, flowOfForm(formId))
  const { clientId, resource, scopes: asked } = authorization
  request.log.debug({ clientId, resource, scopes: asked }, 'consent is asked for')
  const content = {
    clientName: client.name,
    clientHost: client.document === null ? undefined : new URL(client.id).host,
    logo: client.logo,
    changes: client.changes,
    redirectUri: authorization.redirectUri,
    resource: authorization.resource,
    scopes: [...scopes].filter(([name]) => authorization.scopes.includes(name)).map(([name, words]) => ({ name, words })),
    earlier: known === undefined ? undefined : await earlierDecision(server, known, authorization, now),
    providers: [...providers.values()],
    form: {
      action: `${routePath}/consent`,
      ...sealForm(server, keepBrowserSecret(server, request, reply, 'consent'), 'consent', { ...authorization, clientDocument: client.document }, now, formId)
    }
  }
  return sendPage(server, request, reply, 200, words => consentPage(content, words))
}

/** `GET /oauth/authorize`: checks the request and asks the person. Changes nothing, so it can be open in many tabs. */
export function authorizeRoute (app: FastifyInstance, server: AuthorizationServer): void {
  app.get(`${server.options.routePath}/authorize`, { exposeHeadRoute: false }, async (request, reply) => {
    const parameters = parseParameters(queryOf(request))
    const client = await authorizingClient(server, requiredParameter(parameters, 'client_id'), countedAddress(request), new Date())
    if (client.failure !== undefined) request.log.warn({ err: client.failure, clientId: client.id }, 'the metadata document of a client can not be fetched; a copy serves')
    const redirectUri = resolveRedirectUri(parameter(parameters, 'redirect_uri'), client.redirectUris, server.options.allowedRedirectUris)
    try {
      return await sendConsent(server, request, reply, client, checkedRequest(server, parameters, client.id, redirectUri))
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      // Before anyone has signed in, a redirect would make an open redirector of us: OAuth 2.1 §7.12.2.
      const [state = null] = parameters.get('state') ?? []
      return sendRefusal(server, request, reply, error, 'badRequest', { detail: `${error.message}.`, back: wayBack(server, { redirectUri, state }, error) })
    }
  })
}
