import type { AuditKeys } from '../keys/key-ring.ts'
import type { AuditChain, AuditRecord, AuditSeal, AuditStorage } from '../storage/audit.ts'
import { digestOf, isMarkGenuine, isSealGenuine, type ChainEnd } from './chain.ts'
import { parseAnchor, type Anchor } from './opening.ts'
import { textOf } from './recorded.ts'
import type { AuditFinding, AuditFindingKind } from './verify.ts'

/** How many seals are read at once. */
const page = 100

/** How many events a batch may have. What a changed seal claims is not read into memory. */
const mostEvents = 100_000

/** What was found on the way along a chain. */
export interface Walk {
  readonly findings: AuditFinding[]
  /** Of the last event that is sealed. */
  readonly last: number
  readonly events: number
  /** Of the seal, or the checkpoint, that the head names. */
  readonly headMac: string | undefined
  /** Ends of other chains that this one names. */
  readonly anchors: readonly Anchor[]
}

class Walker {
  readonly findings: AuditFinding[] = []
  readonly anchors: Anchor[] = []
  events = 0
  end: ChainEnd
  headMac: string | undefined
  readonly #storage: AuditStorage
  readonly #keys: AuditKeys
  readonly #writer: string
  readonly #headSequence: number | undefined

  constructor (storage: AuditStorage, keys: AuditKeys, { writer, head, checkpoint }: AuditChain) {
    this.#storage = storage
    this.#keys = keys
    this.#writer = writer
    this.#headSequence = head?.sequence
    this.end = { sequence: 0, mac: '' }
    if (checkpoint === undefined) return
    const key = keys.findAuditKey(checkpoint.keyId)
    const { sequence } = checkpoint
    this.#reach({ sequence, mac: checkpoint.mac })
    if (key === undefined) this.find('unverified', sequence, sequence, 'The secret that the checkpoint was signed under is not known here')
    else if (!isMarkGenuine(key, 'checkpoint', checkpoint)) this.find('changed', sequence, sequence, 'The checkpoint of this chain is not as it was written')
  }

  find (kind: AuditFindingKind, first: number, last: number, message: string): void {
    // Enough to see what happened; a chain may have millions.
    if (this.findings.length < 100) this.findings.push({ kind, writer: this.#writer, first, last, message })
  }

  async walk (seal: AuditSeal): Promise<void> {
    const { first, last } = seal
    const gap = first - this.end.sequence - 1
    if (gap > 0) this.find('removed', this.end.sequence + 1, first - 1, 'Events and their seals are not there')
    else this.#judgeSeal(seal)
    this.#reach({ sequence: last, mac: seal.mac })
    if (last - first >= mostEvents) return this.find('changed', first, last, 'The seal of these events is not as it was written')
    const records = await this.#storage.listAuditRecords(this.#writer, first, last, last - first + 1)
    this.events += records.length
    this.#judgeRecords(seal, records)
    for (const record of records) this.#read(record)
  }

  #reach (end: ChainEnd): void {
    this.end = end
    if (end.sequence === this.#headSequence) this.headMac = end.mac
  }

  #judgeSeal (seal: AuditSeal): void {
    const { first, last } = seal
    const key = this.#keys.findAuditKey(seal.keyId)
    if (key === undefined) this.find('unverified', first, last, 'The secret that these events were sealed under is not known here')
    if ((key !== undefined && !isSealGenuine(key, seal)) || seal.previous !== this.end.mac) this.find('changed', first, last, 'The seal of these events is not as it was written')
  }

  #judgeRecords ({ first, last, digest }: AuditSeal, records: readonly AuditRecord[]): void {
    const present = new Set(records.map(({ sequence }) => sequence))
    const missing = { first: 0, last: 0 }
    for (let sequence = first; sequence <= last; sequence++) {
      if (present.has(sequence)) continue
      missing.first ||= sequence
      missing.last = sequence
    }
    if (missing.last > 0) this.find('removed', missing.first, missing.last, 'At least one of these events is not there')
    else if (digestOf(textOf(first, records)) !== digest) this.find('changed', first, last, 'At least one of these events is not as it was written')
  }

  #read ({ type, sequence, details }: AuditRecord): void {
    const { heads } = details
    if (type === 'audit.started' && Array.isArray(heads)) this.anchors.push(...heads.flatMap(text => parseAnchor(text) ?? []))
    if (type === 'audit.purged' && details['verified'] === false) {
      this.find('unverified', sequence, sequence, `Events of ${String(details['writer'])} were removed because of their age when nobody could tell whether they held`)
    }
  }
}

/**
 * Goes along a chain, from its checkpoint to its last seal, and then looks for events that no seal covers.
 *
 * @param onProgress told of how many events of it were looked at
 */
export async function walkChain (storage: AuditStorage, keys: AuditKeys, chain: AuditChain, onProgress: (events: number) => void): Promise<Walk> {
  const { writer } = chain
  const walker = new Walker(storage, keys, chain)
  const start = walker.end.sequence
  for (;;) {
    const seals = await storage.listAuditSeals(writer, walker.end.sequence, page)
    for (const seal of seals) {
      await walker.walk(seal)
      onProgress(walker.events)
    }
    if (seals.length > 0) continue
    const [stray] = await storage.listAuditRecords(writer, walker.end.sequence + 1, Number.MAX_SAFE_INTEGER, 1)
    // A batch that came between the two looks.
    const [late] = stray === undefined ? [] : await storage.listAuditSeals(writer, walker.end.sequence, 1)
    if (late !== undefined) continue
    if (stray !== undefined) walker.find('added', stray.sequence, stray.sequence, 'There are events that were never sealed')
    break
  }
  const [buried] = await storage.listAuditRecords(writer, Number.MIN_SAFE_INTEGER, start, 1)
  if (buried !== undefined) walker.find('added', buried.sequence, buried.sequence, 'There are events where the old ones were removed')
  return { findings: walker.findings, last: walker.end.sequence, events: walker.events, headMac: walker.headMac, anchors: walker.anchors }
}
