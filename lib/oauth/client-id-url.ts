/** Longer than any that is in use; what is stored, shown and signed should stay short. */
const maxLength = 512

const domainName = /^(?:[a-z\d](?:[a-z\d_-]*[a-z\d])?\.)+[a-z](?:[a-z\d-]*[a-z\d])?$/

/** Whether a URL's host has a dot and a last label that is no number: neither an address nor a name of the local network. */
export function isDomainName (hostname: string): boolean {
  return domainName.test(hostname)
}

/**
 * The URL that a client id is, where it can be that of a metadata document: https on the default port, a host name, a path, no user
 * information, no fragment. It must be written as a URL parser writes it, so that there is one spelling only: what has dot segments,
 * capitals in the host, or a number for a host is another string then.
 *
 * @see [Client ID Metadata Document §3](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02#section-3)
 */
export function parseClientIdUrl (clientId: string): URL | undefined {
  if (clientId.length > maxLength || !clientId.startsWith('https://') || clientId.includes('#') || !URL.canParse(clientId)) return undefined
  const url = new URL(clientId)
  if (url.href !== clientId || url.pathname === '/' || url.username !== '' || url.password !== '') return undefined
  return url.port === '' && isDomainName(url.hostname) ? url : undefined
}
