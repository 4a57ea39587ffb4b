import type { FastifyInstance } from 'fastify'
import { authenticateClient } from '../clients/authentication.ts'
import { OAuthError } from '../errors.ts'
import { authorizationCodeGrant } from '../grants/authorization-code.ts'
import { refreshTokenGrant } from '../grants/refresh-token.ts'
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
    const grant = grantTypes.get(requiredParameter(form, 'grant_type'))
    if (grant === undefined) throw new OAuthError('unsupported_grant_type', 'The grant_type must be authorization_code or refresh_token')
    const client = await authenticateClient(server, request.headers.authorization, form, limits.guesses(request))
    return sendJson(reply, 200, await grant(server, client, form, new Date()))
  })
}
