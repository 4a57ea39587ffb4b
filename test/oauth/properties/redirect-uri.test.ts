import t from 'tap'
import { checkRedirectUri, isWebUri, matchesRedirectUri } from '../../../lib/oauth/redirect-uri.ts'
import { anyText, fc, holds, printableAscii } from '../../fixtures/property.ts'

const character = fc.constantFrom(...'abcXYZ019-._~%/?&=:@;,+$!()\'')
const rest = fc.string({ unit: character, maxLength: 20 }).map(text => `/${text}`)
const webUri = fc.tuple(fc.webAuthority({ withPort: true }), rest).map(([authority, path]) => `https://${authority}${path}`).filter(isWebUri)
const loopbackHost = fc.constantFrom('127.0.0.1', '[::1]', 'localhost')
const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined }).map(port => port === undefined ? '' : `:${port}`)
const dangerous = fc.constantFrom('javascript', 'data', 'vbscript', 'file', 'blob', 'about', 'filesystem', 'view-source', 'ws', 'wss', 'ftp')
/** What tempts a parser: pieces of URIs in any order. */
const pieces = fc.array(fc.oneof(
  fc.constantFrom('https:', 'http:', 'HTTP:', '//', '/', '\\', '@', ':', '?', '#', '*', '..', '%2e', '127.0.0.1', '[::1]', 'localhost', 'evil.example', '80', ' ', '\t', '\0'), anyText
), { maxLength: 8 }).map(parts => parts.join(''))

/** One character put in, taken out or exchanged. */
const edit = fc.record({ at: fc.nat(200), take: fc.constantFrom(0, 1), put: fc.oneof(fc.constant(''), character, fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })) })
const edited = (uri: string, { at, take, put }: { at: number, take: number, put: string }) => {
  const start = at % (uri.length + 1)
  return uri.slice(0, start) + put + uri.slice(start + take)
}

t.test('AZ-03, R3: of a redirect URI that is no loopback, nothing but the same string is the registered one', async t => {
  holds(t, 'it matches itself', fc.property(webUri, uri => matchesRedirectUri(uri, uri)))
  holds(t, 'one character makes another', fc.property(webUri, edit, (uri, change) => matchesRedirectUri(edited(uri, change), uri) === (edited(uri, change) === uri)))
  holds(t, 'nor does any other text', fc.property(webUri, fc.oneof(pieces, webUri), (uri, other) => matchesRedirectUri(other, uri) === (other === uri)))
})

t.test('AZ-03, RFC 8252 §7.3: of a loopback redirect the port may differ, and nothing else', async t => {
  holds(t, 'any port does', fc.property(loopbackHost, port, port, rest, (host, one, other, path) => {
    const requested = `http://${host}${one}${path}`
    return !isWebUri(requested) || matchesRedirectUri(requested, `http://${host}${other}${path}`)
  }))
  holds(t, 'whatever else is changed counts', fc.property(loopbackHost, port, rest, edit, (host, number, path, change) => {
    const registered = `http://${host}${number}${path}`
    const requested = edited(registered, change)
    if (!matchesRedirectUri(requested, registered) || requested === registered) return true
    // An oracle of its own: what a browser makes of both differs in the port at most.
    const [a, b] = [new URL(requested), new URL(registered)]
    return a.hostname === b.hostname && a.protocol === b.protocol && requested.endsWith(path) && a.username === '' && a.hash === ''
  }), { numRuns: 1000 })
  holds(t, 'not even where both are made of pieces', fc.property(pieces, pieces, (requested, registered) =>
    requested === registered || !matchesRedirectUri(requested, registered) || new URL(requested).hostname === new URL(registered).hostname
  ), { numRuns: 1000 })
})

t.test('REG-10: what is usable leads a browser to https, or by http to this machine', async t => {
  holds(t, 'as the URL standard reads it', fc.property(fc.oneof(pieces, webUri, anyText), uri => {
    if (checkRedirectUri(uri, []) !== 'usable') return true
    const { protocol, hostname, username, password, hash } = new URL(uri)
    const isSafe = protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
    return isSafe && username + password + hash === '' && !/[\s*\\]/.test(uri)
  }), { numRuns: 2000 })
})

t.test('REG-10, R2: a scheme that runs something is forbidden, whatever stands in, before or after it', async t => {
  holds(t, 'in any case, with anything in between', fc.property(dangerous, fc.array(fc.boolean()), edit, printableAscii, (scheme, upper, { at, put }, tail) => {
    const spelt = [...scheme].map((letter, index) => upper[index] === true ? letter.toUpperCase() : letter).join('')
    const invisible = /^\p{C}|\s$/u.test(put) ? put : ''
    return checkRedirectUri(`${edited(spelt, { at, take: 0, put: invisible })}:${tail}`, []) === 'forbidden'
  }))
})
