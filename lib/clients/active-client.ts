import { OAuthError } from '../errors.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Client } from '../storage/types.ts'

/** The client that asks, if it may. Nobody is sent anywhere before this holds. OAuth 2.1 §4.1.2.1. */
export async function activeClient (server: AuthorizationServer, clientId: string): Promise<Client> {
  const client = await server.storage.findClient(clientId)
  if (client?.active === true) return client
  throw new OAuthError('invalid_client', 'The application is not registered here, or not any more', {
    statusCode: 400, cause: client === undefined ? 'the client is unknown' : 'the client is deactivated'
  })
}
