import type { Kysely } from 'kysely'
import type { ClientDocument } from '../../oauth/client-document.ts'
import type {
  AuthorizationCode, Client, Grant, NewUser, PageRequest, PurgeKind, Redemption, Rotation, Session, SignIn, SigningKey, Transaction, TransactionKey, UserChanges
} from '../records.ts'
import type { AuditBatch, AuditCheckpoint, AuditFilter } from '../audit.ts'
import type { ChangeWatcher } from '../changes.ts'
import type { OAuthStorage } from '../types.ts'
import * as audit from './audit.ts'
import { ChangeListener, type ListeningClient } from './change-listener.ts'
import * as clients from './clients.ts'
import { requirePostgres } from './dialect.ts'
import { answerOf } from './failures.ts'
import * as grants from './grants.ts'
import { hotPathsIn, type HotPaths } from './hot-paths.ts'
import { requireMigrated } from './migrate.ts'
import { purge } from './purge.ts'
import * as sessions from './sessions.ts'
import * as signingKeys from './signing-keys.ts'
import * as tokens from './tokens.ts'
import * as transactions from './transactions.ts'
import * as users from './users.ts'
import { withStatementLog, type StatementLog } from './statement-log.ts'
import type { Database } from './tables.ts'

/** Where the tables are. */
export interface KyselyStorageOptions {
  /** The schema that holds the tables. @default the first one of the connection's search path */
  schema?: string
  /**
   * Makes a connection of its own to hear of changes on, such as `() => new pg.Client(connectionString)`: then a change that is made anywhere, by
   * plain SQL too, counts at every process's next request. It has to reach PostgreSQL itself, or a pooler that pools sessions: through one that pools
   * transactions nothing is heard. Called again where the connection is lost.
   *
   * @default none: changes count within `revalidateAfter`
   */
  listen?: () => ListeningClient
}

/**
 * Keeps everything in PostgreSQL, through the application's own Kysely: 12 and later by `pg`, or an embedded PGlite. The
 * application's plugins do not touch these tables, and its pool is never closed from here.
 *
 * A `pg` client that loses its server while it is checked out emits `error`, which ends the process where nobody listens:
 * `pool.on('connect', (client) => client.on('error', log))` beside `pool.on('error', log)`. `storageFromEnv` has both.
 *
 * @example
 * ```ts
 * const db = new Kysely<MyTables>({ dialect: new PostgresDialect({ pool: new Pool({ connectionString }) }) })
 * await migrateToLatest(db)
 * const storage = new KyselyStorage(db)
 * ```
 */
export class KyselyStorage implements OAuthStorage {
  #db: Database
  #hotPaths: HotPaths
  readonly #schema: string | undefined
  readonly #listen: (() => ListeningClient) | undefined

  // Whatever else the application keeps in its database is none of our business.
  constructor (db: Kysely<any>, { schema, listen }: KyselyStorageOptions = {}) {
    requirePostgres(db)
    this.#listen = listen
    const plain = db.withoutPlugins()
    this.#db = schema === undefined ? plain : plain.withSchema(schema)
    this.#schema = schema
    this.#hotPaths = hotPathsIn(this.#db, schema)
  }

  logStatements (log: StatementLog) {
    this.#db = withStatementLog(this.#db, log)
    this.#hotPaths = hotPathsIn(this.#db, this.#schema)
  }

  async watchChanges (watcher: ChangeWatcher) {
    const listener = this.#listen && new ChangeListener(this.#listen, watcher)
    return async () => { await listener?.end() }
  }

