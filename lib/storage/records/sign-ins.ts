import type { AuthenticationRequest } from '../../oauth/authentication-request.ts'
import type { AuthorizationRequest } from '../../oauth/authorization-request.ts'
import type { ClientDocument } from '../../oauth/client-document.ts'
import type { User } from './users.ts'

/** What a person may be signed in for, besides what clients ask for: to see their own connections, or to administer. */
export type SessionKind = 'account' | 'admin'

/** Which sign-in it is; one kind never completes another. */
export type TransactionKind = Transaction['kind']

interface SignInUnderWay extends Pick<AuthenticationRequest, 'prompts' | 'maxAge' | 'loginHint'> {
  handleHash: string
  /** Of what only the browser that approved holds. */
  bindingHash: string
  /** Of the form's single-use value. Unique over all transactions, consumed ones too. */
  consentHash: string
  provider: string
  createdAt: Date
  expiresAt: Date
}

/** For a client: stored when a person has allowed it. */
export interface AuthorizeTransaction extends SignInUnderWay, AuthorizationRequest {
  kind: 'authorize'
  /** The client's metadata document as the person was shown it; null for a client that registered. */
  clientDocument: ClientDocument | null
}

/** For a session at a page of ours. */
export interface SessionTransaction extends SignInUnderWay {
  kind: SessionKind
  /** What waits to be confirmed after the sign-in. */
  pending: string | null
}

/** A sign-in under way: consumed when the provider's answer comes back. */
export type Transaction = AuthorizeTransaction | SessionTransaction

/** Which transaction is meant. All of it must fit, and `expiresAt` must be after `now`. */
export interface TransactionKey {
  handleHash: string
  bindingHash: string
  now: Date
}

/**
 * Why there is no transaction to go on with:
 * - `unknown`: there never was one, or it has been cleaned away.
 * - `other-browser`: another browser began it.
 * - `used`: it was consumed before.
 * - `expired`: its time is over.
 */
export type TransactionRefusal = 'unknown' | 'other-browser' | 'used' | 'expired'

/** A person who is signed in at a page of ours. */
export interface Session {
  /** Of what only the browser holds. */
  sessionHash: string
  kind: SessionKind
  userId: string
  /** The e-mail that signed in, trimmed and lower-cased. */
  email: string
  provider: string
  /** When the person signed in. */
  authenticatedAt: Date
  /** Whether the provider said when; else it is when its answer came. */
  isProven: boolean
  /** What waits to be confirmed. */
  pending: string | null
  createdAt: Date
  expiresAt: Date
}

/** A session with the user that it stands for, as they are now. */
export interface SessionRecord {
  session: Session
  /** Absent where the row was removed. */
  user: User | undefined
  /** Whether another row has the same e-mail in another spelling. */
  ambiguous: boolean
}
