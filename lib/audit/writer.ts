import { setTimeout as sleep } from 'node:timers/promises'
import { StorageUnavailableError } from '../errors.ts'
import type { AuditKey } from '../keys/key-ring.ts'
import { randomId } from '../keys/secrets.ts'
import type { AuditBatch, AuditStorage } from '../storage/audit.ts'
import { sealBatch, type ChainEnd } from './chain.ts'
import { eventOf, type AuditEvent } from './event.ts'
import type { Recorded } from './recorded.ts'
import type { AuditLog } from './sink.ts'

/** How many events one INSERT holds. */
const batchSize = 1000

/** How many may wait. At most about four kilobytes each, as a rule half of one. */
const capacity = 10_000

/** In milliseconds: how long an event waits for others to be stored with. */
const interval = 500

/** In milliseconds: when a batch that could not be stored is tried again, and how long the last ones have at the end. */
const retryAfter = 1000
const patience = 5000

/** `generated` = `stored` + `dropped` + `waiting`, at any time. */
export interface AuditCounts {
  readonly generated: number
  /** Their INSERT has committed. */
  readonly stored: number
  /** Given up: too many waited, or the storage was down when the app closed. */
  readonly dropped: number
  readonly waiting: number
}

interface Waiter { resolve: () => void, reject: (error: unknown) => void }

interface Queued { event: Recorded, waiter: Waiter | undefined }

export interface AuditWriterOptions {
  readonly storage: AuditStorage
  readonly key: AuditKey
  readonly log: AuditLog
  /** The first event of this writer, once the storage is there. */
  readonly opening: () => Promise<AuditEvent>
}

/**
 * Stores events in batches, one after the other, off the path of requests. A batch that could not be stored is tried again as it is for as long
 * as it takes: what follows hangs on its seal. Meanwhile a bounded number waits, and what comes on top is counted and given up.
 */
export class AuditWriter {
  /** The name of this chain. */
  readonly writer = randomId()
  readonly #options: AuditWriterOptions
  #queue: Queued[] = []
  #batch: readonly Queued[] = []
  #end: ChainEnd = { sequence: 0, mac: '' }
  #timer: NodeJS.Timeout | undefined
  #flushing: Promise<void> | undefined
  #isFailing = false
  #isOpened = false
  readonly #closing = new AbortController()
  /** The last attempt has been made. */
  #isOver = false
  #watchers: Array<{ target: number, resolve: () => void }> = []
  #generated = 0
  #stored = 0
  #dropped = 0
  /** Of those, how many the trail itself tells of. */
  #toldDropped = 0

  constructor (options: AuditWriterOptions) {
    this.#options = options
  }

  get counts (): AuditCounts {
    return { generated: this.#generated, stored: this.#stored, dropped: this.#dropped, waiting: this.#queue.length + this.#batch.length }
  }

  push (event: Recorded): void {
    if (this.#add(event, undefined) && this.#queue.length >= batchSize) this.#start()
  }

  /** Resolves once the event is stored; rejects where that does not work out at once, though it may later. */
  commit (event: Recorded): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#add(event, { resolve, reject })) reject(new StorageUnavailableError({ reason: 'the audit trail is full' }))
      else if (this.#isFailing) this.#refuseWaiting(new StorageUnavailableError({ reason: 'the audit trail can not be written' }))
      else this.#start()
    })
  }

