import { displayText } from '../../oauth/text.ts'
import { en } from './en.ts'
import { he } from './he.ts'

export type { Message, Subject } from './en.ts'

/** All that the pages say, in one language. */
export type Words = typeof en

/** What happened, by the name of its words. */
export type RefusalName = keyof Words['refusals']

/** By their tag, RFC 5646 §2.1: the language alone. The first one is for those whose own is not there. */
const languages = new Map<string, Words>([['en', en], ['he', he]])

interface Preference { tag: string, weight: number }

/** RFC 9110 §12.4.2. */
const weight = /^q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/

function preferences (header: string): Preference[] {
  return header.split(',', 20).map(range => {
    const [tag = '', quality = 'q=1'] = range.split(';', 2).map(part => part.trim().toLowerCase())
    return { tag, weight: weight.test(quality) ? Number(quality.slice(2)) : 0 }
  })
}

/** What a scope allows, in the deployer's words or the standard's. A grant may have one that is not offered any more: then its name. */
export function scopeWords (name: string, given: string | undefined, { scopes }: Words): string {
  return given ?? (Object.hasOwn(scopes, name) ? scopes[name] : undefined) ?? name
}

/** What a name is called. One that has no words, as in a row that somebody has changed by hand, is shown as it is. */
export function labelOf (names: Readonly<Record<string, string>>, name: string): string {
  return (Object.hasOwn(names, name) ? names[name] : undefined) ?? displayText(name)
}

/**
 * The words in the language that somebody likes best of those that there are.
 *
 * @param header `Accept-Language`
 * @see [RFC 9110 §12.5.4](https://www.rfc-editor.org/rfc/rfc9110.html#section-12.5.4)
 * @see [RFC 4647 §3.4](https://www.rfc-editor.org/rfc/rfc4647.html#section-3.4)
 */
export function wordsFor (header: string | undefined): Words {
  const wanted = preferences(header ?? '').filter(({ weight }) => weight > 0).sort((one, other) => other.weight - one.weight)
  for (const { tag } of wanted) {
    const words = languages.get(tag.replace(/-.*$/s, ''))
    if (words !== undefined) return words
  }
  return en
}
