import { admits, foldEmail, isPinnedTo, refuse } from './sign-in.ts'
import { judgeExchange, judgeRedemption } from './verdicts.ts'
import type { ClientDocument } from '../oauth/client-document.ts'
import type {
  AuthorizationCode, Client, CodeRecord, Grant, GrantRecord, NewUser, Redemption, RedemptionResult, Rotation, RotationResult,
  SignIn, SignInResult, SigningKey, Token, TokenRecord, Transaction, TransactionKey, User, UserChanges
} from './records.ts'
import type { OAuthStorage } from './types.ts'

interface GrantEntry { grant: Grant, client: Client }
interface CodeEntry extends GrantEntry { code: AuthorizationCode }
interface Registration { client: Client, metadataHash: string | null, unusedSince: Date | null }
interface TokenEntry extends GrantEntry { token: Token }

/**
 * Keeps everything in this process, for tests and trials: a restart forgets it, and a second process does not see it.
 *
 * No method waits for anything, so each is atomic. What goes in and comes out is copied.
 */
export class MemoryStorage implements OAuthStorage {
  readonly #users = new Map<string, User>()
  readonly #firstAdmins = new Set<string>()
  readonly #clients = new Map<string, Client>()
  /** Of clients that registered themselves. */
  readonly #registrations = new Map<string, Registration>()
  readonly #transactions = new Map<string, Transaction>()
  readonly #consents = new Set<string>()
  readonly #grants = new Map<string, GrantEntry>()
  readonly #codes = new Map<string, CodeEntry>()
  readonly #tokens = new Map<string, TokenEntry>()
  readonly #signingKeys = new Map<string, SigningKey>()

  async prepare (): Promise<void> {}

