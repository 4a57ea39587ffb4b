import type { Living } from '../storage/records.ts'

/** In milliseconds: for how long a count serves, whoever asks. One that failed counts as one, too. */
const lifetime = 60_000

/** In milliseconds: how long a scrape waits for it. It has more to tell, and most of all when the database is in trouble. */
const patience = 1_000

async function orNothingIn<T> (milliseconds: number, answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => { timer = setTimeout(() => { resolve(undefined) }, milliseconds) })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * What lives, counted once a minute however often somebody asks.
 *
 * @param count asks the storage
 * @param onFailure is told when that fails
 * @returns undefined where it failed or takes too long
 */
export function livingCount (count: () => Promise<Living>, onFailure: (error: unknown) => void): () => Promise<Living | undefined> {
  let kept: { living: Living | undefined, until: number } | undefined
  let underWay: Promise<Living | undefined> | undefined

  async function refresh (): Promise<Living | undefined> {
    const until = Date.now() + lifetime
    let living: Living | undefined
    try {
      living = await count()
    } catch (error) {
      onFailure(error)
    }
    kept = { living, until }
    underWay = undefined
    return living
  }

  return async function current () {
    if (kept !== undefined && Date.now() < kept.until) return kept.living
    underWay ??= refresh()
    return await orNothingIn(patience, underWay)
  }
}
