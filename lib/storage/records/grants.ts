import type { Client } from './clients.ts'
import type { User } from './users.ts'

/** What a user allowed a client. Every code and token belongs to one, and lives only while it does. */
export interface Grant {
  id: string
  clientId: string
  userId: string
  /** The user's e-mail when the grant was made, trimmed and lower-cased. A user whose row has another one since is refused. */
  email: string
  resource: string
  scopes: readonly string[]
  /** Where the code was sent. Null in rows of before it was kept. */
  redirectUri: string | null
  createdAt: Date
  /** When a token of it was last used, to the hour. Null until then. */
  lastUsedAt: Date | null
  /** Absolute: no refresh goes past it. */
  expiresAt: Date
  revokedAt: Date | null
}

export interface AuthorizationCode {
  codeHash: string
  grantId: string
  redirectUri: string
  codeChallenge: string
  /** Of the authorization request, for the id_token. */
  nonce: string | null
  /** When the user signed in, for the id_token. */
  authenticatedAt: Date
  createdAt: Date
  expiresAt: Date
  consumedAt: Date | null
}

export type TokenType = 'access_token' | 'refresh_token'

export interface Token {
  /** The `jti`. */
  id: string
  type: TokenType
  grantId: string
  clientId: string
  userId: string
  resource: string
  scopes: readonly string[]
  /** The `kid` of the key that signed it. */
  keyId: string
  issuedAt: Date
  expiresAt: Date
  /** False once it is revoked by itself. */
  active: boolean
  /** A refresh token's: when it was exchanged for its successor. */
  consumedAt: Date | null
  successorId: string | null
}

/** A grant with those it depends on, as one query read them. */
export interface GrantRecord {
  grant: Grant
  client: Client
  /** Absent where the row was removed. */
  user: User | undefined
  /** Whether another row has the same e-mail in another spelling. */
  ambiguous: boolean
}

/** A grant that lives, and who has it. */
export interface Connection { grant: Grant, client: Client }

export interface CodeRecord extends GrantRecord { code: AuthorizationCode }
export interface TokenRecord extends GrantRecord { token: Token }

export interface Redemption {
  codeHash: string
  accessToken: Token
  /** Absent where the client may not refresh. */
  refreshToken: Token | undefined
  now: Date
}

/**
 * - `redeemed`: this call won; the tokens are stored.
 * - `replayed`: the code had been used; its grant is revoked now.
 * - `dead`: unknown, expired, or its grant is revoked or expired; nothing was written.
 */
export type RedemptionResult = 'redeemed' | 'replayed' | 'dead'

export interface Rotation {
  tokenId: string
  /** Stored as the successor if this call wins. */
  successor: Token
  /** Stored if this call wins or falls into the grace. */
  accessToken: Token
  now: Date
}

/**
 * - `rotated`: `refreshToken` is the successor, this call's or, within the grace, the one that stands.
 * - `superseded`: the successor is in use already and the grace is not over; nothing was written.
 * - `reused`: the grace is over; the grant is revoked now.
 * - `dead`: unknown, inactive or expired, or its grant is revoked or expired; nothing was written.
 */
export type RotationResult =
  | { outcome: 'rotated', refreshToken: Token }
  | { outcome: 'superseded' | 'reused' | 'dead' }
