import { sql, type Insertable } from 'kysely'
import type { ClientDocument } from '../../oauth/client-document.ts'
import type { Client, PageRequest } from '../records.ts'
import { contains } from './expressions.ts'
import type { HotPaths } from './hot-paths.ts'
import { inOneStatement, inTransaction } from './in-transaction.ts'
import { sealSecret, toClient } from './rows.ts'
import type { ClientRow, Database, Tables } from './tables.ts'

export async function createClient (db: Database, client: Client): Promise<void> {
  await db.insertInto('oauth_clients').values(fromClient(client)).execute()
}

/** The unique index picks the winner: everyone else gets its row. */
export function registerClient (db: Database, client: Client, metadataHash: string | null): Promise<Client> {
  return inOneStatement(db, async (db) => {
    const row = await db.insertInto('oauth_clients')
      .values({ ...fromClient(client), metadata_hash: metadataHash, unused_since: client.createdAt })
      .onConflict((conflict) => conflict.column('metadata_hash').doUpdateSet({
        unused_since: sql<Date>`CASE WHEN ${sql.ref('oauth_clients.unused_since')} IS NOT NULL THEN excluded.unused_since END`
      }))
      .returningAll().executeTakeFirstOrThrow()
    return toClient(row)
  })
}

export async function findClient (db: Database, { findClient }: HotPaths, clientId: string): Promise<Client | undefined> {
  const row = await findClient(clientId)
  return row && await readClient(db, row)
}

export async function searchClients (db: Database, { search, offset = 0, limit }: PageRequest): Promise<Client[]> {
  const all = db.selectFrom('oauth_clients').selectAll()
  const rows = await (search === undefined ? all : all.where(({ or }) => or([contains('client_id', search), contains('client_name', search)])))
    .orderBy('created_at', (order) => order.desc().nullsLast()).orderBy('client_id').limit(limit).offset(offset).execute()
  return rows.map(toClient)
}

/** The row lock decides between documents that come at once: the later one stays. */
export function saveClientDocument (db: Database, clientId: string, document: ClientDocument, now: Date): Promise<boolean> {
  const described = {
    client_name: document.clientName,
    redirect_uris: JSON.stringify(document.redirectUris),
    grant_types: JSON.stringify(document.grantTypes),
    client_uri: document.clientUri,
    logo_uri: document.logoUri,
    document_fetched_at: new Date(document.fetchedAt)
  }
  return inTransaction(db, async (trx) => {
    const written = await trx.insertInto('oauth_clients')
      .values({ client_id: clientId, client_secret: null, token_endpoint_auth_method: 'none', created_at: now, active: true, ...described })
      .onConflict((conflict) => conflict.column('client_id').doUpdateSet(described)
        .where('oauth_clients.active', '=', true)
        .where('oauth_clients.document_fetched_at', '<', described.document_fetched_at))
      .returning('client_id').executeTakeFirst()
    if (written !== undefined) return true
    const stored = await trx.selectFrom('oauth_clients').select(['active', 'document_fetched_at']).where('client_id', '=', clientId).executeTakeFirst()
    return stored?.active === true && stored.document_fetched_at !== null
  })
}

export async function setClientActive (db: Database, clientId: string, active: boolean): Promise<boolean> {
  const updated = await db.updateTable('oauth_clients').set({ active }).where('client_id', '=', clientId)
    .returning('client_id').executeTakeFirst()
  return updated !== undefined
}

/** A secret that was put in as clear text, by plain SQL, does not stay so: the first read replaces it by its hash. */
export async function readClient (db: Database, row: ClientRow): Promise<Client> {
  const sealed = sealSecret(row.client_secret)
  if (sealed !== row.client_secret) {
    await db.updateTable('oauth_clients').set({ client_secret: sealed })
      .where('client_id', '=', row.client_id).where('client_secret', '=', row.client_secret).execute()
  }
  return toClient({ ...row, client_secret: sealed })
}

function fromClient (client: Client): Insertable<Tables['oauth_clients']> {
  return {
    client_id: client.id,
    client_secret: client.secretHash === null ? null : `sha256:${client.secretHash}`,
    client_name: client.name,
    redirect_uris: JSON.stringify(client.redirectUris),
    grant_types: JSON.stringify(client.grantTypes),
    token_endpoint_auth_method: client.tokenEndpointAuthMethod,
    client_uri: client.clientUri,
    logo_uri: client.logoUri,
    document_fetched_at: client.documentFetchedAt,
    created_at: client.createdAt,
    active: client.active
  }
}
