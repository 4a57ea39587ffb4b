import t from 'tap'
import { OAuthError } from '../../../lib/errors.ts'
import { resolveResource } from '../../../lib/oauth/resource.ts'
import { anyText, failureOf, fc, holds } from '../../fixtures/property.ts'

const origin = 'https://api.example.com'
const served = [`${origin}/mcp`, `${origin}/Other/MCP`, `${origin}:8443/mcp`]
const [first = ''] = served
const resource = fc.constantFrom(...served)
const resolve = (requested: readonly string[] | undefined) => resolveResource(requested, served, first)
const refused = (requested: readonly string[]) => {
  const error = failureOf(() => resolve(requested))
  return error instanceof OAuthError && error.code === 'invalid_target'
}

t.test('AZ-11: no request, however it is spelt, is for a resource that is not served here', async t => {
  const pieces = fc.array(fc.oneof(fc.constantFrom(origin, '/mcp', '/', '.', '?', '#', '@', ':8443', ' ', 'HTTPS:', '//', '%2f', '\t', 'evil.example'), anyText), { maxLength: 6 }).map(parts => parts.join(''))
  holds(t, 'served, or invalid_target', fc.property(fc.array(fc.oneof(pieces, resource), { minLength: 1, maxLength: 3 }), requested => {
    return refused(requested) || served.includes(resolve(requested))
  }), { numRuns: 1000 })
})

t.test('RFC 8707 §2: the case of scheme and host does not count, that of the path does', async t => {
  const upper = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 })
  holds(t, 'scheme and host', fc.property(resource, upper, (uri, shout) => {
    const start = uri.indexOf('/', 8)
    const shouted = [...uri].map((letter, index) => index < start && shout[index] === true ? letter.toUpperCase() : letter).join('')
    return resolve([shouted]) === uri
  }))
  holds(t, 'the path: one character makes another', fc.property(resource, fc.nat(10), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.constantFrom(0, 1), (uri, at, put, take) => {
    const start = Math.min(uri.indexOf('/', 8) + at, uri.length)
    const changed = uri.slice(0, start) + put + uri.slice(start + take)
    return refused([changed]) || resolve([changed]) === uri || served.includes(changed) || [origin, `${origin}/`].includes(changed)
  }), { numRuns: 1000 })
})

t.test('AZ-01, RFC 8707 §2: the same resource may be named twice, two may not', async t => {
  holds(t, 'twice', fc.property(resource, fc.integer({ min: 1, max: 5 }), (uri, times) => resolve(Array(times).fill(uri)) === uri))
  holds(t, 'two', fc.property(resource, resource, (one, two) => one === two || refused([one, two])))
  t.equal(resolve(undefined), first)
})
