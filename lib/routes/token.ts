import type { FastifyInstance } from 'fastify'
import { reasonOf } from '../audit/reason.ts'
import { authenticateClient } from '../clients/authentication.ts'
import { OAuthError } from '../errors.ts'
import { authorizationCodeGrant } from '../grants/authorization-code.ts'
import { refreshTokenGrant } from '../grants/refresh-token.ts'
import { joinFlow } from '../guard/flow-log.ts'
import { originOf } from '../guard/origin.ts'
import { requiredParameter } from '../oauth/parameters.ts'
import type { AuthorizationServer } from '../server.ts'
import { formOf } from './body.ts'
import type { Limits } from './limits.ts'
import { sendJson } from './reply.ts'

/** A Map: the name comes from outside. */
const grantTypes = new Map([
  ['authorization_code', authorizationCodeGrant],
  ['refresh_token', refreshTokenGrant]
])

/** `POST /oauth/token`. OAuth 2.1 §3.2. */
export function tokenRoute (app: FastifyInstance, server: AuthorizationServer, limits: Limits): void {
  app.post(`${server.options.routePath}/token`, async (request, reply) => {
    const form = formOf(request)
    const origin = originOf(request)
    const grant = grantTypes.get(requiredParameter(form, 'grant_type'))
    if (grant === undefined) throw new OAuthError('unsupported_grant_type', 'The grant_type must be authorization_code or refresh_token')
    const client = await authenticateClient(server, request.headers.authorization, form, limits.guesses(request), origin)
    let grantId: string | undefined
    const concerns = (id: string): void => {
      grantId = id
      joinFlow(request, reply, id)
    }
    try {
      const response = await grant(server, client, form, { origin, concerns }, new Date())
      request.log.debug({ clientId: client.id, scope: response.scope }, 'tokens were issued')
      return sendJson(reply, 200, response)
    } catch (error) {
      const event = { type: 'token.refused', actor: { type: 'client', id: client.id }, clientId: client.id, ...grantId !== undefined && { grantId }, ...origin } as const
      if (error instanceof OAuthError) server.audit.record({ ...event, outcome: 'refused', reason: reasonOf(error) })
      throw error
    }
  })
}
