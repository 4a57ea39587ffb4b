import type { AuthorizationServer } from '../server.ts'
import type { TokenRecord } from '../storage/records.ts'

/**
 * Ends what a token stands for: an access token itself, a refresh token its grant, and with that every other token of it. Counts at this
 * process's next request.
 *
 * @see [RFC 7009 §2.1](https://www.rfc-editor.org/rfc/rfc7009.html#section-2.1)
 */
export async function revoke (server: AuthorizationServer, { grant, token }: TokenRecord, now: Date): Promise<void> {
  const { storage } = server
  try {
    await (token.type === 'access_token' ? storage.revokeToken(token.id) : storage.revokeGrant(grant.id, now))
  } finally {
    server.forgetVerified()
  }
}
