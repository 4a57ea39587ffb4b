import { randomUUID } from 'node:crypto'
import type { ClientDocument } from '../../oauth/client-document.ts'
import type { AuthorizationCode, AuthorizeTransaction, Client, Grant, NewUser, Session, SignIn, Token } from '../../storage/records.ts'
import type { OAuthStorage } from '../../storage/types.ts'

/** One rule of the storage contract. `run` rejects where the storage breaks it. */
export interface StorageCase {
  name: string
  run (storage: OAuthStorage): Promise<void>
}

export const now = new Date('2026-11-01T12:00:00Z')

/** Longer than any id, and than what an index takes. */
export const absurd = 'x'.repeat(100_000)

export function after (seconds: number): Date {
  return new Date(now.getTime() + seconds * 1000)
}

/** Runs it so often at once. */
export function atOnce<T> (times: number, work: (turn: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, turn) => work(turn)))
}

export function newUser (user: Partial<NewUser> = {}): NewUser {
  return { id: randomUUID(), email: 'ann@example.com', name: 'Ann', role: 'user', ...user }
}

export function signInOf (signIn: Partial<SignIn> = {}): SignIn {
  return {
    email: 'ann@example.com',
    provider: 'google',
    issuer: 'https://accounts.example.com',
    subject: 'subject-of-ann',
    name: 'Ann Example',
    picture: 'https://example.com/ann.png',
    now,
    ...signIn
  }
}

export function newClient (client: Partial<Client> = {}): Client {
  return {
    id: randomUUID(),
    secretHash: null,
    name: 'A client',
    redirectUris: ['https://client.example.com/callback', 'http://127.0.0.1/callback'],
    grantTypes: ['authorization_code', 'refresh_token'],
    tokenEndpointAuthMethod: 'none',
    clientUri: null,
    logoUri: null,
    documentFetchedAt: null,
    createdAt: now,
    active: true,
    ...client
  }
}

export function newDocument (document: Partial<ClientDocument> = {}): ClientDocument {
  return {
    clientName: 'A described client',
    redirectUris: ['https://client.example.com/callback'],
    grantTypes: ['authorization_code', 'refresh_token'],
    clientUri: null,
    logoUri: 'https://client.example.com/logo.png',
    fetchedAt: now.getTime(),
    ...document
  }
}

export function newTransaction (transaction: Partial<AuthorizeTransaction> = {}): AuthorizeTransaction {
  return {
    handleHash: randomUUID(),
    kind: 'authorize',
    bindingHash: 'hash of the binding',
    consentHash: randomUUID(),
    provider: 'google',
    clientId: 'client',
    redirectUri: 'https://client.example.com/callback',
    state: 'state',
    scopes: ['openid', 'email'],
    resource: 'https://api.example.com/mcp',
    codeChallenge: 'challenge',
    nonce: 'nonce',
    prompts: ['login'],
    maxAge: 3600,
    loginHint: 'ann@example.com',
    clientDocument: null,
    createdAt: now,
    expiresAt: after(600),
    ...transaction
  }
}

export function newSession (session: Partial<Session> = {}): Session {
  return {
    sessionHash: randomUUID(),
    kind: 'account',
    userId: 'ann',
    email: 'ann@example.com',
    provider: 'google',
    authenticatedAt: after(-5),
    isProven: true,
    pending: null,
    createdAt: now,
    expiresAt: after(3600),
    ...session
  }
}

export function newToken (grant: Grant, token: Partial<Token> = {}): Token {
  return {
    id: randomUUID(),
    type: 'refresh_token',
    grantId: grant.id,
    clientId: grant.clientId,
    userId: grant.userId,
    resource: grant.resource,
    scopes: grant.scopes,
    keyId: 'key',
    issuedAt: now,
    expiresAt: after(2_592_000),
    active: true,
    consumedAt: null,
    successorId: null,
    ...token
  }
}

/** A user, a client, and a grant with its code, as after the first sign-in. */
export async function granted (storage: OAuthStorage, grant: Partial<Grant> = {}, code: Partial<AuthorizationCode> = {}) {
  const client = newClient()
  await storage.createClient(client)
  return await grantedTo(storage, client, grant, code)
}

/** The same for a client that is stored. */
export async function grantedTo (storage: OAuthStorage, client: Client, grant: Partial<Grant> = {}, code: Partial<AuthorizationCode> = {}) {
  const user = newUser({ email: `${randomUUID()}@example.com` })
  await storage.addUser(user, now)
  const newGrant: Grant = {
    id: randomUUID(),
    clientId: client.id,
    userId: user.id,
    email: user.email,
    resource: 'https://api.example.com/mcp',
    scopes: ['openid', 'mcp'],
    redirectUri: 'https://client.example.com/callback',
    createdAt: now,
    lastUsedAt: null,
    expiresAt: after(7_776_000),
    revokedAt: null,
    ...grant
  }
  const newCode: AuthorizationCode = {
    codeHash: randomUUID(),
    grantId: newGrant.id,
    redirectUri: 'https://client.example.com/callback',
    codeChallenge: 'challenge',
    nonce: 'nonce',
    authenticatedAt: after(-5),
    createdAt: now,
    expiresAt: after(60),
    consumedAt: null,
    ...code
  }
  await storage.createGrant(newGrant, newCode)
  return { client, user, grant: newGrant, code: newCode }
}

/** A grant whose code was exchanged. */
export async function redeemed (storage: OAuthStorage, refresh: Partial<Token> = {}, grant: Partial<Grant> = {}) {
  const parties = await granted(storage, grant)
  const accessToken = newToken(parties.grant, { type: 'access_token', expiresAt: after(604_800) })
  const refreshToken = newToken(parties.grant, refresh)
  await storage.redeemCode({ codeHash: parties.code.codeHash, accessToken, refreshToken, now })
  return { ...parties, accessToken, refreshToken }
}

/** Whether nothing of the grant opens anything any more. */
export async function isRevoked (storage: OAuthStorage, codeHash: string): Promise<boolean> {
  const record = await storage.findCode(codeHash)
  return record !== undefined && record.grant.revokedAt !== null
}
