import { hashSecret } from '../keys/secrets.ts'
import { matchesRedirectUri } from '../oauth/redirect-uri.ts'
import type { AuthorizationServer } from '../server.ts'
import { foldEmail } from '../storage/sign-in.ts'
import type { Client, Connection, Grant, User } from '../storage/records.ts'

/** What a person has allowed before. */
export interface EarlierDecision {
  at: Date
  scopes: readonly string[]
}

/** Somebody who signed in before: a row of the whitelist, and a hash of the e-mail that it had. It may have been given to somebody else since. */
export interface FormerUser {
  userId: string
  emailHash: string
}

/** What somebody allowed the same client before, for the same address and resource, as far as it still lives: the latest. */
export async function earlierDecision (
  { storage }: AuthorizationServer, { userId, emailHash }: FormerUser, { clientId, redirectUri, resource }: { clientId: string, redirectUri: string, resource: string }, now: Date
): Promise<EarlierDecision | undefined> {
  const connections = await storage.listConnections(userId, now)
  const latest = connections.find(({ grant }) => hashSecret(grant.email) === emailHash && grant.clientId === clientId && grant.resource === resource &&
    grant.redirectUri !== null && matchesRedirectUri(redirectUri, grant.redirectUri))
  return latest && { at: latest.grant.createdAt, scopes: latest.grant.scopes }
}

/** All that one client has of one person. */
export interface ConnectedClient {
  client: Client
  /** Of the earliest. */
  connectedAt: Date
  /** To the hour. */
  lastUsedAt: Date
  /** When the last one ends by itself. */
  endsAt: Date
  scopes: readonly string[]
  redirectUris: readonly string[]
}

/** What is allowed is used at once. */
function lastUseOf ({ createdAt, lastUsedAt }: Grant): Date {
  return lastUsedAt ?? createdAt
}

/** Of one client: it has one at least. */
type Connections = readonly [latest: Connection, ...others: Connection[]]

function summarize (connections: Connections): ConnectedClient {
  const [{ client }] = connections
  const grants = connections.map(({ grant }) => grant)
  return {
    client,
    connectedAt: new Date(Math.min(...grants.map(({ createdAt }) => createdAt.getTime()))),
    lastUsedAt: new Date(Math.max(...grants.map(grant => lastUseOf(grant).getTime()))),
    endsAt: new Date(Math.max(...grants.map(({ expiresAt }) => expiresAt.getTime()))),
    scopes: [...new Set(grants.flatMap(({ scopes }) => scopes))],
    redirectUris: [...new Set(grants.flatMap(({ redirectUri }) => redirectUri ?? []))]
  }
}

/** The clients that have access in somebody's name, the latest first. What the row's e-mail of before was given is dead, and none of theirs. */
export async function connectedClients ({ storage }: AuthorizationServer, { id, email }: Pick<User, 'id' | 'email'>, now: Date): Promise<ConnectedClient[]> {
  const byClient = new Map<string, Connections>()
  for (const connection of await storage.listConnections(id, now)) {
    if (connection.grant.email !== foldEmail(email)) continue
    const known = byClient.get(connection.client.id)
    byClient.set(connection.client.id, known === undefined ? [connection] : [...known, connection])
  }
  return [...byClient.values()].map(summarize)
}

/** How exactly the last use is known, in milliseconds: a write an hour for a grant in use, whatever it is used for. */
const granularity = 3_600_000

/** Writes down that a grant was used, off the request's path. */
export async function noteUse ({ storage }: AuthorizationServer, grant: Grant, now: Date): Promise<void> {
  const before = new Date(now.getTime() - granularity)
  if (lastUseOf(grant) < before) await storage.touchGrant(grant.id, before, now)
}
