import t from 'tap'
import { KeyRing } from '../../../lib/keys/key-ring.ts'
import { anyText, fc, holds } from '../../fixtures/property.ts'

const ring = new KeyRing(['q8Zr2LxV7nWcT4yKs9BdG1mHf6JpE3uA'])
const other = new KeyRing(['T2bXw8QnLz5VcR7yKd4MgJ9sHf3PaE6u'])
const purpose = fc.constantFrom('consent', 'sign-in', '')
const value = fc.jsonValue({ maxDepth: 2, stringUnit: 'binary' }).map(json => JSON.parse(JSON.stringify(json)))

/** One character put in, taken out or exchanged. */
const edit = fc.record({ at: fc.nat(2000), take: fc.constantFrom(0, 1), put: fc.oneof(fc.constant(''), fc.constantFrom(...'Aa0-_.=+/ '), anyText) })
const edited = (text: string, { at, take, put }: { at: number, take: number, put: string }) => {
  const start = at % (text.length + 1)
  return text.slice(0, start) + put + text.slice(start + take)
}

t.test('C3, C8: what was sealed comes out for its purpose only, and only as it was sealed', async t => {
  holds(t, 'it comes out as it went in', fc.property(purpose, value, (name, sealed) => JSON.stringify(ring.unseal(name, ring.seal(name, sealed))) === JSON.stringify(sealed)))
  holds(t, 'one character makes it nothing', fc.property(purpose, value, edit, (name, sealed, change) => {
    const text = ring.seal(name, sealed)
    return edited(text, change) === text || ring.unseal(name, edited(text, change)) === undefined
  }), { numRuns: 1000 })
  holds(t, 'another purpose opens nothing', fc.property(purpose, purpose, value, (one, two, sealed) => one === two || ring.unseal(two, ring.seal(one, sealed)) === undefined))
  holds(t, 'another key opens nothing', fc.property(purpose, value, (name, sealed) => other.unseal(name, ring.seal(name, sealed)) === undefined))
  holds(t, 'text that nobody sealed is nothing, and throws nothing', fc.property(purpose, fc.oneof(anyText, fc.array(anyText).map(parts => parts.join('.'))), (name, text) => ring.unseal(name, text) === undefined))
})
