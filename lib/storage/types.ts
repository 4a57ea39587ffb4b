import type { AuthorizationRequest } from '../oauth/authorization-request.ts'
import type { ClientDocument } from '../oauth/client-document.ts'

/**
 * The storage contract. Whoever implements it needs to know four things:
 *
 * 1. **It sees hashes and ids, never a secret.** Every `…Hash` is base64url SHA-256, made by the caller.
 * 2. **What happens once is a compare-and-set.** Of any number of concurrent callers, on any number of machines, exactly one
 *    wins. No method may be built as a read followed by a write that does not repeat the condition.
 * 3. **A grant is what lives.** `createGrant`, `redeemCode`, `rotateRefreshToken` and `revokeGrant` serialize on the grant's row:
 *    whoever revokes after another call's commit finds that call's tokens dead, whoever comes after a revocation is refused.
 * 4. **Down is not "no".** A storage that can't be reached throws `StorageUnavailableError`; whatever else it throws is a defect and
 *    becomes a 500.
 *
 * Every point in time comes from the caller (`now`), so that one clock decides. `Date`s are exact to the second at least.
 * `fastify-mcp-oauth/testing` has the suite that every implementation runs.
 */

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

export interface OAuthStorage {
  /**
   * Checks that the storage can be reached and has all it needs. Called at start, and again until it succeeds once.
   *
   * @throws {StorageUnavailableError} where it can't be reached.
   * @throws {InvalidOptionError} where it can be reached and lacks something, with what to do.
   */
  prepare (): Promise<void>

  /**
   * Puts the first administrator on the whitelist, at most once per e-mail for ever: a marker that is written in the same
   * transaction outlives the row. An e-mail that is listed already, in whatever spelling, status or role, is left as it is.
   *
   * @returns whether a row was added.
   */
  addFirstAdmin (admin: NewUser, now: Date): Promise<boolean>

  /** @returns false, having written nothing, where a row has the e-mail already, in whatever spelling. */
  addUser (user: NewUser, now: Date): Promise<boolean>
  findUser (userId: string): Promise<User | undefined>
  /** All rows with this e-mail, in whatever spelling; with none given, all rows by e-mail. */
  listUsers (email?: string): Promise<User[]>
  /**
   * A new e-mail revokes, together with the change, every grant that was given for another one.
   *
   * @returns undefined where there is no such user; false where the new e-mail is taken.
   */
  updateUser (userId: string, changes: UserChanges, now: Date): Promise<User | false | undefined>
  /** Removes the row and revokes the user's grants. @returns whether there was one. */
  removeUser (userId: string, now: Date): Promise<boolean>

  /**
   * The whitelist's answer to a verified identity. Sets the pin where it is still empty, in one statement, and keeps name, picture
   * and last sign-in; a refusal changes nothing.
   */
  signIn (signIn: SignIn): Promise<SignInResult>

  /** Stores a client that stays, however long it lies unused. */
  createClient (client: Client): Promise<void>
  /**
   * Stores a client that registered itself, unused since `createdAt`. Where a client of the same `metadataHash` stands, that one counts as
   * unused since then instead, unless it was used, and nothing else is written: of any number of callers at once, one stores.
   *
   * @param metadataHash null for one that is always new.
   * @returns the client that stands, active or not.
   */
  registerClient (client: Client, metadataHash: string | null): Promise<Client>
  /**
   * Removes clients that registered themselves, got no grant since, and are active: a deactivated one must not come back by registering
   * once more. One that is getting a grant meanwhile stays.
   *
   * @param before those that are unused since earlier than this, the oldest first.
   * @param limit how many at most.
   * @returns how many.
   */
  deleteUnusedClients (before: Date, limit: number): Promise<number>
  findClient (clientId: string): Promise<Client | undefined>
  /**
   * Stores a public client as its metadata document describes it, or brings its row up to date. What stays as it is: a row that is not
   * active, one that no document made (`documentFetchedAt` is null), and what a later document wrote.
   *
   * @returns whether there is an active row now that a document made.
   */
  saveClientDocument (clientId: string, document: ClientDocument, now: Date): Promise<boolean>
  /** @returns whether there is such a client. */
  setClientActive (clientId: string, active: boolean): Promise<boolean>

  /** @returns false, having written nothing, where `consentHash` was used before. */
  createTransaction (transaction: Transaction): Promise<boolean>
  /** Reads one that is not consumed. Changes nothing. */
  findTransaction (key: TransactionKey): Promise<Transaction | undefined>
  /** Exactly one caller gets it. */
  consumeTransaction (key: TransactionKey): Promise<Transaction | undefined>

  /** Stores both, or neither. Its client counts as used from then on. */
  createGrant (grant: Grant, code: AuthorizationCode): Promise<void>
  findCode (codeHash: string): Promise<CodeRecord | undefined>
  redeemCode (redemption: Redemption): Promise<RedemptionResult>
  findToken (tokenId: string): Promise<TokenRecord | undefined>
  /** Decides by `judgeRotation` of `oauth/rotation.ts` under the grant's lock. */
  rotateRefreshToken (rotation: Rotation): Promise<RotationResult>
  /** Ends one token, and no other of its grant. @returns whether this call did. */
  revokeToken (tokenId: string): Promise<boolean>
  /** @returns whether this call revoked it. */
  revokeGrant (grantId: string, now: Date): Promise<boolean>

  /** All of them. */
  listSigningKeys (): Promise<SigningKey[]>
  /** @returns false, having written nothing, where the algorithm has a key that is not retired: of any number of callers, one wins. */
  addSigningKey (key: SigningKey): Promise<boolean>
  /** @returns whether this call retired it; one that is retired keeps its date. */
  retireSigningKey (keyId: string, now: Date): Promise<boolean>
  /** Raises `tokenLifetime`; never lowers it. @returns whether it did. */
  extendSigningKey (keyId: string, tokenLifetime: number): Promise<boolean>
  /** Replaces `sealed`. @returns false where it is not `from` any more. */
  resealSigningKey (keyId: string, from: string, to: string): Promise<boolean>
  /** Removes a key that is retired. @returns whether this call did. */
  removeSigningKey (keyId: string): Promise<boolean>
}
