import type { AuditStorage } from './audit.ts'
import type { ChangeWatcher } from './changes.ts'
import type { ClientDocument } from '../oauth/client-document.ts'
import type {
  User, NewUser, UserChanges, SignIn, SignInResult, Client, Transaction, TransactionKey, TransactionRefusal, Session, SessionRecord, PageRequest,
  Grant, Connection, AuthorizationCode, CodeRecord, TokenRecord, Living, Redemption, RedemptionResult, Rotation, RotationResult, SigningKey, PurgeKind
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
export interface OAuthStorage extends AuditStorage {
  /**
   * Checks that the storage can be reached and has all it needs, in one quick look. Called at start, again until it succeeds once, and then by
   * `app.mcpOAuth.isReady()`, once a second at most.
   *
   * @throws {StorageUnavailableError} where it can't be reached.
   * @throws {InvalidOptionError} where it can be reached and lacks something, with what to do.
   */
  prepare (): Promise<void>

  /**
   * From now on, tells the log what it asks of a database: the statements, never their parameters. Called once, before all else, where the app
   * logs at `debug`; a storage that has no statements needs none of it.
   */
  logStatements? (log: { debug (object: object, message: string): void }): void

  /**
   * From now on, tells of what access hangs on and somebody has changed, by whatever way: another process, the command line, plain SQL. The guard
   * lets go of what it knows then, instead of within `revalidateAfter`. Called once, when the app is ready, whether or not the storage can be
   * reached; what is told of does no harm, what is missed costs `revalidateAfter`. A storage that hears of nothing needs none of it.
   *
   * @returns at once: what ends it. Never rejects.
   */
  watchChanges? (watcher: ChangeWatcher): Promise<() => Promise<void>>

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
  /** A page of all rows, by e-mail. Searches e-mails and names. */
  searchUsers (page: PageRequest): Promise<User[]>
  /**
   * A new e-mail revokes, together with the change, every grant that was given for another one.
   *
   * @param keepsAdmin whether to refuse a change that leaves no active administrator: of several at once, one is refused.
   * @returns undefined where there is no such user; otherwise what is in the way.
   */
  updateUser (userId: string, changes: UserChanges, now: Date, keepsAdmin?: boolean): Promise<User | 'taken' | 'last-admin' | undefined>
  /**
   * Takes the pin off the row: the next identity with its e-mail sets a new one. What the identity of before began ends with it: the user's
   * sessions and grants.
   *
   * @returns whether there is such a user.
   */
  unpinUser (userId: string, now: Date): Promise<boolean>
  /**
   * Removes the row and revokes the user's grants.
   *
   * @param keepsAdmin as for `updateUser`
   * @returns whether there was one, or what is in the way.
   */
  removeUser (userId: string, now: Date, keepsAdmin?: boolean): Promise<boolean | 'last-admin'>

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
  findClient (clientId: string): Promise<Client | undefined>
  /** A page of all clients, the newest first. Searches names and ids. */
  searchClients (page: PageRequest): Promise<Client[]>
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
  /** Reads one that is not consumed, or says why there is none. Changes nothing. */
  findTransaction (key: TransactionKey): Promise<Transaction | TransactionRefusal>
  /** Exactly one caller gets it; the others are told why not. */
  consumeTransaction (key: TransactionKey): Promise<Transaction | TransactionRefusal>

  createSession (session: Session): Promise<void>
  /** One whose `expiresAt` is after `now`. */
  findSession (sessionHash: string, now: Date): Promise<SessionRecord | undefined>
  endSession (sessionHash: string): Promise<void>

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
  /** Those of a user that are neither revoked nor expired, the newest first, whether or not their clients are active. */
  listConnections (userId: string, now: Date): Promise<Connection[]>
  /** A page of all that are neither revoked nor expired, the newest first. Searches their ids, users, e-mails, clients and clients' names. */
  searchConnections (page: PageRequest, now: Date): Promise<Connection[]>
  /** Revokes those of a user that a client has, or all of them. @returns how many this call revoked. */
  revokeGrants (userId: string, clientId: string | undefined, now: Date): Promise<number>
  /** Revokes grants that are neither revoked nor expired, whoever has them, so many at most. @returns how many this call revoked. */
  revokeEveryGrant (limit: number, now: Date): Promise<number>
  /** Writes down that a grant was used, unless that was done since `before`. */
  touchGrant (grantId: string, before: Date, now: Date): Promise<void>
  /** How many there are that live. Asked once a minute at most, by each process that has metrics. */
  countLiving (now: Date): Promise<Living>

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

  /**
   * Removes what no rule needs any more, as `PurgeKind` says. Nobody waits for it: what is in use at the moment stays for the next time.
   *
   * @param before what expired earlier than this, or is unused since; the oldest first.
   * @param limit how many at most.
   * @returns how many; undefined where another process is at it.
   */
  purge (kind: PurgeKind, before: Date, limit: number): Promise<number | undefined>
}
