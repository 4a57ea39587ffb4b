import t from 'tap'
import { challenge } from '../../../lib/oauth/challenge.ts'
import { anyText, asciiText, fc, holds, printableAscii } from '../../fixtures/property.ts'

const text = fc.oneof(anyText, asciiText, fc.constantFrom('"', '\\"', '", error="x', '\r\nSet-Cookie: a=b', 'a\\'))
const any = fc.record({
  resourceMetadata: text,
  scopes: fc.array(text, { maxLength: 3 }),
  error: fc.option(fc.constantFrom('invalid_token' as const, 'insufficient_scope' as const), { nil: undefined }),
  errorDescription: fc.option(text, { nil: undefined })
}, { requiredKeys: ['resourceMetadata', 'scopes'] })

function given ({ error, errorDescription, ...rest }: { resourceMetadata: string, scopes: string[], error?: 'invalid_token' | 'insufficient_scope' | undefined, errorDescription?: string | undefined }) {
  return { ...rest, ...(error === undefined ? {} : { error }), ...(errorDescription === undefined ? {} : { errorDescription }) }
}

/** Reads a challenge as RFC 9110 §11.6.1 has it. Undefined for what is not one challenge of quoted-strings to the last character. */
function read (header: string): Map<string, string> | undefined {
  const body = /^Bearer (.*)$/s.exec(header)?.[1]
  if (body === undefined || !/^[a-z_]+="(?:[^"\\]|\\.)*"(?:, [a-z_]+="(?:[^"\\]|\\.)*")*$/s.test(body)) return undefined
  return new Map([...body.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/gs)].map(([, name = '', value = '']) => [name, value.replaceAll(/\\(.)/gs, '$1')]))
}

t.test('RFC 9110 §5.6.4: whatever a value holds, it stays one header with the parameters that were meant', async t => {
  holds(t, 'no quote, no line, no parameter more', fc.property(any, values => {
    const header = challenge(given(values))
    const names = [...read(header)?.keys() ?? []]
    const wanted = [
      ...(values.error === undefined ? [] : ['error']), 'resource_metadata',
      ...(values.errorDescription === undefined ? [] : ['error_description']), ...(values.scopes.length === 0 ? [] : ['scope'])
    ]
    return /^[\x20-\x7e]*$/.test(header) && names.length === wanted.length && wanted.every(name => names.includes(name))
  }), { numRuns: 1000 })
})

t.test('RS-02: what is plain comes out as it went in', async t => {
  const plain = printableAscii.map(value => value.replaceAll(/["\\]/g, ''))
  const token = plain.map(value => value.replaceAll(' ', '')).filter(value => value !== '')
  holds(t, 'every parameter', fc.property(plain, fc.array(token, { minLength: 1, maxLength: 4 }), plain, (resourceMetadata, scopes, errorDescription) => {
    const read1 = read(challenge({ resourceMetadata, scopes, error: 'invalid_token', errorDescription }))
    return read1?.get('resource_metadata') === resourceMetadata && read1.get('scope') === scopes.join(' ') && read1.get('error') === 'invalid_token' && read1.get('error_description') === errorDescription
  }))
})
