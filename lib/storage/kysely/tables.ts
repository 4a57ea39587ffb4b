import type { ColumnType, Kysely, Selectable } from 'kysely'
import type { ClientDocument } from '../../oauth/client-document.ts'
import type { AuditChainTable, AuditEventTable, AuditSealTable } from './audit-tables.ts'

/** Written as JSON text, read as whatever stands there: rows may come from plain SQL. */
type Json = ColumnType<unknown, string | null, string | null>
/** Inside `to_jsonb` a string. */
type Timestamp = ColumnType<Date | string, Date, Date>
type OptionalTimestamp = ColumnType<Date | string | null, Date | null | undefined, Date | null>

interface UserTable {
  user_id: string
  email: string
  name: string | null
  picture: ColumnType<string | null, string | null | undefined>
  provider: ColumnType<string | null, string | null | undefined>
  provider_issuer: ColumnType<string | null, string | null | undefined>
  provider_user_id: ColumnType<string | null, string | null | undefined>
  status: string | null
  role: string | null
  created_at: OptionalTimestamp
  last_login_at: OptionalTimestamp
  updated_at: OptionalTimestamp
}

interface ClientTable {
  client_id: string
  client_secret: string | null
  client_name: string
  redirect_uris: Json
  grant_types: Json
  token_endpoint_auth_method: string | null
  client_uri: string | null
  logo_uri: string | null
  document_fetched_at: OptionalTimestamp
  /** Of a public client that registered itself: unique. */
  metadata_hash: ColumnType<string | null, string | null | undefined, never>
  /** Of a client that registered itself, until its first grant. */
  unused_since: OptionalTimestamp
  created_at: OptionalTimestamp
  active: boolean | null
}

/** What is null where `kind` is not `authorize`. */
type OfClients<T> = ColumnType<T, T | null | undefined>

interface TransactionTable {
  handle_hash: string
  kind: 'authorize' | 'account' | 'admin'
  binding_hash: string
  consent_hash: string
  provider: string
  client_id: OfClients<string>
  redirect_uri: OfClients<string>
  state: OfClients<string | null>
  scopes: OfClients<unknown>
  resource: OfClients<string>
  code_challenge: OfClients<string>
  nonce: OfClients<string | null>
  prompts: Json
  max_age: number | null
  login_hint: string | null
  client_document: ColumnType<ClientDocument | null, string | null | undefined>
  /** Of the other kinds. */
  pending: ColumnType<string | null, string | null | undefined>
  created_at: Timestamp
  expires_at: Timestamp
  consumed_at: OptionalTimestamp
}

interface SessionTable {
  session_hash: string
  kind: 'account' | 'admin'
  user_id: string
  email: string
  provider: string
  authenticated_at: Timestamp
  is_proven: boolean
  pending: string | null
  created_at: Timestamp
  expires_at: Timestamp
}

interface GrantTable {
  grant_id: string
  client_id: string
  user_id: string
  email: string
  resource: string
  scopes: Json
  redirect_uri: string | null
  created_at: Timestamp
  last_used_at: OptionalTimestamp
  expires_at: Timestamp
  revoked_at: OptionalTimestamp
}

interface CodeTable {
  code_hash: string
  grant_id: string
  redirect_uri: string
  code_challenge: string
  nonce: string | null
  authenticated_at: OptionalTimestamp
  created_at: Timestamp
  expires_at: Timestamp
  consumed_at: OptionalTimestamp
}

/** Where `grant_id` is null, the row is of before grants were kept: no query finds it, since all join the grant. */
interface TokenTable {
  token_id: string
  token_type: 'access_token' | 'refresh_token'
  grant_id: string
  client_id: string
  user_id: string
  resource: string
  scopes: Json
  key_id: string
  created_at: Timestamp
  expires_at: Timestamp
  active: boolean | null
  consumed_at: OptionalTimestamp
  successor_id: string | null
}

interface SigningKeyTable {
  key_id: string
  algorithm: 'RS256' | 'ES256' | 'EdDSA'
  sealed_key: string
  token_lifetime: number
  created_at: Timestamp
  signs_from: Timestamp
  retired_at: OptionalTimestamp
}

export interface Tables {
  user_profiles: UserTable
  oauth_clients: ClientTable
  oauth_transactions: TransactionTable
  oauth_sessions: SessionTable
  oauth_grants: GrantTable
  oauth_authorization_codes: CodeTable
  oauth_tokens: TokenTable
  oauth_signing_keys: SigningKeyTable
  oauth_audit_events: AuditEventTable
  oauth_audit_seals: AuditSealTable
  oauth_audit_chains: AuditChainTable
  oauth_first_admins: { email: string, created_at: Date }
  oauth_migrations: { name: string }
}

export type Database = Kysely<Tables>
export type UserRow = Selectable<Omit<UserTable, 'updated_at'>>
export type ClientRow = Selectable<ClientTable>
export type TransactionRow = Selectable<TransactionTable>
export type SessionRow = Selectable<SessionTable>
export type GrantRow = Selectable<GrantTable>
export type CodeRow = Selectable<CodeTable>
export type TokenRow = Selectable<TokenTable>
export type SigningKeyRow = Selectable<SigningKeyTable>

/** Named one by one: the application may keep more in this table. */
export const userColumns = [
  'user_id', 'email', 'name', 'picture', 'provider', 'provider_issuer', 'provider_user_id', 'status', 'role', 'created_at', 'last_login_at'
] as const
