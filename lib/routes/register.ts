import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { reasonOf } from '../audit/reason.ts'
import { registerClient, type ClientInformation } from '../clients/registration.ts'
import { OAuthError } from '../errors.ts'
import { originOf } from '../guard/origin.ts'
import { equalStrings } from '../keys/secrets.ts'
import { parseBearer } from '../oauth/authorization-header.ts'
import type { AuthorizationServer } from '../server.ts'
import { sendJson } from './reply.ts'

/** RFC 7591 §3.2.2: whoever lacks an initial access token is answered by that token's own rules. */
function unauthorized (reply: FastifyReply, error: 'absent' | 'malformed' | 'wrong'): OAuthError {
  // RFC 6750 §3.1: no error code where none came.
  if (error === 'absent') reply.header('www-authenticate', 'Bearer realm="registration"')
  return new OAuthError('invalid_token', 'Registration needs an initial access token of the operator of this server', { cause: `it is ${error}` })
}

/** Whether the policy lets a request register at all, before its body is read. */
function requirePermission ({ options }: AuthorizationServer, request: FastifyRequest, reply: FastifyReply): void {
  const { mode, initialAccessTokens } = options.registration
  if (mode === 'open') return
  if (mode === 'closed') throw new OAuthError('access_denied', 'Registration is closed: ask the operator of this server for a client')
  const credentials = parseBearer(request.headers.authorization)
  if (typeof credentials === 'string') throw unauthorized(reply, credentials)
  if (!initialAccessTokens.some(token => equalStrings(token, credentials.token))) throw unauthorized(reply, 'wrong')
}

async function registered (server: AuthorizationServer, request: FastifyRequest, now: Date): Promise<ClientInformation> {
  const event = { type: 'client.registered', actor: { type: 'anonymous' }, ...originOf(request) } as const
  try {
    const client = await registerClient(server, request.body, now)
    const { client_id: clientId, client_name: name = null, redirect_uris: redirectUris } = client
    server.audit.record({ ...event, clientId, details: { name, redirectUris } })
    return client
  } catch (error) {
    if (error instanceof OAuthError) server.audit.record({ ...event, outcome: 'refused', reason: reasonOf(error) })
    throw error
  }
}

/** `POST /oauth/register`. RFC 7591 §3. */
export function registerRoute (app: FastifyInstance, server: AuthorizationServer): void {
  app.post(`${server.options.routePath}/register`, {
    onRequest: async (request, reply) => { requirePermission(server, request, reply) }
  }, async (request, reply) => sendJson(reply, 201, await registered(server, request, new Date())))
}
