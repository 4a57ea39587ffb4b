import type { SigningKey } from '../storage/records.ts'

/** When a published key signs and verifies. All in seconds. */

/** How long others may keep the published keys. */
export const jwksMaxAge = 300

/** How old a process lets its copy of the stored keys get before it reads them again. */
export const refreshAfter = 60

/** By how much the clocks of two machines may differ. */
const clockSkew = 60

/** From when a key is stored until everybody has it: every process has read it, and no copy of the published keys is older. */
export const publishedAfter = refreshAfter + jwksMaxAge + clockSkew

export function after (date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000)
}

/** When a retired key has signed its last token: its successor has been stored by every process's next refresh, and is known everywhere. */
function signsUntil (retiredAt: Date): Date {
  return after(retiredAt, refreshAfter + publishedAfter)
}

/** Whether any process may still sign with it. */
export function maySign ({ retiredAt }: SigningKey, now: Date): boolean {
  return retiredAt === null || now < signsUntil(retiredAt)
}

/** When its last token is dead; null while it is not retired. */
export function endOf ({ retiredAt, tokenLifetime }: SigningKey): Date | null {
  return retiredAt === null ? null : after(signsUntil(retiredAt), tokenLifetime)
}

export function hasEnded (key: SigningKey, now: Date): boolean {
  const end = endOf(key)
  return end !== null && end <= now
}

/** Whether it is time for a successor. */
export function isDue ({ retiredAt, signsFrom }: SigningKey, lifetime: number, now: Date): boolean {
  return retiredAt === null && after(signsFrom, lifetime) <= now
}

/** Of the keys of one algorithm, the one that signs: the latest whose time has come. */
export function signerAt<Key extends { record: SigningKey }> (keys: readonly Key[], now: Date): Key | undefined {
  const [first, ...later] = keys.toSorted((one, other) => one.record.signsFrom.getTime() - other.record.signsFrom.getTime())
  // Where the clock is behind that of whoever made the first key, it signs all the same.
  return later.findLast(({ record }) => record.signsFrom <= now) ?? first
}
