import type { FastifyInstance } from 'fastify'
import { revoke } from '../grants/revocation.ts'
import { joinFlow } from '../guard/flow-log.ts'
import { originOf } from '../guard/origin.ts'
import type { AuthorizationServer } from '../server.ts'
import { formOf } from './body.ts'
import { callerOf, ownToken } from './caller.ts'
import type { Limits } from './limits.ts'

/**
 * `POST /oauth/revoke`. 200 also for what is no token of the caller's: it is an invalid one to it, there is nothing that it could do
 * about an error, and an error would tell a thief that the token lives.
 *
 * @see [RFC 7009 §2.2](https://www.rfc-editor.org/rfc/rfc7009.html#section-2.2)
 */
export function revokeRoute (app: FastifyInstance, server: AuthorizationServer, limits: Limits): void {
  app.post(`${server.options.routePath}/revoke`, async (request, reply) => {
    const now = new Date()
    const form = formOf(request)
    const origin = originOf(request)
    const caller = await callerOf(server, request.headers.authorization, form, limits.guesses(request), origin, now)
    const record = await ownToken(server, caller, form, now)
    if (record !== undefined) {
      joinFlow(request, reply, record.grant.id)
      await revoke(server, record, { actor: caller.actor, ...origin }, now)
    }
    request.log.info({ tokenId: record?.token.id }, record === undefined ? 'nothing to revoke' : 'token revoked')
    return reply.code(200).header('cache-control', 'no-store').send()
  })
}
