import t from 'tap'
import { OAuthError } from '../../../lib/errors.ts'
import { parameter, parseParameters, requiredParameter } from '../../../lib/oauth/parameters.ts'
import { anyText, asciiText, failureOf, fc, holds } from '../../fixtures/property.ts'

const cleanText = fc.string({ unit: 'grapheme', maxLength: 30 }).filter(text => !/\p{Cc}/u.test(text) && text.isWellFormed())
const name = fc.oneof(fc.constantFrom('client_id', 'scope', 'state', '__proto__', 'constructor', 'toString', 'a[]', 'a[b]'), cleanText)
const pairs = fc.array(fc.tuple(name, cleanText), { maxLength: 8 })
const encode = (list: Array<[string, string]>) => new URLSearchParams(list).toString()

t.test('AZ-01, TK-01: what was sent once comes out as it went in, what was sent empty not at all', async t => {
  holds(t, 'by name', fc.property(pairs, list => {
    const parameters = parseParameters(encode(list))
    return list.every(([key]) => {
      const values = list.filter(([other, value]) => other === key && value !== '').map(([, value]) => value)
      const error = failureOf(() => parameter(parameters, key))
      if (values.length > 1) return error instanceof OAuthError && error.code === 'invalid_request'
      return error === undefined && parameter(parameters, key) === values[0]
    })
  }))
})

t.test('TK-01: the order of the others, and what they are, changes nothing', async t => {
  holds(t, 'unknown ones are ignored', fc.property(pairs, fc.constantFrom('scope', 'state'), cleanText.filter(text => text !== ''), fc.nat(8), (list, key, value, at) => {
    const others = list.filter(([other]) => other !== key)
    const sent: Array<[string, string]> = [...others.slice(0, at), [key, value], ...others.slice(at)]
    return requiredParameter(parseParameters(encode(sent)), key) === value
  }))
})

t.test('T16: no form throws anything but invalid_request, and none yields what a store can not take', async t => {
  const raw = fc.oneof(anyText, asciiText, fc.array(fc.constantFrom('a=', '&', '=', '%', '%zz', '%00', '%ff', '+', 'scope', ';', '[]'), { maxLength: 20 }).map(parts => parts.join('')))
  holds(t, 'whatever it holds', fc.property(raw, encoded => {
    const parameters = parseParameters(encoded)
    return ['a', 'scope', '', '__proto__', ...parameters.keys()].every(key => {
      const error = failureOf(() => parameter(parameters, key))
      if (error !== undefined) return error instanceof OAuthError && error.code === 'invalid_request'
      const value = parameter(parameters, key)
      return value === undefined || (value !== '' && value.isWellFormed() && !/\p{Cc}/u.test(value))
    })
  }), { numRuns: 1000 })
})

t.test('T16: a name that every object has is no parameter', async t => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) t.equal(parameter(parseParameters('a=b'), key), undefined)
})
