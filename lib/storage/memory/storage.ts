import type { ClientDocument } from '../../oauth/client-document.ts'
import type {
  AuthorizationCode, Client, Grant, NewUser, PageRequest, PurgeKind, Redemption, Rotation, Session, SignIn, SigningKey, Transaction, TransactionKey, UserChanges
} from '../records.ts'
import type { AuditBatch, AuditChain, AuditCheckpoint, AuditFilter, AuditRecord, AuditSeal } from '../audit.ts'
import type { OAuthStorage } from '../types.ts'
import { MemoryAudit } from './audit.ts'
import * as clients from './clients.ts'
import * as grants from './grants.ts'
import { purgeMemory } from './purge.ts'
import * as signIns from './sign-ins.ts'
import * as signingKeys from './signing-keys.ts'
import { emptyTables } from './tables.ts'
import * as users from './users.ts'

/**
 * Keeps everything in this process, for tests and trials: a restart forgets it, and a second process does not see it.
 *
 * No method waits for anything, so each is atomic. What goes in and comes out is copied.
 */
export class MemoryStorage implements OAuthStorage {
  readonly #tables = emptyTables()
  readonly #audit = new MemoryAudit()

  async prepare (): Promise<void> {}

  async addFirstAdmin (admin: NewUser, now: Date) { return users.addFirstAdmin(this.#tables, admin, now) }
  async addUser (user: NewUser, now: Date) { return users.addUser(this.#tables, user, now) }
  async findUser (userId: string) { return users.findUser(this.#tables, userId) }
  async listUsers (email?: string) { return users.listUsers(this.#tables, email) }
  async searchUsers (page: PageRequest) { return users.searchUsers(this.#tables, page) }
  async updateUser (userId: string, changes: UserChanges, now: Date, keepsAdmin?: boolean) { return users.updateUser(this.#tables, userId, changes, now, keepsAdmin) }
  async unpinUser (userId: string, now: Date) { return users.unpinUser(this.#tables, userId, now) }
  async removeUser (userId: string, now: Date, keepsAdmin?: boolean) { return users.removeUser(this.#tables, userId, now, keepsAdmin) }
  async signIn (signIn: SignIn) { return users.signIn(this.#tables, signIn) }

  async createClient (client: Client) { return clients.createClient(this.#tables, client) }
  async registerClient (client: Client, metadataHash: string | null) { return clients.registerClient(this.#tables, client, metadataHash) }
  async findClient (clientId: string) { return clients.findClient(this.#tables, clientId) }
  async searchClients (page: PageRequest) { return clients.searchClients(this.#tables, page) }
  async saveClientDocument (clientId: string, document: ClientDocument, now: Date) { return clients.saveClientDocument(this.#tables, clientId, document, now) }
  async setClientActive (clientId: string, active: boolean) { return clients.setClientActive(this.#tables, clientId, active) }

  async createTransaction (transaction: Transaction) { return signIns.createTransaction(this.#tables, transaction) }
  async findTransaction (key: TransactionKey) { return signIns.findTransaction(this.#tables, key) }
  async consumeTransaction (key: TransactionKey) { return signIns.consumeTransaction(this.#tables, key) }
  async createSession (session: Session) { return signIns.createSession(this.#tables, session) }
  async findSession (sessionHash: string, now: Date) { return signIns.findSession(this.#tables, sessionHash, now) }
  async endSession (sessionHash: string) { return signIns.endSession(this.#tables, sessionHash) }

  async createGrant (grant: Grant, code: AuthorizationCode) { return grants.createGrant(this.#tables, grant, code) }
  async findCode (codeHash: string) { return grants.findCode(this.#tables, codeHash) }
  async redeemCode (redemption: Redemption) { return grants.redeemCode(this.#tables, redemption) }
  async findToken (tokenId: string) { return grants.findToken(this.#tables, tokenId) }
  async rotateRefreshToken (rotation: Rotation) { return grants.rotateRefreshToken(this.#tables, rotation) }
  async revokeToken (tokenId: string) { return grants.revokeToken(this.#tables, tokenId) }
  async revokeGrant (grantId: string, now: Date) { return grants.revokeGrant(this.#tables, grantId, now) }
  async listConnections (userId: string, now: Date) { return grants.listConnections(this.#tables, userId, now) }
  async searchConnections (page: PageRequest, now: Date) { return grants.searchConnections(this.#tables, page, now) }
  async revokeEveryGrant (limit: number, now: Date) { return grants.revokeEveryGrant(this.#tables, limit, now) }
  async revokeGrants (userId: string, clientId: string | undefined, now: Date) { return grants.revokeGrants(this.#tables, userId, clientId, now) }
  async touchGrant (grantId: string, before: Date, now: Date) { return grants.touchGrant(this.#tables, grantId, before, now) }
  async countLiving (now: Date) { return grants.countLiving(this.#tables, now) }

  async listSigningKeys () { return signingKeys.listSigningKeys(this.#tables) }
  async addSigningKey (key: SigningKey) { return signingKeys.addSigningKey(this.#tables, key) }
  async retireSigningKey (keyId: string, now: Date) { return signingKeys.retireSigningKey(this.#tables, keyId, now) }
  async extendSigningKey (keyId: string, tokenLifetime: number) { return signingKeys.extendSigningKey(this.#tables, keyId, tokenLifetime) }
  async resealSigningKey (keyId: string, from: string, to: string) { return signingKeys.resealSigningKey(this.#tables, keyId, from, to) }
  async removeSigningKey (keyId: string) { return signingKeys.removeSigningKey(this.#tables, keyId) }

  async purge (kind: PurgeKind, before: Date, limit: number) { return purgeMemory(this.#tables, kind, before, limit) }

  async appendAudit (batch: AuditBatch): Promise<void> { this.#audit.append(batch) }
  async queryAudit (filter: AuditFilter): Promise<AuditRecord[]> { return this.#audit.query(filter) }
  async listAuditChains (): Promise<AuditChain[]> { return this.#audit.chains() }
  async listAuditSeals (writer: string, after: number, limit: number): Promise<AuditSeal[]> { return this.#audit.seals(writer, after, limit) }
  async listAuditRecords (writer: string, first: number, last: number, limit: number): Promise<AuditRecord[]> { return this.#audit.records(writer, first, last, limit) }
  async removeAudit (checkpoint: AuditCheckpoint, before: number): Promise<boolean> { return this.#audit.remove(checkpoint, before) }
}
