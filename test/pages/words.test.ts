import t from 'tap'
import { en } from '../../lib/pages/words/en.ts'
import { he } from '../../lib/pages/words/he.ts'
import { scopeWords, wordsFor, type Words } from '../../lib/pages/words/index.ts'
import { anyText, asciiText, fc, holds } from '../fixtures/property.ts'

const languages: Record<string, Words> = { en, he }

/** The path of every member, and what kind it is. Lists are compared by their length. */
function shape (value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [`${path}[${value.length}]`]
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeof value}`]
  return Object.entries(value).flatMap(([name, member]) => shape(member, `${path}.${name}`)).sort()
}

function texts (value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [value]
  return Object.values(value).flatMap(texts)
}

t.test('every language has the same members', async t => {
  for (const [language, words] of Object.entries(languages)) {
    t.strictSame(shape(words), shape(en), language)
    t.equal(words.language, language)
  }
  t.same(Object.values(languages).map(({ direction }) => direction), ['ltr', 'rtl'])
})

t.test('every text of every language says something, and what it is about', async t => {
  const subject = { email: 'ann@example.com', provider: 'Local', host: 'api.example.com' }
  for (const [language, words] of Object.entries(languages)) {
    for (const [name, refusal] of Object.entries(words.refusals)) {
      const { title, paragraphs } = refusal(subject)
      t.ok(title.trim() !== '' && paragraphs.length > 0 && paragraphs.every(text => text.trim() !== ''), `${language} ${name}`)
      t.notMatch(title + paragraphs.join(), /undefined|\[object/)
      const [named, inEnglish] = [title + paragraphs.join(), Object.entries(en.refusals).find(([other]) => other === name)?.[1](subject)]
      for (const [member, text] of Object.entries(subject)) {
        if (`${inEnglish?.title}${inEnglish?.paragraphs.join()}`.includes(text)) t.match(named, text, `${language} ${name} names the ${member}`)
      }
    }
    const { refusals, ...others } = words
    for (const text of texts(others)) {
      if (typeof text !== 'function') t.ok(typeof text === 'string' && text.trim() !== '', String(text))
    }
    const filled = [
      words.reference('req-1'), words.backTo('req-1'), words.signInWith('req-1'), words.consent.title('req-1'), words.consent.changed('req-1'), words.consent.formerName('req-1'), words.consent.allowedBefore('req-1'),
      words.consent.allowedLess('req-1'), words.consent.next('req-1'), words.consent.allow('req-1'), words.leaving.toProvider('req-1'), words.leaving.continueTo('req-1'), words.account.signInText('req-1'),
      words.account.signedInAs('req-1'), words.account.end('req-1'), words.admin.signInText('req-1'), words.admin.imported('req-1')
    ]
    for (const text of filled) t.match(text, 'req-1')
    t.match(words.trail.time(new Date(Date.UTC(2026, 4, 3, 9, 8, 7))), /3.*2026.*0?9:08:07/)
    t.match(words.date(new Date(Date.UTC(2026, 4, 3))), /3.*2026/)
    t.not(words.admin.fresh(1), words.admin.fresh(2).replace('2', '1'), `${language}: one minute is not two`)
    t.match(words.admin.fresh(5), '5')
  }
})

t.test('RFC 9110 §12.5.4: the language that is liked best of those there are', async t => {
  const headers: Record<string, Words> = {
    he,
    'he-IL': he,
    HE: he,
    'he-IL, he;q=0.9, en-US;q=0.8, en;q=0.7': he,
    'en, he': en,
    'he, en': he,
    'en;q=0.5, he;q=0.6': he,
    'en;q=0.6,he;q=0.5': en,
    'fr, de;q=0.9, he;q=0.1': he,
    'fr, de': en,
    '*': en,
    '*, he;q=0.5': he,
    'he;q=0, en;q=0.1': en,
    'he;q=0': en,
    'he;q=0.000': en,
    'he ; q=1.000 , en;q=0.999': he,
    'he;Q=0.9, en;q=0.1': he,
    // Weights that are none: what they stand at is not wanted.
    'he;q=2, en;q=0.1': en,
    'he;q=-1': en,
    'he;q=1.5': en,
    'he;q=': en,
    'he;q=x': en,
    'he;q=1e9': en,
    'he;q=Infinity, en;q=0.1': en,
    'he;q=0x1': en,
    'he;q=0.1234': en,
    'he;level=1': en,
    'hex, heb, h, e': en,
    '': en,
    ',,;;q=;,': en,
    ';q=1': en,
    '__proto__, constructor;q=0.9': en,
    'en-x-he': en,
    'he-': he
  }
  for (const [header, words] of Object.entries(headers)) t.equal(wordsFor(header).language, words.language, JSON.stringify(header))
  t.equal(wordsFor(undefined), en)
})

t.test('a header of any size and shape is read at once, and its first twenty ranges count', async t => {
  t.equal(wordsFor(`${'fr,'.repeat(19)}he`), he)
  t.equal(wordsFor(`${'fr,'.repeat(20)}he`), en)
  const started = performance.now()
  const long = [',', ';', '-', ' ', 'a', 'he-', 'q=1;', ',;', '\t', 'he;q=0.5,'].map(unit => unit.repeat(100_000 / unit.length))
  for (const header of long) t.ok(['en', 'he'].includes(wordsFor(header).language))
  t.ok(performance.now() - started < 2000)
  const range = fc.tuple(fc.constantFrom('he', 'en', 'fr', '*', 'he-IL', ''), fc.constantFrom('', ';q=0', ';q=0.5', ';q=1', ';q=', ';q=9'), fc.constantFrom('', ' ')).map(parts => parts.join(''))
  holds(t, 'any text', fc.property(fc.oneof(anyText, asciiText, fc.array(range, { maxLength: 30 }).map(ranges => ranges.join(','))), header => Object.values(languages).includes(wordsFor(header))))
  holds(t, 'a language that weighs nothing is not chosen where another is wanted', fc.property(fc.shuffledSubarray(['en;q=0', 'he;q=0.001', 'fr', '*;q=0.5'], { minLength: 4 }), ranges => wordsFor(ranges.join(',')) === he))
  holds(t, 'the order does not matter where the weights differ', fc.property(fc.shuffledSubarray(['he;q=0.9', 'en;q=0.8', 'fr;q=1'], { minLength: 3 }), ranges => wordsFor(ranges.join(', ')) === he))
})

t.test('a scope is told in the deployer’s words, else in the standard’s, else by its name', async t => {
  t.equal(scopeWords('email', 'Read it', en), 'Read it')
  t.equal(scopeWords('email', undefined, en), 'See your e-mail address')
  for (const name of ['orders:read', 'constructor', '__proto__', 'toString']) t.equal(scopeWords(name, undefined, en), name)
})
