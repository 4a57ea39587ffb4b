/** What a `WWW-Authenticate: Bearer` header says. RFC 6750 §3, RFC 9728 §5.1. */
export interface Challenge {
  /** URL of the protected-resource metadata. Absent at the authorization server's own endpoints. */
  resourceMetadata?: string
  scopes: readonly string[]
  /** Absent where no token came. RFC 6750 §3.1. */
  error?: 'invalid_token' | 'insufficient_scope'
  errorDescription?: string
}

/** All of our values are plain ASCII without quotes or backslashes; anything else would break out of the quoted-string. */
function quoted (value: string): string {
  return `"${value.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '')}"`
}

/** The header's value. */
export function challenge ({ resourceMetadata, scopes, error, errorDescription }: Challenge): string {
  const parameters = resourceMetadata === undefined ? [] : [`resource_metadata=${quoted(resourceMetadata)}`]
  if (error !== undefined) parameters.unshift(`error=${quoted(error)}`)
  if (errorDescription !== undefined) parameters.push(`error_description=${quoted(errorDescription)}`)
  if (scopes.length > 0) parameters.push(`scope=${quoted(scopes.join(' '))}`)
  return `Bearer ${parameters.join(', ')}`
}
