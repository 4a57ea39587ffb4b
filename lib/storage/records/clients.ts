export type TokenEndpointAuthMethod = 'none' | 'client_secret_post' | 'client_secret_basic'

/** A client that registered, RFC 7591 §2, or that its metadata document describes. */
export interface Client {
  id: string
  /** Null for a public client. */
  secretHash: string | null
  name: string
  redirectUris: readonly string[]
  grantTypes: readonly string[]
  tokenEndpointAuthMethod: TokenEndpointAuthMethod
  clientUri: string | null
  logoUri: string | null
  /** When the metadata document was fetched that the row holds; null for a client that registered. */
  documentFetchedAt: Date | null
  createdAt: Date
  active: boolean
}
