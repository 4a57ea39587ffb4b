import type { FastifyInstance } from 'fastify'
import { jwksMaxAge } from '../keys/schedule.ts'
import { jwksPath } from '../oauth/metadata.ts'
import type { AuthorizationServer } from '../server.ts'

/** `GET /.well-known/jwks.json`. RFC 7517 §5. */
export function jwksRoute (app: FastifyInstance, server: AuthorizationServer): void {
  for (const path of new Set([jwksPath, server.options.issuerPath + jwksPath])) {
    app.get(path, async (_, reply) => reply
      .header('content-type', 'application/json; charset=utf-8')
      .header('cache-control', `public, max-age=${jwksMaxAge}`)
      .send(JSON.stringify({ keys: server.keys.publicKeys(new Date()) })))
  }
}
