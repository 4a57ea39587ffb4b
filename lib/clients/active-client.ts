import { OAuthError } from '../errors.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Client } from '../storage/records.ts'

/** Nobody may be sent anywhere then. OAuth 2.1 §4.1.2.1. */
export function unknownClient (cause: string): OAuthError {
  return new OAuthError('invalid_client', 'The application is not registered here, or not any more', { statusCode: 400, cause })
}

/** @throws {OAuthError} `invalid_client` where the client is unknown or deactivated. */
export function requireActive (client: Client | undefined): Client {
  if (client?.active === true) return client
  throw unknownClient(client === undefined ? 'the client is unknown' : 'the client is deactivated')
}

/**
 * The client that asks, if it may.
 *
 * @throws {OAuthError} `invalid_client` where it is unknown or deactivated.
 */
export async function activeClient (server: AuthorizationServer, clientId: string): Promise<Client> {
  return requireActive(await server.storage.findClient(clientId))
}
