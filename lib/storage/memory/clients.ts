import type { ClientDocument } from '../../oauth/client-document.ts'
import type { Client, PageRequest } from '../records.ts'
import { pageOf } from './page.ts'
import type { MemoryTables } from './tables.ts'

export function createClient (tables: MemoryTables, client: Client): void {
  tables.clients.set(client.id, structuredClone(client))
}

export function registerClient (tables: MemoryTables, client: Client, metadataHash: string | null): Client {
  const standing = [...tables.registrations.values()].find((other) => metadataHash !== null && other.metadataHash === metadataHash)
  if (standing !== undefined) {
    standing.unusedSince &&= client.createdAt
    return structuredClone(standing.client)
  }
  const stored = structuredClone(client)
  tables.clients.set(client.id, stored)
  tables.registrations.set(client.id, { client: stored, metadataHash, unusedSince: client.createdAt })
  return structuredClone(stored)
}

export function findClient (tables: MemoryTables, clientId: string): Client | undefined {
  return structuredClone(tables.clients.get(clientId))
}

export function searchClients (tables: MemoryTables, page: PageRequest): Client[] {
  const newestFirst = [...tables.clients.values()].sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime())
  return pageOf(newestFirst, page, ({ id, name }) => `${id}\n${name}`)
}

export function saveClientDocument (tables: MemoryTables, clientId: string, document: ClientDocument, now: Date): boolean {
  const { fetchedAt, clientName, ...described } = structuredClone(document)
  const stored = tables.clients.get(clientId)
  if (stored === undefined) {
    tables.clients.set(clientId, {
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

export function setClientActive (tables: MemoryTables, clientId: string, active: boolean): boolean {
  const client = tables.clients.get(clientId)
  if (client === undefined) return false
  client.active = active
  return true
}
