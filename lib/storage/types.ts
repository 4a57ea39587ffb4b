import type { ClientDocument } from '../oauth/client-document.ts'
import type {
  User, NewUser, UserChanges, SignIn, SignInResult, Client, Transaction, TransactionKey, Grant, AuthorizationCode, CodeRecord,
  TokenRecord, Redemption, RedemptionResult, Rotation, RotationResult, SigningKey
} from './records.ts'

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
