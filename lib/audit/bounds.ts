import type { AuditDetail } from './event.ts'

const maxMembers = 16
const maxItems = 20
const maxLength = 200

/** Of all texts in an event's details together, in characters. */
const maxTotal = 4096

/** What neither a database nor a terminal has to take. */
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u001f\u007f-\u009f]/g

function copy (text: string): string {
  return Buffer.from(text).toString()
}

/** A string from outside, well-formed, in one line and no longer than this. */
export function bounded (text: string, length: number): string
export function bounded (text: string | null | undefined, length: number): string | null
export function bounded (text: string | null | undefined, length: number): string | null {
  if (text === undefined || text === null) return null
  // A slice would keep all of the text in memory.
  const cut = text.length > length ? copy(text.slice(0, length)) : text.toWellFormed()
  return cut.replace(controls, ' ')
}

/** The same, and certainly no piece of a longer string. */
export function copied (text: string, length: number): string
export function copied (text: string | null | undefined, length: number): string | null
export function copied (text: string | null | undefined, length: number): string | null {
  return text === undefined || text === null ? null : bounded(copy(text.slice(0, length)), length)
}

/** By name, so that the same details are always the same text. */
export function boundedDetails (details: Readonly<Record<string, AuditDetail | undefined>> = {}, text: typeof bounded): Record<string, AuditDetail> {
  let left = maxTotal

  function within (value: string): string {
    const short = text(value, Math.min(maxLength, left))
    left -= short.length
    return short
  }

  function valueOf (detail: AuditDetail): AuditDetail {
    if (typeof detail === 'string') return within(detail)
    if (typeof detail === 'number') return Number.isFinite(detail) ? detail : null
    if (typeof detail === 'boolean' || detail === null) return detail
    return detail.slice(0, maxItems).map(within)
  }

  const given = Object.entries(details).flatMap(([name, detail]): Array<[string, AuditDetail]> => detail === undefined ? [] : [[name, detail]])
  return Object.fromEntries(given.slice(0, maxMembers).sort(([one], [other]) => one < other ? -1 : 1).map(([name, detail]) => [name, valueOf(detail)]))
}
