import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { authorizingClient, type AuthorizingClient } from '../clients/authorizing-client.ts'
import { OAuthError } from '../errors.ts'
import { checkAuthorizationRequest, resolveRedirectUri, type AuthorizationRequest } from '../oauth/authorization-request.ts'
import { parameter, parseParameters, requiredParameter, type Parameters } from '../oauth/parameters.ts'
import { consentPage } from '../pages/consent.ts'
import type { AuthorizationServer } from '../server.ts'
import { keepBrowserSecret } from './cookies.ts'
import { sealConsent } from './consent-request.ts'
import { queryOf } from './query.ts'
import { sendPage, sendRefusal, wayBack } from './reply.ts'

function checkedRequest (server: AuthorizationServer, parameters: Parameters, clientId: string, redirectUri: string): AuthorizationRequest {
  const { resource, resources } = server.options
  return checkAuthorizationRequest(parameters, clientId, redirectUri, { resources, defaultResource: resource })
}

function sendConsent (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, client: AuthorizingClient, authorization: AuthorizationRequest
): FastifyReply {
  const { providers, routePath, scopes } = server.options
  const browser = keepBrowserSecret(server, request, reply, 'consent')
  return sendPage(reply, 200, consentPage({
    clientName: client.name,
    clientHost: client.document === null ? undefined : new URL(client.id).host,
    changes: client.changes,
    redirectUri: authorization.redirectUri,
    resource: authorization.resource,
    permissions: [...scopes].filter(([scope]) => authorization.scopes.includes(scope)).map(([, words]) => words),
    providers: [...providers.values()],
    action: `${routePath}/consent`,
    ...sealConsent(server, browser, { ...authorization, clientDocument: client.document }, new Date())
  }))
}

/** `GET /oauth/authorize`: checks the request and asks the person. Changes nothing, so it can be open in many tabs. */
export function authorizeRoute (app: FastifyInstance, server: AuthorizationServer): void {
  app.get(`${server.options.routePath}/authorize`, { exposeHeadRoute: false }, async (request, reply) => {
    const parameters = parseParameters(queryOf(request))
    const client = await authorizingClient(server, requiredParameter(parameters, 'client_id'), new Date())
    if (client.failure !== undefined) request.log.warn({ err: client.failure, clientId: client.id }, 'the metadata document of a client can not be fetched; a copy serves')
    const redirectUri = resolveRedirectUri(parameter(parameters, 'redirect_uri'), client.redirectUris, server.options.allowedRedirectUris)
    try {
      return sendConsent(server, request, reply, client, checkedRequest(server, parameters, client.id, redirectUri))
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
      // Before anyone has signed in, a redirect would make an open redirector of us: OAuth 2.1 §7.12.2.
      const [state = null] = parameters.get('state') ?? []
      return sendRefusal(request, reply, error, {
        title: 'The application asked for something that is not possible here',
        paragraphs: [`${error.message}.`],
        back: wayBack(server, { redirectUri, state }, error)
      })
    }
  })
}
