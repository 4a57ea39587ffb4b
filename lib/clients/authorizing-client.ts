import { OAuthError } from '../errors.ts'
import { documentChanges, type ClientDocument, type DocumentChanges } from '../oauth/client-document.ts'
import { parseClientIdUrl } from '../oauth/client-id-url.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Client } from '../storage/records.ts'
import { requireActive, unknownClient } from './active-client.ts'
import { ClientDocumentError } from './client-document-error.ts'
import { pinnedAt, pinnedDocuments } from './pinned-documents.ts'

/** Who asks a person for access. */
export interface AuthorizingClient {
  id: string
  name: string
  redirectUris: readonly string[]
  /** Null for a client that registered. */
  document: ClientDocument | null
  /** What the document says otherwise than when somebody last signed in with it. */
  changes: DocumentChanges & { since: Date } | undefined
  /** Why the document could not be fetched, where a copy of it serves. */
  failure: ClientDocumentError | undefined
  /** A `data:` URI of an image; undefined for a client that registered, and where there is none that can be shown. */
  logo: string | undefined
}

/** A row that a metadata document made. */
type DescribedClient = Client & { documentFetchedAt: Date }

function isDescribed (client: Client): client is DescribedClient {
  return client.documentFetchedAt !== null
}

/** The URL that a client id is, where metadata documents are accepted from there. */
export function documentUrl ({ options }: AuthorizationServer, clientId: string): URL | undefined {
  const { clientMetadataDocuments } = options
  const url = parseClientIdUrl(clientId)
  if (url === undefined || clientMetadataDocuments === undefined) return undefined
  return clientMetadataDocuments.allowedHosts?.has(url.hostname) === false ? undefined : url
}

/** What the host itself said last: somebody may have signed in with a later document than the copy that is shipped. */
function latest (pinned: ClientDocument, stored: DescribedClient | undefined): ClientDocument {
  if (stored === undefined || stored.documentFetchedAt.getTime() <= pinned.fetchedAt) return pinned
  const { name: clientName, redirectUris, grantTypes, clientUri, logoUri, documentFetchedAt } = stored
  return { clientName, redirectUris, grantTypes, clientUri, logoUri, fetchedAt: documentFetchedAt.getTime() }
}

/** Whether somebody has used it here, or it is one of those that everybody uses. */
function isKnown (url: URL, stored: DescribedClient | undefined): boolean {
  return stored !== undefined || pinnedDocuments.has(url.href)
}

interface CurrentDocument {
  document: ClientDocument
  failure: ClientDocumentError | undefined
}

/** Only where the failure says nothing about the document, and a copy of it is shipped, does that copy serve, or what somebody signed in with since. */
async function fetchedOrCopy (server: AuthorizationServer, url: URL, stored: DescribedClient | undefined, stranger: string | undefined, now: Date): Promise<CurrentDocument> {
  const { documents } = server
  const pinned = pinnedDocuments.get(url.href)
  try {
    return { document: await documents.get(url, stranger, now), failure: undefined }
  } catch (error) {
    if (pinned === undefined || !(error instanceof ClientDocumentError) || !error.isTemporary) throw error
    return { document: latest(documents.check(url, pinned, pinnedAt), stored), failure: error }
  }
}

/** A document that can't be had stops the request, as the draft has it in §5.1. */
async function currentDocument (server: AuthorizationServer, url: URL, stored: DescribedClient | undefined, stranger: string | undefined, now: Date): Promise<CurrentDocument> {
  try {
    return await fetchedOrCopy(server, url, stored, stranger, now)
  } catch (cause) {
    throw new OAuthError('invalid_client', 'The document that describes the application can not be read, or is not valid', { statusCode: 400, cause })
  }
}

/** The copy that is shipped is no statement of the client itself: what differs from it has not changed. */
function changesSince (stored: DescribedClient | undefined, document: ClientDocument): AuthorizingClient['changes'] {
  if (stored === undefined || stored.documentFetchedAt.getTime() === pinnedAt) return undefined
  const changes = documentChanges(stored, document)
  return changes && { ...changes, since: stored.documentFetchedAt }
}

/**
 * The client that a person is to be asked about: one that registered, or one whose id is the URL of its metadata document, which is fetched.
 * Nothing is stored: that is for those who may sign in.
 *
 * @param address where the request comes from: what one address can make us fetch is bounded
 * @throws {OAuthError} `invalid_client` where it is unknown or deactivated, or its document is not there or not valid.
 * @see [Client ID Metadata Document §5](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02#section-5)
 */
export async function authorizingClient (server: AuthorizationServer, clientId: string, address: string, now: Date): Promise<AuthorizingClient> {
  const stored = await server.storage.findClient(clientId)
  // Whatever its id looks like: what somebody has put there by hand is what counts.
  if (stored !== undefined && !isDescribed(stored)) return { ...requireActive(stored), document: null, changes: undefined, failure: undefined, logo: undefined }
  const url = documentUrl(server, clientId)
  if (url === undefined) throw unknownClient('the client is unknown')
  if (stored !== undefined) requireActive(stored)
  const stranger = isKnown(url, stored) ? undefined : address
  const { document, failure } = await currentDocument(server, url, stored, stranger, now)
  const logo = await server.logos.get(url, document.logoUri, stranger, now)
  return { id: clientId, name: document.clientName, redirectUris: document.redirectUris, document, changes: changesSince(stored, document), failure, logo }
}
