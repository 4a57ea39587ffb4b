import type { Terminal } from './terminal.ts'

/** In milliseconds: how often a line that is written over changes, and how often a log gets a new one. */
const intervals = { terminal: 100, log: 10_000 }

/** How far long work is, on stderr. */
export class Progress {
  readonly #stream: Terminal['stderr']
  readonly #interval: number
  #toldAt: number
  #isOpen = false

  constructor ({ stderr }: Terminal, { terminal, log } = intervals) {
    this.#stream = stderr
    this.#interval = stderr.isTTY === true ? terminal : log
    // Short work is not worth a line in a log.
    this.#toldAt = stderr.isTTY === true ? 0 : Date.now()
  }

  tell (text: string): void {
    if (Date.now() - this.#toldAt < this.#interval) return
    this.#toldAt = Date.now()
    this.#isOpen = this.#stream.isTTY === true
    this.#stream.write(this.#isOpen ? `\r\u001b[K${text}` : `${text}\n`)
  }

  /** Leaves the line for what comes next. */
  end (): void {
    if (this.#isOpen) this.#stream.write('\r\u001b[K')
    this.#isOpen = false
  }
}
