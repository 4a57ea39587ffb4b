import type { AuthorizationRequest } from '../oauth/authorization-request.ts'
import type { ClientDocument } from '../oauth/client-document.ts'

export type UserStatus = 'active' | 'suspended'
export type UserRole = 'user' | 'admin'

/** A row of the whitelist. */
export interface User {
  /** Opaque and stable; the `sub` of every token. */
  id: string
  /** As it stands in the row. Compared trimmed and lower-cased. */
  email: string
  name: string | null
  picture: string | null
  /** Anything but `active`, an absent value included, refuses. */
  status: UserStatus | null
  role: UserRole
  /** The provider that the row admits, or null where any may set the pin. */
  provider: string | null
  /** The issuer of the pin. */
  providerIssuer: string | null
  /** The subject of the pin: who signed in first. */
  providerUserId: string | null
  createdAt: Date | null
  lastLoginAt: Date | null
}

export interface NewUser {
  id: string
  email: string
  name: string | null
  role: UserRole
}

/** What may be changed about a user. What is absent stays. */
export interface UserChanges {
  email?: string
  name?: string | null
  status?: UserStatus
  role?: UserRole
}

/** Who signed in at a provider, verified by the caller. */
export interface SignIn {
  /** Trimmed and lower-cased. */
  email: string
  provider: string
  issuer: string
  subject: string
  name: string | null
  picture: string | null
  now: Date
}

/**
 * - `not-listed`: no row has this e-mail.
 * - `ambiguous`: several rows have it in different spellings.
 * - `suspended`: the row is not active.
 * - `other-provider`: the row names another provider.
 * - `other-identity`: the row is pinned to another issuer or subject, or this identity is pinned to another row.
 */
export type SignInRefusal = 'not-listed' | 'ambiguous' | 'suspended' | 'other-provider' | 'other-identity'

export type SignInResult =
  | { user: User }
  | { refusal: SignInRefusal, userIds: readonly string[] }

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

/** Whose sign-in it is; one kind never completes another. */
export type TransactionKind = 'authorize'

/** A sign-in under way: stored when a person has allowed it, consumed when the provider's answer comes back. */
export interface Transaction extends AuthorizationRequest {
  handleHash: string
  kind: TransactionKind
  /** Of what only the browser that approved holds. */
  bindingHash: string
  /** Of the consent form's single-use value. Unique over all transactions, consumed ones too. */
  consentHash: string
  provider: string
  /** The client's metadata document as the person was shown it; null for a client that registered. */
  clientDocument: ClientDocument | null
  createdAt: Date
  expiresAt: Date
}

/** Which transaction is meant. All of it must fit, and `expiresAt` must be after `now`. */
export interface TransactionKey {
  handleHash: string
  kind: TransactionKind
  bindingHash: string
  now: Date
}

/** What a user allowed a client. Every code and token belongs to one, and lives only while it does. */
export interface Grant {
  id: string
  clientId: string
  userId: string
  /** The user's e-mail when the grant was made, trimmed and lower-cased. A user whose row has another one since is refused. */
  email: string
  resource: string
  scopes: readonly string[]
  createdAt: Date
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

/** A key pair whose public half is published. */
export interface SigningKey {
  /** The `kid`. */
  id: string
  algorithm: 'RS256' | 'ES256' | 'EdDSA'
  /** The private key, encrypted by the caller. */
  sealed: string
  /** In seconds: the longest that a token which it signs may live. */
  tokenLifetime: number
  createdAt: Date
  /** From when it signs. */
  signsFrom: Date
  /** Null while it is the one that its algorithm uses now or next. */
  retiredAt: Date | null
}
