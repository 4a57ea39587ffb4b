const printableAscii = /^[\x20-\x7e]+$/
const oneAt = /^[^@\s]+@[^@\s]+$/

/**
 * An e-mail address as it is compared: trimmed and lower-cased. No other folding: nothing may turn one address into another.
 * ASCII alone rules out homoglyphs, and whatever Unicode normalisation would fold into an `@` or a letter.
 *
 * @returns undefined for what is not one plain address of at most 254 characters.
 * @see [RFC 5321 §4.5.3.1](https://www.rfc-editor.org/rfc/rfc5321.html#section-4.5.3.1)
 */
export function normalizeEmail (email: string): string | undefined {
  if (!printableAscii.test(email)) return undefined
  const address = email.trim().toLowerCase()
  return address.length <= 254 && oneAt.test(address) ? address : undefined
}

/**
 * The addresses of a list that a person wrote: a line each, or with commas, semicolons or white space between them.
 *
 * @returns each address once, and what is not one plain address
 */
export function readEmailList (list: string): { emails: string[], wrong: string[] } {
  const entries = list.split(/[\s,;]+/).filter(entry => entry !== '')
  const read = entries.map(entry => ({ entry, email: normalizeEmail(entry) }))
  return {
    emails: [...new Set(read.flatMap(({ email }) => email ?? []))],
    wrong: read.flatMap(({ entry, email }) => email === undefined ? [entry] : [])
  }
}

/** The part after the `@` of a normalized address. */
export function emailDomain (address: string): string {
  return address.slice(address.indexOf('@') + 1)
}
