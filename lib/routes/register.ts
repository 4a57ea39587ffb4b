import type { FastifyInstance } from 'fastify'
import { registerClient } from '../clients/registration.ts'
import { clientMetadataSchema, withoutNulls, type ClientMetadata } from '../oauth/client-metadata.ts'
import type { AuthorizationServer } from '../server.ts'
import { sendJson } from './reply.ts'

/** `POST /oauth/register`. RFC 7591 §3. */
export function registerRoute (app: FastifyInstance, server: AuthorizationServer): void {
  app.post<{ Body: ClientMetadata }>(`${server.options.routePath}/register`, {
    schema: { body: clientMetadataSchema },
    preValidation: async request => { request.body = withoutNulls(request.body) as never }
  }, async (request, reply) => sendJson(reply, 201, await registerClient(server, request.body, new Date())))
}
