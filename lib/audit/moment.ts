const moment = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/

/**
 * A day, or a time of it, as people write them: its beginning, in UTC where no offset is said.
 *
 * @returns undefined for what is none, such as the 30th of February
 * @see [RFC 3339 §5.6](https://www.rfc-editor.org/rfc/rfc3339.html#section-5.6)
 */
export function parseMoment (text: string): Date | undefined {
  const [, day = '', time = '00:00', offset = 'Z'] = moment.exec(text) ?? []
  // Date makes the 1st of March of it.
  const dayItself = new Date(`${day}T00:00Z`)
  if (Number.isNaN(dayItself.getTime()) || dayItself.toISOString().slice(0, 10) !== day) return undefined
  const date = new Date(`${day}T${time}${offset}`)
  return Number.isNaN(date.getTime()) ? undefined : date
}
