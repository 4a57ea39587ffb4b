import { OAuthError, StorageUnavailableError } from '../errors.ts'
import type { EndOfGrant } from '../grants/liveness.ts'
import type { RefusalReason } from '../meter.ts'
import { DisallowedOriginError } from './cors.ts'
import { InsufficientScopeError } from './judge.ts'
import { MissingTokenError } from './verify.ts'

const reasons: ReadonlyMap<unknown, RefusalReason> = new Map(Object.entries({
  'the grant is revoked': 'grant-revoked',
  'the grant has expired': 'grant-expired',
  'the client is deactivated': 'client-deactivated',
  'the user is not on the whitelist any more': 'not-listed',
  'the e-mail on the whitelist has changed': 'renamed',
  'the user is suspended': 'suspended',
  'the e-mail stands on the whitelist in two spellings': 'ambiguous',
  'the token is revoked': 'revoked-token',
  'the token is for another resource': 'other-resource'
} satisfies Record<EndOfGrant | 'the token is revoked' | 'the token is for another resource', RefusalReason>))

/** Of a token that is none that is alive. */
function reasonOfToken (cause: unknown): RefusalReason {
  // jose's word for it.
  return Object(cause).code === 'ERR_JWT_EXPIRED' ? 'expired-token' : reasons.get(cause) ?? 'unknown-token'
}

/** Which of a few reasons a request was turned away for. What is free text in the log is one of them here. */
export function refusalReason (error: unknown): RefusalReason {
  if (error instanceof StorageUnavailableError) return 'unavailable'
  if (!(error instanceof OAuthError)) return 'failed'
  if (error instanceof MissingTokenError) return 'no-token'
  if (error instanceof InsufficientScopeError) return 'scope'
  if (error instanceof DisallowedOriginError) return 'origin'
  if (error.code === 'access_denied') return 'role'
  return error.code === 'invalid_request' ? 'malformed-call' : reasonOfToken(error.cause)
}
