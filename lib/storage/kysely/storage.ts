import type { Kysely } from 'kysely'
import type { ClientDocument } from '../../oauth/client-document.ts'
import type { AuthorizationCode, Client, Grant, NewUser, Redemption, Rotation, SignIn, SigningKey, Transaction, TransactionKey, UserChanges } from '../records.ts'
import type { OAuthStorage } from '../types.ts'
import * as clients from './clients.ts'
import { requirePostgres } from './dialect.ts'
import { answerOf } from './failures.ts'
import * as grants from './grants.ts'
import { requireMigrated } from './migrate.ts'
import * as signingKeys from './signing-keys.ts'
import * as tokens from './tokens.ts'
import * as transactions from './transactions.ts'
import * as users from './users.ts'
import type { Database } from './tables.ts'

/** Where the tables are. */
export interface KyselyStorageOptions {
  /** The schema that holds the tables. @default the first one of the connection's search path */
  schema?: string
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
  readonly #db: Database

  // Whatever else the application keeps in its database is none of our business.
  constructor (db: Kysely<any>, { schema }: KyselyStorageOptions = {}) {
    requirePostgres(db)
    const plain = db.withoutPlugins()
    this.#db = schema === undefined ? plain : plain.withSchema(schema)
  }

  prepare () { return answerOf(requireMigrated(this.#db)) }

  addFirstAdmin (admin: NewUser, now: Date) { return answerOf(users.addFirstAdmin(this.#db, admin, now)) }
  addUser (user: NewUser, now: Date) { return answerOf(users.addUser(this.#db, user, now)) }
  findUser (userId: string) { return answerOf(users.findUser(this.#db, userId)) }
  listUsers (email?: string) { return answerOf(users.listUsers(this.#db, email)) }
  updateUser (userId: string, changes: UserChanges, now: Date) { return answerOf(users.updateUser(this.#db, userId, changes, now)) }
  removeUser (userId: string, now: Date) { return answerOf(users.removeUser(this.#db, userId, now)) }
  signIn (signIn: SignIn) { return answerOf(users.signIn(this.#db, signIn)) }

  createClient (client: Client) { return answerOf(clients.createClient(this.#db, client)) }
  registerClient (client: Client, metadataHash: string | null) { return answerOf(clients.registerClient(this.#db, client, metadataHash)) }
  deleteUnusedClients (before: Date, limit: number) { return answerOf(clients.deleteUnusedClients(this.#db, before, limit)) }
  findClient (clientId: string) { return answerOf(clients.findClient(this.#db, clientId)) }
  saveClientDocument (clientId: string, document: ClientDocument, now: Date) { return answerOf(clients.saveClientDocument(this.#db, clientId, document, now)) }
  setClientActive (clientId: string, active: boolean) { return answerOf(clients.setClientActive(this.#db, clientId, active)) }

  createTransaction (transaction: Transaction) { return answerOf(transactions.createTransaction(this.#db, transaction)) }
  findTransaction (key: TransactionKey) { return answerOf(transactions.findTransaction(this.#db, key)) }
  consumeTransaction (key: TransactionKey) { return answerOf(transactions.consumeTransaction(this.#db, key)) }

  createGrant (grant: Grant, code: AuthorizationCode) { return answerOf(grants.createGrant(this.#db, grant, code)) }
  findCode (codeHash: string) { return answerOf(grants.findCode(this.#db, codeHash)) }
  redeemCode (redemption: Redemption) { return answerOf(tokens.redeemCode(this.#db, redemption)) }
  findToken (tokenId: string) { return answerOf(grants.findToken(this.#db, tokenId)) }
  rotateRefreshToken (rotation: Rotation) { return answerOf(tokens.rotateRefreshToken(this.#db, rotation)) }
  revokeToken (tokenId: string) { return answerOf(tokens.revokeToken(this.#db, tokenId)) }
  revokeGrant (grantId: string, now: Date) { return answerOf(grants.revokeGrant(this.#db, grantId, now)) }

  listSigningKeys () { return answerOf(signingKeys.listSigningKeys(this.#db)) }
  addSigningKey (key: SigningKey) { return answerOf(signingKeys.addSigningKey(this.#db, key)) }
  retireSigningKey (keyId: string, now: Date) { return answerOf(signingKeys.retireSigningKey(this.#db, keyId, now)) }
  extendSigningKey (keyId: string, tokenLifetime: number) { return answerOf(signingKeys.extendSigningKey(this.#db, keyId, tokenLifetime)) }
  resealSigningKey (keyId: string, from: string, to: string) { return answerOf(signingKeys.resealSigningKey(this.#db, keyId, from, to)) }
  removeSigningKey (keyId: string) { return answerOf(signingKeys.removeSigningKey(this.#db, keyId)) }
}
