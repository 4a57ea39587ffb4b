import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../errors.ts'
import { userClaims } from '../grants/user-claims.ts'
import { joinFlow } from '../guard/flow-log.ts'
import { verifyBearer } from '../guard/verify.ts'
import type { AuthorizationServer } from '../server.ts'
import { sendJson } from './reply.ts'

/** What the endpoint asks of an access token. OpenID Connect Core §5.3. */
export const userinfoScopes: readonly string[] = ['openid']

/**
 * `GET` and `POST /oauth/userinfo`: who the bearer of an access token is, as the row has it now.
 *
 * @see [OpenID Connect Core §5.3](https://openid.net/specs/openid-connect-core-1_0.html#UserInfo)
 */
export function userinfoRoute (app: FastifyInstance, server: AuthorizationServer): void {
  app.route({
    method: ['GET', 'POST'],
    url: `${server.options.routePath}/userinfo`,
    async handler (request, reply) {
      const { record: { grant, token: { scopes } }, user } = await verifyBearer(server, request.headers.authorization, new Date())
      joinFlow(request, reply, grant.id)
      if (!userinfoScopes.every(scope => scopes.includes(scope))) {
        throw new OAuthError('insufficient_scope', 'The access token does not cover the scope openid')
      }
      return sendJson(reply, 200, userClaims(user, scopes))
    }
  })
}