  async addFirstAdmin (admin: NewUser, now: Date): Promise<boolean> {
    const email = foldEmail(admin.email)
    if (this.#firstAdmins.has(email)) return false
    this.#firstAdmins.add(email)
    return this.#insertUser(admin, now)
  }

  async addUser (user: NewUser, now: Date): Promise<boolean> {
    return this.#insertUser(user, now)
  }

  async findUser (userId: string): Promise<User | undefined> {
    return structuredClone(this.#users.get(userId))
  }

  async listUsers (email?: string): Promise<User[]> {
    if (email !== undefined) return structuredClone(this.#listed(email))
    return structuredClone([...this.#users.values()].sort((one, other) => one.email < other.email ? -1 : 1))
  }

  async updateUser (userId: string, changes: UserChanges, now: Date): Promise<User | false | undefined> {
    const user = this.#users.get(userId)
    if (user === undefined) return undefined
    const email = foldEmail(changes.email ?? user.email)
    if (this.#listed(email).some((other) => other !== user)) return false
    this.#revokeGrants(userId, now, email)
    const present = Object.entries(changes).filter(([, value]) => value !== undefined)
    return structuredClone(Object.assign(user, Object.fromEntries(present), { email }))
  }

  async removeUser (userId: string, now: Date): Promise<boolean> {
    this.#revokeGrants(userId, now)
    return this.#users.delete(userId)
  }

  async signIn (signIn: SignIn): Promise<SignInResult> {
    const listed = this.#listed(signIn.email)
    const holders = [...this.#users.values()].filter((user) => isPinnedTo(user, signIn) && !listed.includes(user))
    const [user, ...twins] = listed
    if (user === undefined || twins.length + holders.length > 0 || !admits(user, signIn)) {
      return refuse(listed, holders, signIn)
    }
    return {
      user: structuredClone(Object.assign(user, {
        provider: signIn.provider,
        providerIssuer: signIn.issuer,
        providerUserId: signIn.subject,
        name: signIn.name ?? user.name,
        picture: signIn.picture ?? user.picture,
        lastLoginAt: signIn.now
      }))
    }
  }

  async createClient (client: Client): Promise<void> {
    this.#clients.set(client.id, structuredClone(client))
  }

  async registerClient (client: Client, metadataHash: string | null): Promise<Client> {
    const standing = [...this.#registrations.values()].find((other) => metadataHash !== null && other.metadataHash === metadataHash)
    if (standing !== undefined) {
      standing.unusedSince &&= client.createdAt
      return structuredClone(standing.client)
    }
    const stored = structuredClone(client)
    this.#clients.set(client.id, stored)
    this.#registrations.set(client.id, { client: stored, metadataHash, unusedSince: client.createdAt })
    return structuredClone(stored)
  }

  async deleteUnusedClients (before: Date, limit: number): Promise<number> {
    const unused = [...this.#registrations.values()].flatMap(({ client, unusedSince }) => client.active && unusedSince !== null ? [{ id: client.id, unusedSince }] : [])
    const oldest = unused.filter(({ unusedSince }) => unusedSince < before).sort((one, other) => one.unusedSince.getTime() - other.unusedSince.getTime()).slice(0, limit)
    for (const { id } of oldest) {
      this.#clients.delete(id)
      this.#registrations.delete(id)
    }
    return oldest.length
  }

  async findClient (clientId: string): Promise<Client | undefined> {
    return structuredClone(this.#clients.get(clientId))
  }

  async saveClientDocument (clientId: string, document: ClientDocument, now: Date): Promise<boolean> {
    const { fetchedAt, clientName, ...described } = structuredClone(document)
    const stored = this.#clients.get(clientId)
    if (stored === undefined) {
      this.#clients.set(clientId, {
        id: clientId,
        name: clientName,
        ...described,
        documentFetchedAt: new Date(fetchedAt),
        secretHash: null,
        tokenEndpointAuthMethod: 'none',
        createdAt: now,
        active: true
      })
      return true
    }
    if (!stored.active || stored.documentFetchedAt === null) return false
    if (stored.documentFetchedAt.getTime() < fetchedAt) {
      Object.assign(stored, described, { name: clientName, documentFetchedAt: new Date(fetchedAt) })
    }
    return true
  }

  async setClientActive (clientId: string, active: boolean): Promise<boolean> {
    const client = this.#clients.get(clientId)
    if (client === undefined) return false
    client.active = active
    return true
  }

  async createTransaction (transaction: Transaction): Promise<boolean> {
    if (this.#consents.has(transaction.consentHash)) return false
    this.#consents.add(transaction.consentHash)
    this.#transactions.set(transaction.handleHash, structuredClone(transaction))
    return true
  }

  async findTransaction (key: TransactionKey): Promise<Transaction | undefined> {
    return structuredClone(this.#transaction(key))
  }

  async consumeTransaction (key: TransactionKey): Promise<Transaction | undefined> {
    const transaction = this.#transaction(key)
    if (transaction !== undefined) this.#transactions.delete(key.handleHash)
    return transaction
  }

  async createGrant (grant: Grant, code: AuthorizationCode): Promise<void> {
    const client = this.#clients.get(grant.clientId)
    if (client === undefined) throw new Error('The client of the grant is not stored')
    const entry = { grant: structuredClone(grant), client }
    const registration = this.#registrations.get(grant.clientId)
    if (registration !== undefined) registration.unusedSince = null
    this.#grants.set(grant.id, entry)
    this.#codes.set(code.codeHash, { ...entry, code: structuredClone(code) })
  }

  async findCode (codeHash: string): Promise<CodeRecord | undefined> {
    const entry = this.#codes.get(codeHash)
    return entry && structuredClone({ code: entry.code, ...this.#record(entry) })
  }

  async redeemCode ({ codeHash, accessToken, refreshToken, now }: Redemption): Promise<RedemptionResult> {
    const entry = this.#codes.get(codeHash)
    if (entry === undefined) return 'dead'
    const { code, grant } = entry
    const verdict = judgeRedemption(code, grant, now)
    if (verdict === 'replayed') grant.revokedAt = now
    if (verdict === 'redeemed') {
      code.consumedAt = now
      this.#store(entry, accessToken, refreshToken)
    }
    return verdict
  }

  async findToken (tokenId: string): Promise<TokenRecord | undefined> {
    const entry = this.#tokens.get(tokenId)
    return entry && structuredClone({ token: entry.token, ...this.#record(entry) })
  }

  async rotateRefreshToken ({ tokenId, successor, accessToken, now }: Rotation): Promise<RotationResult> {
    const entry = this.#tokens.get(tokenId)
    if (entry === undefined) return { outcome: 'dead' }
    const { token, grant } = entry
    const standing = this.#tokens.get(token.successorId ?? '')?.token ?? successor
    const verdict = judgeExchange(token, grant, standing, now)
    if (verdict === 'reused') grant.revokedAt = now
    if (verdict !== 'rotate' && verdict !== 'repeat') return { outcome: verdict }
    if (verdict === 'rotate') Object.assign(token, { consumedAt: now, successorId: standing.id })
    this.#store(entry, standing, accessToken)
    return { outcome: 'rotated', refreshToken: structuredClone(standing) }
  }

  async revokeToken (tokenId: string): Promise<boolean> {
    const token = this.#tokens.get(tokenId)?.token
    if (token?.active !== true) return false
    token.active = false
    return true
  }

  async revokeGrant (grantId: string, now: Date): Promise<boolean> {
    const grant = this.#grants.get(grantId)?.grant
    if (grant?.revokedAt !== null) return false
    grant.revokedAt = now
    return true
  }

  async listSigningKeys (): Promise<SigningKey[]> {
    return structuredClone([...this.#signingKeys.values()])
  }

  async addSigningKey (key: SigningKey): Promise<boolean> {
    for (const { algorithm, retiredAt } of this.#signingKeys.values()) {
      if (algorithm === key.algorithm && retiredAt === null) return false
    }
    this.#signingKeys.set(key.id, structuredClone(key))
    return true
  }

  async retireSigningKey (keyId: string, now: Date): Promise<boolean> {
    return this.#changeSigningKey(keyId, ({ retiredAt }) => retiredAt === null, { retiredAt: now })
  }

  async extendSigningKey (keyId: string, tokenLifetime: number): Promise<boolean> {
    return this.#changeSigningKey(keyId, key => key.tokenLifetime < tokenLifetime, { tokenLifetime })
  }

  async resealSigningKey (keyId: string, from: string, to: string): Promise<boolean> {
    return this.#changeSigningKey(keyId, ({ sealed }) => sealed === from, { sealed: to })
  }

  async removeSigningKey (keyId: string): Promise<boolean> {
    const key = this.#signingKeys.get(keyId)
    return key !== undefined && key.retiredAt !== null && this.#signingKeys.delete(keyId)
  }

  #changeSigningKey (keyId: string, condition: (key: SigningKey) => boolean, changes: Partial<SigningKey>): boolean {
    const key = this.#signingKeys.get(keyId)
    if (key === undefined || !condition(key)) return false
    Object.assign(key, changes)
    return true
  }

  /** All of a user's, or all but those given for an e-mail. */
  #revokeGrants (userId: string, now: Date, email?: string): void {
    for (const { grant } of this.#grants.values()) {
      if (grant.userId === userId && grant.email !== email) grant.revokedAt ??= now
    }
  }

  #insertUser ({ id, email, name, role }: NewUser, now: Date): boolean {
    if (this.#listed(email).length > 0) return false
    this.#users.set(id, {
      id,
      email: foldEmail(email),
      name,
      picture: null,
      status: 'active',
      role,
      provider: null,
      providerIssuer: null,
      providerUserId: null,
      createdAt: now,
      lastLoginAt: null
    })
    return true
  }

  #listed (email: string): User[] {
    return [...this.#users.values()].filter((user) => foldEmail(user.email) === foldEmail(email))
  }

  #transaction ({ handleHash, kind, bindingHash, now }: TransactionKey): Transaction | undefined {
    const transaction = this.#transactions.get(handleHash)
    const fits = transaction?.kind === kind && transaction.bindingHash === bindingHash && transaction.expiresAt > now
    return fits ? transaction : undefined
  }

  #record ({ grant, client }: GrantEntry): GrantRecord {
    return { grant, client, user: this.#users.get(grant.userId), ambiguous: false }
  }

  #store ({ grant, client }: GrantEntry, ...tokens: Array<Token | undefined>): void {
    for (const token of tokens) {
      if (token !== undefined) this.#tokens.set(token.id, { grant, client, token: structuredClone(token) })
    }
  }
}
