import type { Change, ChangeWatcher } from '../changes.ts'
import { channel } from './migrations/changes.ts'

/** What is needed of a connection that listens: `pg`'s `Client` is one. */
export interface ListeningClient {
  connect (): Promise<unknown>
  query (statement: string): Promise<unknown>
  end (): Promise<unknown>
  /** Where it is there: the connection alone keeps no process alive. */
  unref? (): void
  on (event: 'notification', listener: (notification: { payload?: string | undefined }) => void): unknown
  on (event: 'error', listener: (error: Error) => void): unknown
  on (event: 'end', listener: () => void): unknown
}

/** In milliseconds: the first wait before the next attempt to connect, which doubles each time, and the longest. */
const waits = { first: 500, longest: 30_000 }

/** In milliseconds: how long the end of a connection is waited for, and how long its beginning may take. */
const patience = { end: 1000, beginning: 10_000 }

/** Of messages that come at once: with more, everything has changed. */
const most = 1000

const message = /^(token|grant|client|user):(.{1,500})$/s

/** What a message is about; undefined where nobody understands it, so that it may be anything. */
function parse (payload: string): Change | undefined {
  const [, kind, id] = message.exec(payload) ?? []
  return kind === undefined || id === undefined ? undefined : { kind: kind as Change['kind'], id }
}

/**
 * Hears on a connection of its own what the triggers tell, and passes it on once for all that comes at the same time. Where the connection is lost
 * it makes another, and lets everything go then: nobody knows what was missed.
 */
export class ChangeListener {
  readonly #connect: () => ListeningClient
  readonly #watcher: ChangeWatcher
  readonly #heard = new Set<string>()
  #client: ListeningClient | undefined
  #timer: NodeJS.Timeout | undefined
  #wait = waits.first
  /** Whether the watcher knows that nothing is heard. */
  #isLossTold = false
  #isEnded = false

  constructor (connect: () => ListeningClient, watcher: ChangeWatcher) {
    this.#connect = connect
    this.#watcher = watcher
    this.#listen()
  }

  async end (): Promise<void> {
    this.#isEnded = true
    clearTimeout(this.#timer)
    const client = this.#client
    if (client === undefined) return
    await new Promise<void>(resolve => {
      // The server may be out of reach by now, and would never answer.
      const timer = setTimeout(() => {
        client.unref?.()
        resolve()
      }, patience.end)
      client.end().catch(() => {}).finally(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  async #listen (): Promise<void> {
    let client: ListeningClient | undefined
    this.#timer = setTimeout(() => { this.#lose(client, new Error(`nobody answered within ${patience.beginning} ms`)) }, patience.beginning)
    this.#timer.unref()
    try {
      client = this.#client = this.#connect()
      client.on('error', error => { this.#lose(client, error) })
      client.on('end', () => { this.#lose(client, new Error('the connection was closed')) })
      client.on('notification', ({ payload = '' }) => { this.#hear(payload) })
      await client.connect()
      await client.query(`LISTEN ${channel}`)
      if (this.#client !== client) return
      clearTimeout(this.#timer)
      client.unref?.()
      this.#wait = waits.first
      this.#isLossTold = false
      this.#watcher.changed('everything')
    } catch (error) {
      this.#lose(client, error)
    }
  }

  /** Once for each client, whatever it emits and rejects. */
  #lose (client: ListeningClient | undefined, error: unknown): void {
    if (this.#isEnded || this.#client !== client) return
    clearTimeout(this.#timer)
    this.#client = undefined
    client?.unref?.()
    client?.end().catch(() => {})
    if (!this.#isLossTold) this.#watcher.failed(error)
    this.#isLossTold = true
    this.#timer = setTimeout(() => { this.#listen() }, this.#wait).unref()
    this.#wait = Math.min(this.#wait * 2, waits.longest)
  }

  #hear (payload: string): void {
    if (this.#heard.size === 0) setImmediate(() => { this.#pass() })
    if (this.#heard.size < most) this.#heard.add(payload)
  }

  #pass (): void {
    const changes = [...this.#heard].map(parse)
    this.#heard.clear()
    this.#watcher.changed(changes.length < most && changes.every(change => change !== undefined) ? changes : 'everything')
  }
}
