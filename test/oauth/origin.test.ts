import t from 'tap'
import { isAllowedOrigin, isOrigin, type OriginPolicy } from '../../lib/oauth/origin.ts'
import { fc } from '../fixtures/property.ts'

const https = ['https://app.example.com', 'https://app.example.com:8443', 'https://xn--bcher-kva.example', 'https://203.0.113.7']
const local = ['http://localhost:6274', 'http://127.0.0.1:6274', 'http://[::1]:6274', 'http://localhost', 'https://localhost:8443']
const apps = ['chrome-extension://abcdefghijklmnop', 'vscode-file://vscode-app', 'tauri://localhost', 'app://local:8080', 'moz-extension://0f1e2d3c-0000-4000-8000-000000000000', 'file://']
const rebound = ['http://rebound.example:8080', 'http://localhost.rebound.example', 'http://127.0.0.1.rebound.example', 'http://10.0.0.7:8080', 'http://127.0.0.2', 'http://localhost.']
const malformed = [
  '', ' ', 'null ', 'NULL', 'localhost', '//app.example.com', 'https:/app.example.com', 'https://', 'https://app.example.com/', 'https://app.example.com/x', 'https://app.example.com?x',
  'https://app.example.com#x', 'https://app.example.com:443', 'http://localhost:80', 'HTTPS://app.example.com', 'https://APP.example.com', 'https://user@app.example.com',
  'https://app.example.com https://other.example', 'https://app.example.com, https://other.example', 'https://app.example.com:99999', 'http://0x7f.1', 'http://localhost\t', 'https://*',
  'javascript:alert(1)', 'data:text/html,x', 'blob:https://app.example.com/x', 'ws://localhost', 'ftp://localhost', 'app://a/b', 'app://a b', 'app://a:', 'app://a:x', 'app://a:123456', 'https://büch.example'
]

const policies: Array<{ policy: OriginPolicy, allowed: string[], refused: string[] }> = [
  { policy: 'any', allowed: [...https, ...local, ...apps, ...rebound, 'null'], refused: malformed },
  { policy: 'trustworthy', allowed: [...https, ...local, ...apps], refused: [...rebound, 'null', ...malformed] },
  { policy: 'local', allowed: [...local, ...apps], refused: [...https, ...rebound, 'null', ...malformed] },
  { policy: new Set(['https://app.example.com']), allowed: ['https://app.example.com'], refused: ['https://app.example.com:8443', 'http://app.example.com', ...local, ...apps, ...rebound, 'null', ...malformed] }
]

for (const { policy, allowed, refused } of policies) {
  t.test(`RS-07: the origins that ${typeof policy === 'string' ? policy : 'a list'} refuses and allows`, async t => {
    for (const origin of refused) t.notOk(isAllowedOrigin(origin, policy), JSON.stringify(origin))
    for (const origin of allowed) t.ok(isAllowedOrigin(origin, policy), origin)
  })
}

t.test('RFC 6454 §6.2: one origin has one spelling', async t => {
  for (const value of [...malformed, 'null']) t.notOk(isOrigin(value), JSON.stringify(value))
  fc.assert(fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.constantFrom('', '/', '?', '#', ' ', '\0', '@', '\\', ',https://x.example'), (url, tail) => {
    const { origin } = new URL(url)
    return isOrigin(origin) && isOrigin(`${origin}${tail}`) === (tail === '') && isOrigin(origin.toUpperCase()) === false
  }))
})

t.test('RS-07: whatever an Origin header holds, no policy but `any` lets http from elsewhere pass, and none throws', async () => {
  const host = fc.oneof(fc.domain(), fc.ipV4(), fc.string())
  fc.assert(fc.property(host, fc.nat(65535), fc.constantFrom<OriginPolicy>('trustworthy', 'local', new Set(['https://app.example.com'])), (host, port, policy) => {
    for (const origin of [`http://${host}`, `http://${host}:${port}`]) {
      const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(host)
      if (isAllowedOrigin(origin, policy) !== (isHere && typeof policy === 'string' && isOrigin(origin))) return false
    }
    return true
  }))
  fc.assert(fc.property(fc.string(), fc.constantFrom<OriginPolicy>('any', 'trustworthy', 'local'), (origin, policy) => {
    return !isAllowedOrigin(origin, policy) || origin === 'null' || isOrigin(origin)
  }))
})
