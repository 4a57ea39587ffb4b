import t from 'tap'
import { displayText, isCleanText } from '../../../lib/oauth/text.ts'
import { anyText, fc, holds } from '../../fixtures/property.ts'

const tricky = fc.array(fc.oneof(anyText, fc.constantFrom('\u202e', '\u200b', '\u2066', '\ufeff', '\u2028', '\r\n', '\t', '\0', '\ud800', '\udfff', '\u{e0041}', ' ', '\u00a0', '😀', '<b>')), { maxLength: 30 })
  .map(parts => parts.join(''))

t.test('C4: a name as a person sees it is one line without anything invisible, cut at the limit', async t => {
  holds(t, 'whatever it holds', fc.property(tricky, fc.integer({ min: 1, max: 120 }), (name, limit) => {
    const shown = displayText(name, limit)
    return Array.from(shown).length <= limit && shown.isWellFormed() && !/[\p{C}\p{Zl}\p{Zp}\t\r\n]/u.test(shown)
  }), { numRuns: 1000 })
  holds(t, 'what is cut says so, and is the beginning of the whole', fc.property(tricky, fc.integer({ min: 1, max: 20 }), (name, limit) => {
    const whole = displayText(name, 10_000)
    const shown = displayText(name, limit)
    return shown === whole || (shown.endsWith('…') && whole.startsWith(shown.slice(0, -1)))
  }))
  holds(t, 'what is plain stays as it is', fc.property(fc.string({ unit: fc.constantFrom(...'abcXYZ019éü漢<>&"\''), maxLength: 100 }), name => displayText(name) === name))
})

t.test('T16: clean text is what every store and header can take', async t => {
  const controls = Array.from({ length: 0xa0 }, (_, code) => code).filter(code => code < 0x20 || code > 0x7e).map(code => String.fromCharCode(code))
  holds(t, 'no control character anywhere', fc.property(tricky, fc.nat(40), fc.constantFrom(...controls), (text, at, control) => !isCleanText(text.slice(0, at) + control + text.slice(at))))
  holds(t, 'it survives UTF-8, and what does not is refused', fc.property(tricky, text => !isCleanText(text) || Buffer.from(text).toString() === text))
  holds(t, 'all else is', fc.property(fc.string({ unit: 'grapheme' }), text => isCleanText(text) === !controls.some(control => text.includes(control))))
})
