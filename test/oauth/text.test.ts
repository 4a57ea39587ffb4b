import t from 'tap'
import { displayText, isCleanText } from '../../lib/oauth/text.ts'

t.test('T16: control characters and lone surrogates are no text', async t => {
  for (const value of ['\0', 'a\0b', 'a\nb', 'a\rb', 'a\tb', '\x1b[31m', '\x7f', '\u0085', '\ud800', 'a\udc00', '\udc00\ud800']) t.notOk(isCleanText(value), JSON.stringify(value))
})

t.test('every other string is text', async t => {
  for (const value of ['', 'plain', 'ü ☕ 漢字', '😀', '\u202eevil', '<script>', 'x'.repeat(10_000)]) t.ok(isCleanText(value), JSON.stringify(value.slice(0, 20)))
})

t.test('C4: what changes direction or can not be seen is not shown', async t => {
  const marks = ['\u202e', '\u202d', '\u2066', '\u2069', '\u200e', '\u200f', '\u061c', '\u200b', '\u200d', '\u00ad', '\u2060', '\u{e0041}', '\ue000', '\0', '\x1b', '\x7f', '\u0085']
  for (const mark of marks) t.equal(displayText(`${mark}Cl${mark}aude${mark}`), 'Claude', JSON.stringify(mark))
  t.equal(displayText('\u202e\u200b \u2066'), '', 'a name of marks alone is none')
})

t.test('C4: a name stands in one line', async t => {
  t.equal(displayText('  one\r\n\ttwo \u2028 three\u2029\u00a0 '), 'one two three')
})

t.test('C4: a name is cut at its limit, and never inside a character', async t => {
  t.equal(displayText('x'.repeat(100)), 'x'.repeat(100))
  t.equal(displayText('x'.repeat(10_240)), `${'x'.repeat(99)}…`)
  t.equal(displayText('😀'.repeat(5), 4), '😀😀😀…')
  t.equal(displayText('\ud800a', 4), '\ufffda')
})
