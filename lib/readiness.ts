import { setTimeout as sleep } from 'node:timers/promises'
import type { AuthorizationServer } from './server.ts'

/** In milliseconds: for how long an answer serves whoever asks next. */
const lifetime = 1000

/** In milliseconds: a storage that takes longer counts as one that is down. */
const patience = 2000

interface Log { info (message: string): void, warn (object: object, message: string): void }

/**
 * Whether requests can be served. However often that is asked, and by however many at once, the storage is asked by one of them, once a
 * second at most.
 */
export class Readiness {
  readonly #server: AuthorizationServer
  readonly #log: Log
  #answer: Promise<boolean> = Promise.resolve(false)
  #answeredAt: number | undefined
  #isAsking = false
  #wasReady = true
  #isClosing = false

  constructor (server: AuthorizationServer, log: Log) {
    this.#server = server
    this.#log = log
  }

  async isReady (): Promise<boolean> {
    if (!this.#isAsking && !this.#isFresh(Date.now())) this.#answer = this.#ask()
    return await this.#answer && !this.#isClosing
  }

  /** The app closes: never again. */
  close (): void {
    this.#isClosing = true
  }

  /** A clock that was set back starts anew. */
  #isFresh (now: number): boolean {
    return this.#answeredAt !== undefined && this.#answeredAt <= now && now < this.#answeredAt + lifetime
  }

  async #ask (): Promise<boolean> {
    this.#isAsking = true
    const answer = this.#check(new Date()).finally(() => {
      this.#isAsking = false
      this.#answeredAt = Date.now()
    })
    const timer = new AbortController()
    try {
      return await Promise.race([answer, sleep(patience, false, { signal: timer.signal })])
    } finally {
      timer.abort()
    }
  }

  async #check (now: Date): Promise<boolean> {
    const { storage, keys } = this.#server
    try {
      await storage.prepare()
      await this.#server.ready()
      for (const purpose of ['access', 'id'] as const) keys.signingKey(purpose, now)
    } catch (error) {
      if (this.#wasReady) this.#log.warn({ err: error }, 'not ready')
      this.#wasReady = false
      return false
    }
    if (!this.#wasReady) this.#log.info('ready again')
    this.#wasReady = true
    return true
  }
}
