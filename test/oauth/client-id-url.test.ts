import t from 'tap'
import { parseClientIdUrl } from '../../lib/oauth/client-id-url.ts'
import { fc } from '../fixtures/property.ts'

const refused = {
  'another scheme': ['http://client.example/c.json', 'HTTPS://client.example/c.json', 'ftp://client.example/c', 'javascript:alert(1)', 'https:client.example/c', 'https:/client.example/c', 'https:\\\\client.example/c', '//client.example/c', ' https://client.example/c'],
  'no path': ['https://client.example', 'https://client.example/', 'https://client.example?c', 'https://client.example/?c'],
  'a fragment': ['https://client.example/c#', 'https://client.example/c#x'],
  'user information': ['https://a@client.example/c', 'https://a:b@client.example/c', 'https://:b@client.example/c', 'https://@client.example/c', 'https://client.example@evil.example/c'],
  'dot segments': ['https://client.example/./c', 'https://client.example/a/../c', 'https://client.example/..', 'https://client.example/%2e/c', 'https://client.example/%2E%2e/c', 'https://client.example/a/.%2e/c', 'https://client.example/a/.'],
  'a port': ['https://client.example:8443/c', 'https://client.example:443/c', 'https://client.example:/c', 'https://client.example:22/c'],
  'an address': ['https://93.184.216.34/c', 'https://127.0.0.1/c', 'https://[::1]/c', 'https://[2606:4700::1]/c', 'https://[::ffff:7f00:1]/c'],
  'R9: an address in disguise': ['https://2130706433/c', 'https://0x7f000001/c', 'https://0x7f.1/c', 'https://0177.0.0.1/c', 'https://127.1/c', 'https://0/c', 'https://127.0.0.1./c', 'https://１２７.0.0.1/c', 'https://[::ffff:127.0.0.1]/c', 'https://169.254.43518/c'],
  'a name of the local network': ['https://localhost/c', 'https://intranet/c', 'https://metadata/c'],
  'another spelling': ['https://CLIENT.example/c', 'https://client.example./c', 'https://bücher.example/c', 'https://client。example/c', 'https://client.example/a b', 'https://client.example/é', 'https://client.example/c\n', 'https://cli\tent.example/c', 'https://client.example\\c', 'https://client.example/a\\c', 'https://client.example/"'],
  'what is no host': ['https://', 'https:///c', 'https://%/c', 'https://client..example/c', 'https://-client.example/c', 'https://client.example.-/c', 'https://client*.example/c'],
  'too much of it': [`https://client.example/${'c'.repeat(490)}`]
}

for (const [what, ids] of Object.entries(refused)) {
  t.test(`REG-01: a client id with ${what} is not that of a document`, async t => {
    for (const id of ids) t.equal(parseClientIdUrl(id), undefined, id)
  })
}

t.test('REG-01: https, a name, a path', async t => {
  const ids = [
    'https://claude.ai/oauth/mcp-oauth-client-metadata', 'https://vscode.dev/oauth/client-metadata.json', 'https://client.example/c', 'https://client.example//', 'https://client.example/a/.well-known/c', 'https://client.example/...',
    'https://xn--bcher-kva.example/c', 'https://a_b.client.example/c?v=1', 'https://client.example/%C3%A9', 'https://1.client.example/c', `https://client.example/${'c'.repeat(489)}`
  ]
  for (const id of ids) t.equal(parseClientIdUrl(id)?.href, id)
})

t.test('REG-01: whatever is accepted has one spelling, and all that the rules ask for', async t => {
  const id = fc.oneof(fc.webUrl({ validSchemes: ['https'], withFragments: true, withQueryParameters: true }), fc.string().map(text => `https://client.example/${text}`), fc.string({ unit: 'binary' }))
  fc.assert(fc.property(id, id => {
    const url = parseClientIdUrl(id)
    if (url === undefined) return true
    return url.href === id && id.startsWith('https://') && !/[#\s\\]/.test(id.split('?')[0] ?? '') && url.pathname.length > 1 && !/\/\.{1,2}(?:\/|$)/.test(url.pathname) && url.port === ''
  }))
  t.pass()
})