  prepare () { return answerOf(requireMigrated(this.#db)) }

  addFirstAdmin (admin: NewUser, now: Date) { return answerOf(users.addFirstAdmin(this.#db, admin, now)) }
  addUser (user: NewUser, now: Date) { return answerOf(users.addUser(this.#db, user, now)) }
  findUser (userId: string) { return answerOf(users.findUser(this.#db, userId)) }
  listUsers (email?: string) { return answerOf(users.listUsers(this.#db, email)) }
  searchUsers (page: PageRequest) { return answerOf(users.searchUsers(this.#db, page)) }
  updateUser (userId: string, changes: UserChanges, now: Date, keepsAdmin?: boolean) { return answerOf(users.updateUser(this.#db, userId, changes, now, keepsAdmin)) }
  unpinUser (userId: string, now: Date) { return answerOf(users.unpinUser(this.#db, userId, now)) }
  removeUser (userId: string, now: Date, keepsAdmin?: boolean) { return answerOf(users.removeUser(this.#db, userId, now, keepsAdmin)) }
  signIn (signIn: SignIn) { return answerOf(users.signIn(this.#db, signIn)) }

  createClient (client: Client) { return answerOf(clients.createClient(this.#db, client)) }
  registerClient (client: Client, metadataHash: string | null) { return answerOf(clients.registerClient(this.#db, client, metadataHash)) }
  findClient (clientId: string) { return answerOf(clients.findClient(this.#db, this.#hotPaths, clientId)) }
  searchClients (page: PageRequest) { return answerOf(clients.searchClients(this.#db, page)) }
  saveClientDocument (clientId: string, document: ClientDocument, now: Date) { return answerOf(clients.saveClientDocument(this.#db, clientId, document, now)) }
  setClientActive (clientId: string, active: boolean) { return answerOf(clients.setClientActive(this.#db, clientId, active)) }

  createTransaction (transaction: Transaction) { return answerOf(transactions.createTransaction(this.#db, transaction)) }
  findTransaction (key: TransactionKey) { return answerOf(transactions.findTransaction(this.#db, key)) }
  consumeTransaction (key: TransactionKey) { return answerOf(transactions.consumeTransaction(this.#db, key)) }

  createSession (session: Session) { return answerOf(sessions.createSession(this.#db, session)) }
  findSession (sessionHash: string, now: Date) { return answerOf(sessions.findSession(this.#db, sessionHash, now)) }
  endSession (sessionHash: string) { return answerOf(sessions.endSession(this.#db, sessionHash)) }

  createGrant (grant: Grant, code: AuthorizationCode) { return answerOf(grants.createGrant(this.#db, grant, code)) }
  findCode (codeHash: string) { return answerOf(grants.findCode(this.#db, this.#hotPaths, codeHash)) }
  redeemCode (redemption: Redemption) { return answerOf(tokens.redeemCode(this.#db, this.#hotPaths, redemption)) }
  findToken (tokenId: string) { return answerOf(grants.findToken(this.#db, this.#hotPaths, tokenId)) }
  rotateRefreshToken (rotation: Rotation) { return answerOf(tokens.rotateRefreshToken(this.#db, this.#hotPaths, rotation)) }
  revokeToken (tokenId: string) { return answerOf(tokens.revokeToken(this.#db, tokenId)) }
  revokeGrant (grantId: string, now: Date) { return answerOf(grants.revokeGrant(this.#db, grantId, now)) }
  countLiving (now: Date) { return answerOf(grants.countLiving(this.#db, now)) }

  listConnections (userId: string, now: Date) { return answerOf(grants.listConnections(this.#db, userId, now)) }
  searchConnections (page: PageRequest, now: Date) { return answerOf(grants.searchConnections(this.#db, page, now)) }
  revokeGrants (userId: string, clientId: string | undefined, now: Date) { return answerOf(grants.revokeGrants(this.#db, userId, clientId, now)) }
  revokeEveryGrant (limit: number, now: Date) { return answerOf(grants.revokeEveryGrant(this.#db, limit, now)) }
  touchGrant (grantId: string, before: Date, now: Date) { return answerOf(grants.touchGrant(this.#db, grantId, before, now)) }

  listSigningKeys () { return answerOf(signingKeys.listSigningKeys(this.#db)) }
  addSigningKey (key: SigningKey) { return answerOf(signingKeys.addSigningKey(this.#db, key)) }
  retireSigningKey (keyId: string, now: Date) { return answerOf(signingKeys.retireSigningKey(this.#db, keyId, now)) }
  extendSigningKey (keyId: string, tokenLifetime: number) { return answerOf(signingKeys.extendSigningKey(this.#db, keyId, tokenLifetime)) }
  resealSigningKey (keyId: string, from: string, to: string) { return answerOf(signingKeys.resealSigningKey(this.#db, keyId, from, to)) }
  removeSigningKey (keyId: string) { return answerOf(signingKeys.removeSigningKey(this.#db, keyId)) }

  purge (kind: PurgeKind, before: Date, limit: number) { return answerOf(purge(this.#db, kind, before, limit)) }

  appendAudit (batch: AuditBatch) { return answerOf(audit.appendAudit(this.#db, batch)) }
  queryAudit (filter: AuditFilter) { return answerOf(audit.queryAudit(this.#db, filter)) }
  listAuditChains () { return answerOf(audit.listAuditChains(this.#db)) }
  listAuditSeals (writer: string, after: number, limit: number) { return answerOf(audit.listAuditSeals(this.#db, writer, after, limit)) }
  listAuditRecords (writer: string, first: number, last: number, limit: number) { return answerOf(audit.listAuditRecords(this.#db, writer, first, last, limit)) }
  removeAudit (checkpoint: AuditCheckpoint, before: number) { return answerOf(audit.removeAudit(this.#db, checkpoint, before)) }
}
