import type { AuditOrigin } from '../audit/event.ts'
import { OAuthError } from '../errors.ts'
import { equalStrings, hashSecret } from '../keys/secrets.ts'
import { parseBasic, type ClientCredentials } from '../oauth/authorization-header.ts'
import { parameter, requiredParameter, type Parameters } from '../oauth/parameters.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Client } from '../storage/records.ts'

/** What is known of wrong secrets from where a request comes from. Kept for clients that exist and have one. */
export interface SecretGuesses {
  /** @throws {TooManyRequestsError} where there were too many: then not even the right one counts. */
  check (clientId: string): Promise<void>
  /** Counts one more. */
  count (clientId: string): Promise<void>
}

function credentials (authorization: string | undefined, parameters: Parameters): Partial<ClientCredentials> & { clientId: string } {
  const basic = parseBasic(authorization)
  const clientSecret = parameter(parameters, 'client_secret')
  if (basic === undefined) {
    const clientId = requiredParameter(parameters, 'client_id')
    return clientSecret === undefined ? { clientId } : { clientId, clientSecret }
  }
  const clientId = parameter(parameters, 'client_id')
  // OAuth 2.1 §2.4: one method a request. The bare client_id beside Basic is harmless as long as both name the same client.
  if (clientSecret !== undefined || (clientId !== undefined && clientId !== basic.clientId)) {
    throw new OAuthError('invalid_request', 'The client must authenticate in one way only')
  }
  return basic
}

/** Whether what came proves the client. A public client has nothing to prove, and must not claim to. */
function proves (client: Client, clientSecret: string | undefined): boolean {
  if (client.secretHash === null || clientSecret === undefined) return client.secretHash === null && clientSecret === undefined
  return equalStrings(hashSecret(clientSecret), client.secretHash)
}

function invalidClient (cause: string): OAuthError {
  return new OAuthError('invalid_client', 'The client is unknown, or its authentication failed', { cause })
}

/**
 * The client that a request to the token endpoint comes from: public by its id, confidential by its secret in the header or the body.
 *
 * @throws {OAuthError} `invalid_client` where it is unknown, deactivated or not proven; `invalid_request` where it used two methods;
 * `temporarily_unavailable` where its secret was wrong too often.
 * @see [OAuth 2.1 §2.4](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-2.4)
 */
export async function authenticateClient (
  server: AuthorizationServer, authorization: string | undefined, parameters: Parameters, guesses: SecretGuesses, origin: AuditOrigin
): Promise<Client> {
  const { clientId, clientSecret } = credentials(authorization, parameters)
  const client = await server.storage.findClient(clientId)
  const refusal = (reason: string) => {
    server.audit.record({ type: 'client.refused', actor: { type: 'anonymous' }, clientId, ...origin, outcome: 'refused', reason })
    return invalidClient(reason)
  }
  if (client === undefined) throw refusal('the client is unknown')
  if (!client.active) throw refusal('the client is deactivated')
  const canBeGuessed = client.secretHash !== null
  if (canBeGuessed) await guesses.check(clientId)
  if (proves(client, clientSecret)) return client
  if (canBeGuessed) await guesses.count(clientId)
  throw refusal('the client secret is missing or wrong')
}
