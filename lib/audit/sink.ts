import type { AuditEvent } from './event.ts'

/** Where events go besides, such as a SIEM. */
export type AuditSink = (event: AuditEvent) => unknown

export interface AuditLog {
  error (object: object, message: string): void
  info (object: object, message: string): void
}

/** How many events may wait for a sink that takes its time. */
const capacity = 10_000

/** In milliseconds: how long a sink has at the end. */
const patience = 5000

/** Hands events to a sink one by one, in order, after the request that they tell of. Whatever the sink does changes nothing here. */
export class SinkFeed {
  readonly #sink: AuditSink
  readonly #log: AuditLog
  #waiting: AuditEvent[] = []
  #delivery: Promise<void> | undefined
  #missed = 0

  constructor (sink: AuditSink, log: AuditLog) {
    this.#sink = sink
    this.#log = log
  }

  push (event: AuditEvent): void {
    if (this.#waiting.length >= capacity) {
      this.#missed++
      return
    }
    this.#waiting.push(event)
    this.#delivery ??= this.#deliver()
  }

  /** Waits until all is delivered, a few seconds at most. */
  async close (): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>(resolve => { timer = setTimeout(resolve, patience) })
    await Promise.race([this.#delivery, late])
    clearTimeout(timer)
    this.#missed += this.#waiting.length
    this.#waiting = []
    this.#tellMissed()
  }

  async #deliver (): Promise<void> {
    await new Promise(resolve => { setImmediate(resolve) })
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) {
      for (const event of batch) await this.#hand(event)
      this.#tellMissed()
    }
    this.#delivery = undefined
  }

  #take (): AuditEvent[] {
    const batch = this.#waiting
    this.#waiting = []
    return batch
  }

  async #hand (event: AuditEvent): Promise<void> {
    try {
      const answer = this.#sink(event)
      if (answer instanceof Promise) await answer
    } catch (error) {
      this.#log.error({ err: error, type: event.type }, 'the audit sink failed')
    }
  }

  #tellMissed (): void {
    if (this.#missed === 0) return
    this.#log.error({ missed: this.#missed }, 'the audit sink is too slow: events were not handed to it')
    this.#missed = 0
  }
}
