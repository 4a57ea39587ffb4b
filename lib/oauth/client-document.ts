/** A client as its metadata document describes it, accepted. Such a client is public. */
export interface ClientDocument {
  clientName: string
  redirectUris: readonly string[]
  grantTypes: readonly string[]
  clientUri: string | null
  logoUri: string | null
  /** Milliseconds since the epoch. */
  fetchedAt: number
}
