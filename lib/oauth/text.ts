const controls = /\p{Cc}/u
const invisible = /[\p{C}\p{Zl}\p{Zp}]/gu

/** Whether a string from outside is well-formed Unicode without control characters, so that every store and header can take it. */
export function isCleanText (value: string): boolean {
  return value.isWellFormed() && !controls.test(value)
}

/**
 * A name from outside as a person may see it: without what changes direction or can't be seen, in one line, cut at `limit`
 * characters.
 */
export function displayText (value: string, limit = 100): string {
  const visible = Array.from(value.toWellFormed().replaceAll(/\s+/gu, ' ').replaceAll(invisible, '').trim())
  return visible.length > limit ? `${visible.slice(0, limit - 1).join('')}…` : visible.join('')
}
