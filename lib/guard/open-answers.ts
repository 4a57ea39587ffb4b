import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Changes } from '../storage/changes.ts'
import { concernedBy } from './concerned-by.ts'
import type { Checked, Verified } from './verified-tokens.ts'

/** An answer that has not come to its end, or the socket that a request was upgraded to. */
type Answer = ServerResponse | Socket

/** In milliseconds: how often those that are open are looked through. */
const period = 1000

/** In milliseconds: for how long an answer stays open that was due and could not be checked. */
const patience = 30_000

/** How many look-ups go to the storage at once. */
const concurrency = 8

/** Answers to one token that have to be checked. */
interface Due { checked: Checked, answers: Answer[] }

/** What a connection is busy with, as far as nobody has looked. */
interface Latest { answer: ServerResponse | undefined, checked: Checked }

interface Log { info (object: object, message: string): void, error (object: object, message: string): void }

/** Whether a server's request became something else, such as a WebSocket. Node sets it, and does not document it. */
function isUpgrade (raw: IncomingMessage): boolean {
  return 'upgrade' in raw && raw.upgrade === true
}

/** Whether the head is out and the end is not: nothing says that it ever comes. */
function isStreaming (answer: Answer): boolean {
  return !('headersSent' in answer) || (answer.headersSent && !answer.writableEnded)
}

/**
 * The answers of protected routes that are still open. Event streams and sockets outlive what the guard knew when it let them begin, so each
 * is checked again when that is `revalidateAfter` old, and ended when its token, grant, client or user is not alive any more, or its
 * token's time has come. One that can't be checked is ended half a minute later.
 *
 * The others are over before anything here looks at them: they cost a place in a Map for each connection.
 */
export class OpenAnswers {
  /** Those that have to be looked at. */
  readonly #open = new Map<Answer, Checked>()
  /** By connection, which HTTP/1.1 uses for one after the other: no listener is needed for those that end soon. */
  readonly #latest = new Map<Socket, Latest>()
  readonly #check: (verified: Verified, now: Date) => Promise<boolean>
  readonly #lifetime: number
  readonly #log: Log
  readonly #forget: (this: Answer) => void
  #timer: NodeJS.Timeout | undefined
  #generation = 0
  #isChecking = false
  #isClosing = false

  /**
   * @param revalidateAfter in seconds
   * @param check whether a token that was found alive still is
   */
  constructor (revalidateAfter: number, check: (verified: Verified, now: Date) => Promise<boolean>, log: Log) {
    this.#lifetime = revalidateAfter * 1000
    this.#check = check
    this.#log = log
    const drop = (answer: Answer) => { this.#drop(answer) }
    // One function for all, which knows its answer by `this`.
    this.#forget = function forget () { drop(this) }
  }

  get size (): number {
    this.#followLatest()
    return this.#open.size
  }

  /** From now on, until it closes. */
  watch (request: IncomingMessage, response: ServerResponse, checked: Checked): void {
    const { socket } = request
    this.#timer ??= this.#arm()
    if (isUpgrade(request)) return this.#follow(socket, checked)
    // HTTP/2 has many at once on one connection, `app.inject` has no connection.
    if (request.httpVersionMajor > 1 || !(socket instanceof Socket)) return this.#follow(response, checked)
    const latest = this.#latest.get(socket)
    if (latest === undefined) {
      this.#latest.set(socket, { answer: response, checked })
      socket.once('close', () => { this.#latest.delete(socket) })
      return
    }
    // Where the client did not wait for the answer before.
    this.#followUp(latest)
    latest.answer = response
    latest.checked = checked
  }

  /** Those whom a change concerns are due at the next look. */
  recheck (changes: Changes): void {
    this.#generation++
    this.#followLatest()
    const now = Date.now()
    const isConcerned = concernedBy(changes)
    for (const [answer, checked] of this.#open) {
      if (now < checked.validUntil && isConcerned(checked.access)) this.#open.set(answer, { ...checked, validUntil: now })
    }
  }

  /** The app closes: what would never end by itself ends now, or as soon as it begins. */
  close (): void {
    this.#isClosing = true
    this.#followLatest()
    for (const answer of this.#open.keys()) if (isStreaming(answer)) this.#end(answer)
  }

  #follow (answer: Answer, checked: Checked): void {
    this.#open.set(answer, checked)
    answer.on('close', this.#forget)
  }

  /** `destroyed` says that it has closed, in whatever way. */
  #followUp (latest: Latest): void {
    const { answer, checked } = latest
    latest.answer = undefined
    if (answer?.destroyed === false) this.#follow(answer, checked)
  }

  #followLatest (): void {
    for (const latest of this.#latest.values()) this.#followUp(latest)
  }

  #drop (answer: Answer): void {
    this.#open.delete(answer)
    if (this.#isClosing && this.#open.size === 0) clearTimeout(this.#timer)
  }

  #arm (): NodeJS.Timeout {
    return setTimeout(() => {
      this.#lookThrough(Date.now())
      this.#timer = this.#open.size === 0 ? undefined : this.#arm()
    }, period).unref()
  }

  #lookThrough (now: number): void {
    const due = new Map<string, Due>()
    this.#followLatest()
    for (const [answer, checked] of this.#open) {
      const { access, auth, validUntil } = checked
      if (this.#isClosing && isStreaming(answer)) this.#end(answer)
      else if (now >= auth.expiresAt * 1000 || now >= validUntil + patience) this.#refuse(answer, checked)
      // Rather a little early than late.
      else if (validUntil < now + period) {
        const known = due.get(access.tokenId)
        if (known === undefined) due.set(access.tokenId, { checked, answers: [answer] })
        else known.answers.push(answer)
      }
    }
    if (due.size > 0 && !this.#isChecking) this.#checkAll([...due.values()])
  }

  async #checkAll (due: Due[]): Promise<void> {
    this.#isChecking = true
    const work = due.values()
    await Promise.all(Array.from({ length: concurrency }, async () => {
      for (const one of work) await this.#checkToken(one)
    }))
    this.#isChecking = false
  }

  /** One look-up for all answers to one token. */
  async #checkToken ({ checked, answers }: Due): Promise<void> {
    const now = new Date()
    const generation = this.#generation
    try {
      const isAlive = await this.#check(checked, now)
      // What has changed meanwhile may not be in it.
      const validUntil = generation === this.#generation ? now.getTime() + this.#lifetime : now.getTime()
      // Some may have closed meanwhile.
      for (const answer of answers.filter(answer => this.#open.has(answer))) {
        if (isAlive) this.#open.set(answer, { ...checked, validUntil })
        else this.#refuse(answer, checked)
      }
    } catch (error) {
      this.#log.error({ err: error, tokenId: checked.access.tokenId }, 'an open answer could not be checked')
    }
  }

  #refuse (answer: Answer, { access: { tokenId, grantId } }: Checked): void {
    this.#log.info({ tokenId, grantId }, 'ended an open answer: access is over')
    this.#end(answer)
  }

  /** Not gracefully: whoever goes on writing after an end crashes the process, after this nothing happens. */
  #end (answer: Answer): void {
    this.#drop(answer)
    if ('destroySoon' in answer) answer.destroySoon()
    else answer.destroy()
  }
}
