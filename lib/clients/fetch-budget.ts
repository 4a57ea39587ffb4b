import { LRUCache } from 'lru-cache'

/** In milliseconds. */
const window = 60_000

/** Bounds how often anybody is asked, so that nobody can be asked to death through us. */
export class FetchBudget {
  readonly #spent = new LRUCache<string, { since: number, times: number }>({ max: 10_000 })
  readonly #most: number

  /** @param most how much a minute */
  constructor (most: number) {
    this.#most = most
  }

  /** @returns whether there was something left to spend on it */
  spend (on: string, now: Date): boolean {
    const time = now.getTime()
    const spent = this.#spent.get(on)
    if (spent === undefined || time - spent.since >= window) {
      this.#spent.set(on, { since: time, times: 1 })
      return true
    }
    spent.times++
    return spent.times <= this.#most
  }
}
