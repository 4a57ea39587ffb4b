import { hostname } from 'node:os'
import type { AuditChain, AuditStorage } from '../storage/audit.ts'
import { eventOf, type AuditEvent } from './event.ts'

/** How many other chains a new one vouches for. */
const maxAnchors = 20

/** The end of another chain, as a new one saw it. */
export interface Anchor { readonly writer: string, readonly sequence: number, readonly mac: string }

export function formatAnchor ({ writer, sequence, mac }: Anchor): string {
  return `${writer}:${sequence}:${mac}`
}

/** Undefined for what is none. */
export function parseAnchor (text: string): Anchor | undefined {
  const [, writer = '', sequence = '', mac = ''] = /^([\w-]{1,64}):(\d{1,15}):([\w-]{43})$/.exec(text) ?? []
  return writer === '' ? undefined : { writer, sequence: Number(sequence), mac }
}

function latest (chains: readonly AuditChain[]): Anchor[] {
  return chains.flatMap(({ head }) => head ?? [])
    .toSorted((one, other) => other.sealedAt.getTime() - one.sealedAt.getTime())
    .slice(0, maxAnchors)
}

/** The first event of a writer: it names the ends of the others, so that none of them can be cut, or taken away whole, by itself. */
export async function openingOf (storage: AuditStorage): Promise<AuditEvent> {
  const heads = latest(await storage.listAuditChains()).map(formatAnchor)
  return eventOf({ type: 'audit.started', actor: { type: 'server' }, details: { heads, host: hostname(), pid: process.pid } })
}
