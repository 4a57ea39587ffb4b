import { createHash } from 'node:crypto'
import { isPrompt } from '../../oauth/authentication-request.ts'
import type { AuthorizationCode, Client, Grant, Session, SigningKey, Token, TokenEndpointAuthMethod, Transaction, User, UserStatus } from '../records.ts'
import type { ClientRow, CodeRow, GrantRow, SessionRow, SigningKeyRow, TokenRow, TransactionRow, UserRow } from './tables.ts'

const authMethods: ReadonlySet<string | null> = new Set<TokenEndpointAuthMethod>(['none', 'client_secret_post', 'client_secret_basic'])
const hashPrefix = 'sha256:'
const hashedSecret = /^sha256:[A-Za-z0-9_-]{43}$/

export function toUser (row: UserRow): User {
  return {
    id: row.user_id,
    email: row.email,
    name: row.name,
    picture: row.picture,
    status: toStatus(row.status),
    role: row.role === 'admin' ? 'admin' : 'user',
    provider: row.provider || null,
    providerIssuer: row.provider_issuer || null,
    providerUserId: row.provider_user_id || null,
    createdAt: toDateOrNull(row.created_at),
    lastLoginAt: toDateOrNull(row.last_login_at)
  }
}

export function toClient (row: ClientRow): Client {
  const secret = sealSecret(row.client_secret)
  return {
    id: row.client_id,
    secretHash: secret === null ? null : secret.slice(hashPrefix.length),
    name: row.client_name,
    redirectUris: toStrings(row.redirect_uris),
    // The column's default in both of the guide's schemas; a null there means no restriction.
    grantTypes: toStrings(row.grant_types ?? ['authorization_code', 'refresh_token']),
    tokenEndpointAuthMethod: isAuthMethod(row.token_endpoint_auth_method) ? row.token_endpoint_auth_method : defaultAuthMethod(secret),
    clientUri: row.client_uri,
    logoUri: row.logo_uri,
    documentFetchedAt: toDateOrNull(row.document_fetched_at),
    createdAt: new Date(row.created_at ?? 0),
    active: row.active === true
  }
}

/** The secret as the column shall hold it: hashed, whoever wrote it. An empty one is none. */
export function sealSecret (stored: string | null): string | null {
  if (stored === null || stored === '') return null
  return hashedSecret.test(stored) ? stored : hashPrefix + createHash('sha256').update(stored).digest('base64url')
}

export function toTransaction (row: TransactionRow): Transaction {
  const common = {
    handleHash: row.handle_hash,
    bindingHash: row.binding_hash,
    consentHash: row.consent_hash,
    provider: row.provider,
    prompts: toStrings(row.prompts).filter(isPrompt),
    maxAge: row.max_age,
    loginHint: row.login_hint,
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at)
  }
  if (row.kind !== 'authorize') return { ...common, kind: row.kind, pending: row.pending }
  return {
    ...common,
    kind: row.kind,
    clientId: row.client_id,
    redirectUri: row.redirect_uri,
    state: row.state,
    scopes: toStrings(row.scopes),
    resource: row.resource,
    codeChallenge: row.code_challenge,
    nonce: row.nonce,
    clientDocument: row.client_document
  }
}

export function toSession (row: SessionRow): Session {
  return {
    sessionHash: row.session_hash,
    kind: row.kind,
    userId: row.user_id,
    email: row.email,
    provider: row.provider,
    authenticatedAt: new Date(row.authenticated_at),
    isProven: row.is_proven,
    pending: row.pending,
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at)
  }
}

export function toGrant (row: GrantRow): Grant {
  return {
    id: row.grant_id,
    clientId: row.client_id,
    userId: row.user_id,
    email: row.email,
    resource: row.resource,
    scopes: toStrings(row.scopes),
    redirectUri: row.redirect_uri,
    createdAt: new Date(row.created_at),
    lastUsedAt: toDateOrNull(row.last_used_at),
    expiresAt: new Date(row.expires_at),
    revokedAt: toDateOrNull(row.revoked_at)
  }
}

export function toCode (row: CodeRow): AuthorizationCode {
  return {
    codeHash: row.code_hash,
    grantId: row.grant_id,
    redirectUri: row.redirect_uri,
    codeChallenge: row.code_challenge,
    nonce: row.nonce,
    // Of a version that did not keep it: the code was made at the sign-in.
    authenticatedAt: new Date(row.authenticated_at ?? row.created_at),
    createdAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
    consumedAt: toDateOrNull(row.consumed_at)
  }
}

export function toToken (row: TokenRow): Token {
  return {
    id: row.token_id,
    type: row.token_type,
    grantId: row.grant_id,
    clientId: row.client_id,
    userId: row.user_id,
    resource: row.resource,
    scopes: toStrings(row.scopes),
    keyId: row.key_id,
    issuedAt: new Date(row.created_at),
    expiresAt: new Date(row.expires_at),
    active: row.active === true,
    consumedAt: toDateOrNull(row.consumed_at),
    successorId: row.successor_id
  }
}

export function toSigningKey (row: SigningKeyRow): SigningKey {
  return {
    id: row.key_id,
    algorithm: row.algorithm,
    sealed: row.sealed_key,
    tokenLifetime: row.token_lifetime,
    createdAt: new Date(row.created_at),
    signsFrom: new Date(row.signs_from),
    retiredAt: toDateOrNull(row.retired_at)
  }
}

function toDateOrNull (value: Date | string | null): Date | null {
  return value === null ? null : new Date(value)
}

/** What is no list, or no string in it, admits nothing. */
function toStrings (value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function toStatus (value: string | null): UserStatus | null {
  if (value === null) return null
  return value === 'active' ? 'active' : 'suspended'
}

function isAuthMethod (value: string | null): value is TokenEndpointAuthMethod {
  return authMethods.has(value)
}

/** RFC 7591 §2: `client_secret_basic` is the default, for those who have a secret. */
function defaultAuthMethod (secret: string | null): TokenEndpointAuthMethod {
  return secret === null ? 'none' : 'client_secret_basic'
}
