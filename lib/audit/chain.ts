import { createHash } from 'node:crypto'
import type { AuditKey } from '../keys/key-ring.ts'
import { equalStrings, mac } from '../keys/secrets.ts'
import type { AuditBatch, AuditHead, AuditMark, AuditSeal } from '../storage/audit.ts'
import { recordedEvent, textOf, type Recorded } from './recorded.ts'

/*
 * What makes a change visible. Each writer's events stand in batches. A batch has a digest over its events; its seal covers that digest and the
 * seal before it. The head, which says where the chain ends, and the checkpoint, up to where events were removed, are signed for
 * themselves: no seal passes for one of them.
 */

export function digestOf (text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function sealMac ({ key }: AuditKey, { writer, first, last, sealedAt, keyId, previous, digest }: Omit<AuditSeal, 'mac'>): string {
  return mac(key, 'seal', writer, String(first), String(last), String(sealedAt.getTime()), keyId, previous, digest)
}

export function isSealGenuine (key: AuditKey, seal: AuditSeal): boolean {
  return equalStrings(sealMac(key, seal), seal.mac)
}

/** What a signed mark is: a checkpoint must not pass for a head. */
export type MarkKind = 'head' | 'checkpoint'

function signature ({ key, keyId }: AuditKey, kind: MarkKind, { writer, sequence, mac: sealed }: Pick<AuditMark, 'writer' | 'sequence' | 'mac'>): string {
  return mac(key, kind, writer, String(sequence), sealed, keyId)
}

export function signMark (key: AuditKey, kind: MarkKind, { writer, last, mac }: Pick<AuditSeal, 'writer' | 'last' | 'mac'>): AuditMark {
  const place = { writer, sequence: last, mac }
  return { ...place, keyId: key.keyId, signature: signature(key, kind, place) }
}

export function isMarkGenuine (key: AuditKey, kind: MarkKind, mark: AuditMark): boolean {
  return key.keyId === mark.keyId && equalStrings(signature(key, kind, mark), mark.signature)
}

/** What a chain goes on from. */
export interface ChainEnd {
  /** Of the last event; 0 before the first. */
  readonly sequence: number
  /** Of the last seal; empty before the first. */
  readonly mac: string
}

/** Seals a batch behind the end of a chain. */
export function sealBatch (key: AuditKey, writer: string, end: ChainEnd, events: readonly Recorded[], now: Date): AuditBatch {
  const first = end.sequence + 1
  const text = textOf(first, events)
  const open = { writer, first, last: end.sequence + events.length, sealedAt: now, keyId: key.keyId, previous: end.mac, digest: digestOf(text) }
  const seal = { ...open, mac: sealMac(key, open) }
  const head: AuditHead = { ...signMark(key, 'head', seal), sealedAt: now }
  return { seal, head, text, get events () { return events.map(recordedEvent) } }
}