  /** Waits until what was pushed so far is stored, or could not be at once. */
  async flush (): Promise<void> {
    const { stored, waiting } = this.counts
    if (waiting === 0 || this.#isFailing) return
    this.#start()
    await new Promise<void>(resolve => { this.#watchers.push({ target: stored + waiting, resolve }) })
  }

  /** Stores what is left; what can't be stored within seconds is given up. Nothing is taken afterwards. */
  async close (): Promise<void> {
    if (this.#closing.signal.aborted) return
    clearTimeout(this.#timer)
    this.#closing.abort()
    if (this.#queue.length > 0) this.#start()
    const late = new AbortController()
    await Promise.race([this.#flushed(), sleep(patience, undefined, { signal: late.signal }).catch(() => {})])
    late.abort()
    this.#isOver = true
    const left = [...this.#batch, ...this.#queue]
    this.#dropped += left.length
    this.#batch = []
    this.#queue = []
    for (const { waiter } of left) waiter?.reject(new StorageUnavailableError({ reason: 'the app has closed' }))
    for (const { resolve } of this.#watchers.splice(0)) resolve()
    if (left.length > 0) this.#options.log.error({ dropped: left.length }, 'audit events were lost: the storage was not there to take them')
    this.logHead()
  }

  /** Whoever keeps the log can tell later whether the chain still comes so far. */
  logHead (): void {
    const { sequence, mac } = this.#end
    if (sequence > 0) this.#options.log.info({ writer: this.writer, sequence, mac }, 'the audit trail ends here')
  }

  #add (event: Recorded, waiter: Waiter | undefined): boolean {
    this.#generated++
    if (this.#queue.length + this.#batch.length >= capacity || this.#closing.signal.aborted) {
      if (this.#dropped++ === this.#toldDropped) this.#options.log.error({}, 'audit events are lost: too many wait to be stored')
      return false
    }
    this.#queue.push({ event, waiter })
    this.#arm()
    return true
  }

  #arm (): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#start()
    }, interval).unref()
  }

  #start (): void {
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
      if (this.#queue.length > 0 && !this.#isOver && this.#isUrgent()) this.#start()
    })
  }

  /** The end of one flush may be the begin of another. */
  async #flushed (): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing
  }

  /** Whether what waits should not wait for more: many small batches cost several times as much as few. */
  #isUrgent (): boolean {
    return this.#queue.length >= batchSize || this.#watchers.length > 0 || this.#closing.signal.aborted || this.#queue.some(({ waiter }) => waiter !== undefined)
  }

  async #flush (): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    // Whoever comes in the same turn comes along.
    await new Promise(resolve => { setImmediate(resolve) })
    if (!this.#isOpened && !await this.#open()) return
    while (this.#queue.length > 0 && !this.#isOver) {
      this.#tellDropped()
      this.#batch = this.#queue.splice(0, batchSize)
      await this.#store(sealBatch(this.#options.key, this.writer, this.#end, this.#batch.map(({ event }) => event), new Date()))
      if (!this.#isUrgent()) break
    }
    if (this.#queue.length > 0 && !this.#isOver) this.#arm()
  }

  async #open (): Promise<boolean> {
    const opening = await this.#insist(this.#options.opening)
    if (opening === undefined) return false
    this.#isOpened = true
    this.#generated++
    this.#queue.unshift({ event: opening, waiter: undefined })
    return true
  }

  async #store (batch: AuditBatch): Promise<void> {
    const events = this.#batch
    if (await this.#insist(async () => { await this.#options.storage.appendAudit(batch); return batch }) === undefined) return
    const { last: sequence, mac } = batch.seal
    this.#end = { sequence, mac }
    this.#stored += events.length
    // It came through after all, behind the time that the close had for it.
    if (this.#isOver) this.#dropped -= events.length
    this.#batch = []
    for (const { waiter } of events) waiter?.resolve()
    this.#tellWatchers()
  }

  /** Tries until it succeeds, or the close has waited long enough: then undefined. */
  async #insist<T> (work: () => Promise<T>): Promise<T | undefined> {
    while (!this.#isOver) {
      try {
        const done = await work()
        if (this.#isFailing) this.#options.log.info({ waiting: this.counts.waiting }, 'audit events are stored again')
        this.#isFailing = false
        return done
      } catch (error) {
        if (!this.#isFailing) this.#options.log.error({ err: error }, 'audit events can not be stored; they wait')
        this.#isFailing = true
        this.#refuseWaiting(error)
        this.#tellWatchers()
        await sleep(retryAfter, undefined, { signal: this.#closing.signal, ref: false }).catch(async () => { await sleep(100) })
      }
    }
    return undefined
  }

  #tellWatchers (): void {
    for (const watcher of this.#watchers) if (this.#isFailing || this.#stored >= watcher.target) watcher.resolve()
    this.#watchers = this.#watchers.filter(({ target }) => !this.#isFailing && this.#stored < target)
  }

  /** They wait no longer; their events do. */
  #refuseWaiting (error: unknown): void {
    for (const queued of [...this.#batch, ...this.#queue]) {
      queued.waiter?.reject(error)
      queued.waiter = undefined
    }
  }

  /** So that a gap is not taken for a quiet time. */
  #tellDropped (): void {
    const count = this.#dropped - this.#toldDropped
    if (count === 0) return
    this.#toldDropped = this.#dropped
    this.#generated++
    this.#queue.unshift({ event: eventOf({ type: 'audit.dropped', actor: { type: 'server' }, outcome: 'failed', details: { count } }), waiter: undefined })
  }
}
