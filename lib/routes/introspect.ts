import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../errors.ts'
import { introspect } from '../grants/introspection.ts'
import { joinFlow } from '../guard/flow-log.ts'
import { originOf } from '../guard/origin.ts'
import type { AuthorizationServer } from '../server.ts'
import { formOf } from './body.ts'
import { callerOf, ownToken } from './caller.ts'
import type { Limits } from './limits.ts'
import { sendJson } from './reply.ts'

/**
 * `POST /oauth/introspect`.
 *
 * @see [RFC 7662 §2](https://www.rfc-editor.org/rfc/rfc7662.html#section-2)
 */
export function introspectRoute (app: FastifyInstance, server: AuthorizationServer, limits: Limits): void {
  app.post(`${server.options.routePath}/introspect`, async (request, reply) => {
    const now = new Date()
    const form = formOf(request)
    const caller = await callerOf(server, request.headers.authorization, form, limits.guesses(request), originOf(request), now)
    // RFC 7662 §2.1: without authentication, whoever finds a string could try if it is a token.
    if (!caller.isAuthenticated) throw new OAuthError('invalid_client', 'Introspection needs a client secret or an access token', { cause: 'the client is public' })
    const record = await ownToken(server, caller, form, now)
    if (record !== undefined) joinFlow(request, reply, record.grant.id)
    const response = record === undefined ? { active: false } : await introspect(server, record, now)
    request.log.debug({ tokenId: record?.token.id, active: response.active }, 'a token was introspected')
    return sendJson(reply, 200, response)
  })
}
