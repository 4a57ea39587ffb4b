import type { AuditEvent, AuditEventType } from '../audit/event.ts'

/** An event as it is stored: where it stands in the chain of the process that wrote it. */
export interface AuditRecord extends AuditEvent {
  /** The process: a name that it made at its start. */
  readonly writer: string
  /** From 1, without gaps. */
  readonly sequence: number
}

/** What holds a batch of events together, and to the batch before it. */
export interface AuditSeal {
  readonly writer: string
  /** The `sequence` of its first event. */
  readonly first: number
  readonly last: number
  readonly sealedAt: Date
  /** Which root secret the key comes from. */
  readonly keyId: string
  /** The `mac` of the seal before it; empty for the first one. */
  readonly previous: string
  /** SHA-256 of the events' text, base64url. */
  readonly digest: string
  /** HMAC-SHA256 of all that, base64url. */
  readonly mac: string
}

/** A place in a chain, signed. */
export interface AuditMark {
  readonly writer: string
  /** The `last` of a seal. */
  readonly sequence: number
  /** Of that seal. */
  readonly mac: string
  readonly keyId: string
  readonly signature: string
}

/** The end of a chain. It is kept apart from the events, so that it is noticed where the last ones are taken away. */
export interface AuditHead extends AuditMark {
  readonly sealedAt: Date
}

/** Up to where events were removed because of their age. */
export type AuditCheckpoint = AuditMark

export interface AuditBatch {
  readonly seal: AuditSeal
  readonly head: AuditHead
  readonly events: readonly AuditEvent[]
  /**
   * The same as JSON: one array an event, its `sequence` first, in the order of the table's
   * columns. It is what `digest` is over.
   */
  readonly text: string
}

/** What there is of a writer. What is undefined was taken away, or never was. */
export interface AuditChain {
  readonly writer: string
  readonly head: AuditHead | undefined
  readonly checkpoint: AuditCheckpoint | undefined
}

/** A place in what a query finds. */
export type AuditPosition = Pick<AuditRecord, 'at' | 'writer' | 'sequence'>

export interface AuditFilter {
  readonly userId?: string | undefined
  readonly clientId?: string | undefined
  /** Any of these. */
  readonly types?: readonly AuditEventType[] | undefined
  readonly since?: Date | undefined
  /** Not itself. */
  readonly until?: Date | undefined
  /** Only what is older than this one. */
  readonly before?: AuditPosition | undefined
  readonly limit: number
}

/** The audit trail's share of the storage contract. Nothing here changes an event. */
export interface AuditStorage {
  /**
   * Stores a batch, its seal and the writer's new head together, or none of it. The same batch once more, as after an answer that was
   * lost, changes nothing.
   */
  appendAudit (batch: AuditBatch): Promise<void>
  /** The latest first; of those that happened at the same time, by `writer` and `sequence`, the highest first. */
  queryAudit (filter: AuditFilter): Promise<AuditRecord[]>
  /** All writers of which there is anything at all: an event, a seal or a head. By name. */
  listAuditChains (): Promise<AuditChain[]>
  /** Those whose `last` is above `after`, in order. */
  listAuditSeals (writer: string, after: number, limit: number): Promise<AuditSeal[]>
  /** Those from `first` to `last`, both included, in order. */
  listAuditRecords (writer: string, first: number, last: number, limit: number): Promise<AuditRecord[]>
  /**
   * Writes the checkpoint down and removes all events and seals up to it, together.
   *
   * @param before the `sequence` of the checkpoint that it replaces, 0 where there is none
   * @returns false, having changed nothing, where that is another one by now, or there is no head: of any number of callers, one wins
   */
  removeAudit (checkpoint: AuditCheckpoint, before: number): Promise<boolean>
}
