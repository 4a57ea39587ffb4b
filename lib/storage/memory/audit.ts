import type { AuditBatch, AuditChain, AuditCheckpoint, AuditFilter, AuditHead, AuditPosition, AuditRecord, AuditSeal } from '../audit.ts'

interface Entry { head: AuditHead, checkpoint: AuditCheckpoint | undefined, seals: AuditSeal[], records: AuditRecord[] }

function compare (one: AuditPosition, other: AuditPosition): number {
  return one.at.getTime() - other.at.getTime() || (one.writer < other.writer ? -1 : Number(one.writer > other.writer)) || one.sequence - other.sequence
}

function fits (record: AuditRecord, { userId, clientId, types, since, until, before }: AuditFilter): boolean {
  return (userId === undefined || record.userId === userId) &&
    (clientId === undefined || record.clientId === clientId) &&
    (types === undefined || types.includes(record.type)) &&
    (since === undefined || record.at >= since) &&
    (until === undefined || record.at < until) &&
    (before === undefined || compare(record, before) < 0)
}

/** The audit trail of `MemoryStorage`. */
export class MemoryAudit {
  readonly #chains = new Map<string, Entry>()

  append ({ seal, head, events }: AuditBatch): void {
    const { writer, first, last } = seal
    const known = this.#chains.get(writer)
    if (known !== undefined && known.head.sequence >= last) return
    const entry = known ?? { head, checkpoint: undefined, seals: [], records: [] }
    entry.head = head
    entry.seals.push(seal)
    // Not by a spread: a batch may be larger than what a call takes.
    for (const [index, event] of events.entries()) entry.records.push({ writer, sequence: first + index, ...event })
    this.#chains.set(writer, entry)
  }

  query (filter: AuditFilter): AuditRecord[] {
    const found = [...this.#chains.values()].flatMap(({ records }) => records.filter(record => fits(record, filter)))
    return structuredClone(found.sort((one, other) => compare(other, one)).slice(0, filter.limit))
  }

  chains (): AuditChain[] {
    return structuredClone([...this.#chains].map(([writer, { head, checkpoint }]) => ({ writer, head, checkpoint })).sort((one, other) => one.writer < other.writer ? -1 : 1))
  }

  seals (writer: string, after: number, limit: number): AuditSeal[] {
    return structuredClone((this.#chains.get(writer)?.seals ?? []).filter(({ last }) => last > after).slice(0, limit))
  }

  records (writer: string, first: number, last: number, limit: number): AuditRecord[] {
    const { records = [] } = this.#chains.get(writer) ?? {}
    return structuredClone(records.filter(({ sequence }) => sequence >= first && sequence <= last).slice(0, limit))
  }

  remove (checkpoint: AuditCheckpoint, before: number): boolean {
    const entry = this.#chains.get(checkpoint.writer)
    if (entry === undefined || (entry.checkpoint?.sequence ?? 0) !== before) return false
    entry.checkpoint = checkpoint
    entry.seals = entry.seals.filter(({ last }) => last > checkpoint.sequence)
    entry.records = entry.records.filter(({ sequence }) => sequence > checkpoint.sequence)
    return true
  }
}
