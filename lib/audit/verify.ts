import type { AuditKeys } from '../keys/key-ring.ts'
import type { AuditChain, AuditStorage } from '../storage/audit.ts'
import { isMarkGenuine } from './chain.ts'
import { parseAnchor, type Anchor } from './opening.ts'
import { walkChain, type Walk } from './walk.ts'

/**
 * - `changed`: an event, a seal, a head or a checkpoint is not as it was written.
 * - `removed`: events in the middle, or at the start without a checkpoint, are not there.
 * - `cut`: the last events are not there, or none of a writer.
 * - `added`: events that were never sealed.
 * - `unverified`: nobody can tell: the secret that they were sealed under is not among those that are given, or it was not when they were
 *   removed because of their age.
 */
export type AuditFindingKind = 'changed' | 'removed' | 'cut' | 'added' | 'unverified'

export interface AuditFinding {
  readonly kind: AuditFindingKind
  readonly writer: string
  /** The first event that is concerned, by its `sequence`. */
  readonly first: number
  readonly last: number
  /** In a sentence. */
  readonly message: string
}

export interface AuditVerification {
  /** Whether nothing was found. */
  readonly intact: boolean
  /** How many events were looked at, and in how many chains. */
  readonly events: number
  readonly chains: number
  /** A hundred at most. */
  readonly findings: readonly AuditFinding[]
  /** Where each chain ends. To be told from a copy in another place: `verify({ heads })`. */
  readonly heads: readonly Anchor[]
}

const maxFindings = 100

interface Report {
  findings: AuditFinding[]
  events: number
  anchors: Anchor[]
  readonly onProgress: (events: number) => void
}

function verifyHead (keys: AuditKeys, { writer, head }: AuditChain, walk: Walk): AuditFinding[] {
  const { last } = walk
  if (head === undefined) return [{ kind: 'cut', writer, first: last + 1, last: last + 1, message: 'The head of this chain is not there: nobody can tell where it ended' }]
  const key = keys.findAuditKey(head.keyId)
  if (key === undefined) return [{ kind: 'unverified', writer, first: head.sequence, last: head.sequence, message: 'The secret that the head was signed under is not known here' }]
  if (!isMarkGenuine(key, 'head', head)) return [{ kind: 'changed', writer, first: head.sequence, last: head.sequence, message: 'The head of this chain is not as it was written' }]
  if (head.sequence > last) return [{ kind: 'cut', writer, first: last + 1, last: head.sequence, message: 'The last events are not there' }]
  // The seal that it names was there a moment ago, or the chain has grown since.
  return walk.headMac === head.mac ? [] : [{ kind: 'changed', writer, first: head.sequence, last: head.sequence, message: 'The head is of another chain than the events' }]
}

async function verifyChain (storage: AuditStorage, keys: AuditKeys, chain: AuditChain, report: Report): Promise<void> {
  const walk = await walkChain(storage, keys, chain, events => { report.onProgress(report.events + events) })
  const findings = [...walk.findings, ...verifyHead(keys, chain, walk)]
  const now = findings.length === 0 ? undefined : (await storage.listAuditChains()).find(({ writer }) => writer === chain.writer)
  // Old events were removed meanwhile: what seems to be missing is not.
  if (now !== undefined && now.checkpoint?.sequence !== chain.checkpoint?.sequence) return await verifyChain(storage, keys, now, report)
  report.events += walk.events
  report.anchors.push(...walk.anchors)
  report.findings.push(...findings)
}

/** Whether a chain still comes as far as someone saw it. */
async function verifyAnchor (storage: AuditStorage, { writer, sequence, mac }: Anchor): Promise<AuditFinding[]> {
  const [seal] = await storage.listAuditSeals(writer, sequence - 1, 1)
  if (seal?.last === sequence && seal.mac === mac) return []
  const chain = (await storage.listAuditChains()).find(known => known.writer === writer)
  const finding = { kind: 'cut', writer, first: sequence, last: sequence } as const
  if (chain === undefined) return [{ ...finding, first: 1, message: 'Nothing is left of this writer, which another one has seen' }]
  if (sequence <= (chain.checkpoint?.sequence ?? 0)) return []
  return [{ ...finding, message: 'The chain is not the one that was seen here' }]
}

/**
 * Reads the whole trail and tells what does not hold. What was there when it began is looked at; what is added meanwhile is no finding.
 *
 * @param seen where chains ended, as the log or an earlier verification has it: notices a trail that was put back as a whole
 * @param onProgress told of how many events were looked at, a batch at a time
 */
export async function verifyAuditTrail (
  storage: AuditStorage, keys: AuditKeys, seen: readonly string[] = [], onProgress: (events: number) => void = () => {}
): Promise<AuditVerification> {
  const chains = await storage.listAuditChains()
  const report: Report = { findings: [], events: 0, anchors: seen.flatMap(text => parseAnchor(text) ?? []), onProgress }
  for (const chain of chains) await verifyChain(storage, keys, chain, report)
  const anchors = new Map(report.anchors.map(anchor => [`${anchor.writer}:${anchor.sequence}:${anchor.mac}`, anchor]))
  for (const anchor of anchors.values()) report.findings.push(...await verifyAnchor(storage, anchor))
  return {
    intact: report.findings.length === 0,
    events: report.events,
    chains: chains.length,
    findings: report.findings.slice(0, maxFindings),
    heads: chains.flatMap(({ head }) => head === undefined ? [] : [{ writer: head.writer, sequence: head.sequence, mac: head.mac }])
  }
}
