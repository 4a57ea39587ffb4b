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
