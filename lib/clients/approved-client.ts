import type { ClientDocument } from '../oauth/client-document.ts'
import type { AuthorizationServer } from '../server.ts'
import { activeClient, requireActive, unknownClient } from './active-client.ts'
import { documentUrl } from './authorizing-client.ts'

/** A client as a person was shown it: by its id, or by its metadata document. */
export interface ShownClient {
  clientId: string
  clientDocument: ClientDocument | null
}

/**
 * The client that a person has decided about, as it was shown: its document is not fetched again.
 *
 * @throws {OAuthError} `invalid_client` where it is unknown by now, deactivated, or its document is not accepted any more.
 */
export async function approvedClient (server: AuthorizationServer, { clientId, clientDocument }: ShownClient): Promise<{ redirectUris: readonly string[] }> {
  if (clientDocument === null) return await activeClient(server, clientId)
  if (documentUrl(server, clientId) === undefined) throw unknownClient('its metadata document is not accepted any more')
  const stored = await server.storage.findClient(clientId)
  if (stored !== undefined) requireActive(stored)
  return clientDocument
}

/**
 * Makes sure that there is a row that a grant can belong to, once it is known that the person may sign in: the document that was shown
 * becomes one.
 *
 * @throws {OAuthError} `invalid_client` where the client is unknown or deactivated.
 */
export async function keepClient (server: AuthorizationServer, { clientId, clientDocument }: ShownClient, now: Date): Promise<void> {
  if (clientDocument === null) await activeClient(server, clientId)
  else if (!await server.storage.saveClientDocument(clientId, clientDocument, now)) throw unknownClient('the client is deactivated')
}
