/**
 * - `ok`: as it should be.
 * - `warning`: it works, and may be meant so.
 * - `problem`: people or clients are turned away, or will be.
 * - `skipped`: it can not be told from here.
 */
export type Status = 'ok' | 'warning' | 'problem' | 'skipped'

/** What a check found. Never with a secret in it. */
export interface Finding {
  check: string
  status: Status
  message: string
  /** What to do about it. */
  advice?: string
}

export type Verdict = Omit<Finding, 'check'>

/** One thing to look at. It throws `NotCheckedError` or `ProblemError` from wherever it notices, and whatever else goes wrong is a problem too. */
export interface Check {
  name: string
  look: () => Promise<Verdict>
}

export const ok = (message: string): Verdict => ({ status: 'ok', message })
export const warning = (message: string, advice: string): Verdict => ({ status: 'warning', message, advice })
export const problem = (message: string, advice: string): Verdict => ({ status: 'problem', message, advice })
export const skipped = (message: string): Verdict => ({ status: 'skipped', message })

/** What is asked for can not be told from here; the message says why. */
export class NotCheckedError extends Error {}

export class ProblemError extends Error {
  readonly advice: string

  constructor (message: string, advice: string) {
    super(message)
    this.advice = advice
  }
}

/** Something that several checks need. */
export interface Shared<T> {
  /** For the check that is about it: why it is not to be had, it tells. */
  find: () => Promise<T>
  /** For the others: they are skipped then. */
  need: () => Promise<T>
}

/**
 * Looks something up once, for all who ask.
 *
 * @param otherwise why those are skipped who need it
 */
export function shared<T> (otherwise: string, look: () => Promise<T>): Shared<T> {
  let found: Promise<T> | undefined
  const find = async () => await (found ??= look())
  return {
    find,
    need: async () => await find().catch((error: unknown) => {
      throw error instanceof NotCheckedError ? error : new NotCheckedError(otherwise)
    })
  }
}
