import t from 'tap'
import { checkRedirectUri, isLoopbackUri, isWebUri, matchesRedirectUri } from '../../lib/oauth/redirect-uri.ts'

const cursor = 'cursor://anysphere.cursor-mcp/oauth/callback'

t.test('REG-10, R2, R5: schemes that run or read something are forbidden, however they are written', async t => {
  const scripts = ['javascript:alert(1)', 'data:text/html,<script>alert(1)</script>', 'vbscript:x', 'file:///etc/passwd', 'blob:https://ok.example/1',
    'about:blank', 'filesystem:https://ok.example/x', 'view-source:https://ok.example/', 'ws://ok.example/', 'wss://ok.example/', 'ftp://ok.example/']
  for (const uri of scripts) {
    const [scheme = ''] = uri.split(':')
    const spellings = [
      uri, uri.replace(scheme, scheme.toUpperCase()), uri.replace(scheme, scheme[0]?.toUpperCase() + scheme.slice(1)),
      ...['\t', '\n', '\r', '\0', ' ', '\u00a0', '\u200b', '\ufeff', '\x7f', '\x01'].flatMap(character => [
        character + uri, uri + character, scheme.slice(0, 2) + character + scheme.slice(2) + uri.slice(scheme.length), uri.replace(':', `${character}:`)
      ])
    ]
    for (const spelling of spellings) t.equal(checkRedirectUri(spelling, []), 'forbidden', encodeURI(spelling))
  }
})

const forbidden: Record<string, readonly string[]> = {
  'no absolute URI': ['', '/callback', '//evil.com/cb', 'ok.example/cb', 'https', 'https:', 'https:ok.example/cb', 'https:/ok.example/cb', 'https://', 'https:///ok.example/cb',
    'https://?x=1', 'javascript%3aalert(1)', '://x', '1app:/cb'],
  'http that leaves this machine': ['http://ok.example/cb', 'http://localhost.evil.com/cb', 'http://127.0.0.1.evil.com/cb', 'http://evil.com/127.0.0.1', 'http://localhost./cb',
    'http://127.0.0.2/cb', 'http://0.0.0.0/cb', 'http://[::]/cb', 'http://192.168.0.1/cb', 'http:localhost/cb', 'http:/localhost/cb', 'http:///localhost/cb'],
  'another spelling of this machine': ['http://127.1/cb', 'http://127.0.1/cb', 'http://2130706433/cb', 'http://0x7f.0.0.1/cb', 'http://0177.0.0.1/cb', 'http://[0:0:0:0:0:0:0:1]/cb',
    'http://[::ffff:127.0.0.1]/cb', 'http://localhos%74/cb', 'http://ⓛocalhost/cb'],
  'a port that is none': ['http://127.0.0.1:65536/cb', 'http://127.0.0.1:99999/cb', 'http://127.0.0.1:123456/cb', 'http://127.0.0.1:http/cb', 'http://127.0.0.1:-1/cb', 'http://127.0.0.1:/cb',
    'http://127.0.0.1:80:80/cb', 'http://[::1]:65536/cb', 'https://ok.example:65536/cb', 'https://ok.example:x/cb', 'https://:443/cb'],
  'user information': ['https://ok.example@evil.com/cb', 'https://user:secret@ok.example/cb', 'https://@ok.example/cb', 'http://localhost@evil.com/cb', 'http://localhost:80@evil.com/cb',
    'http://user@127.0.0.1/cb', 'http://127.0.0.1:80@evil.com:80/cb', 'https://ok.example%40evil.com/cb', 'HTTPS://user@ok.example/cb'],
  'a backslash': ['https://ok.example\\@evil.com/cb', 'https:\\\\ok.example\\cb', 'http://127.0.0.1\\@evil.com/', 'https://ok.example/c\\b', 'app:\\cb'],
  'a fragment': ['https://ok.example/cb#', 'https://ok.example/cb#x', 'http://127.0.0.1/#/cb', 'app:/cb#x'],
  'a wildcard': ['https://*.ok.example/cb', 'https://ok.example/*', 'https://ok.example/cb?x=*', 'http://127.0.0.1:*/cb', 'app:/*', '*'],
  'white space or a control character': [' https://ok.example/cb', 'https://ok.example/cb ', 'https://ok.example/c b', 'https://ok.example/cb\n', 'https://ok.\texample/cb', 'https://ok.example/\0',
    'https://ok.example/\x7f', 'https://ok.example/\u2028', 'https://ok.example/cb\r\nset-cookie:x'],
  'a letter beyond ASCII': ['https://оk.example/cb', 'https://ok.example/ü', 'https://ok.example／cb', 'ａpp:/cb']
}

for (const [reason, uris] of Object.entries(forbidden)) {
  t.test(`REG-10, R3: ${reason} is forbidden, for redirects as for every other URI`, async t => {
    for (const uri of uris) {
      t.equal(checkRedirectUri(uri, [cursor]), 'forbidden', encodeURI(uri))
      t.notOk(isWebUri(uri), encodeURI(uri))
    }
  })
}

t.test('REG-09: a private-use scheme may stand in a registration, and be used only where the exact URI is allowed', async t => {
  const likeOthers = ['my-data:/cb', 'app:/cb?next=javascript:', 'myhttps:/cb', 'app:/cb?next=https://ok.example/', 'app:/cb?next=http://localhost/', 'app:http://127.0.0.1/cb']
  for (const uri of [cursor, ...likeOthers, 'com.example.app:/cb', 'app:cb', 'urn:ietf:wg:oauth:2.0:oob', 'vscode://x/y?z=1']) {
    t.equal(checkRedirectUri(uri, []), 'private-use', uri)
    t.equal(checkRedirectUri(uri, [uri]), 'usable', uri)
    for (const other of [`${uri}/`, `${uri}x`, uri.toUpperCase(), uri.slice(0, -1)]) t.equal(checkRedirectUri(other, [uri]), 'private-use', other)
    t.notOk(isWebUri(uri), uri)
  }
})

t.test('REG-10: https anywhere and http on a loopback name are usable, whatever their case', async t => {
  const usable = ['https://ok.example', 'https://ok.example/cb', 'https://ok.example:8443/cb?x=1&y=2', 'HTTPS://OK.example/Cb', 'https://[2001:db8::1]/cb', 'https://[2001:db8::1]:8443/cb',
    'https://192.0.2.1/cb', 'https://ok.example?x=1', 'https://ok.example/@user', 'https://ok.example/?to=a@b', 'https://ok.example/?to=https://a@b.example/', 'https://chatgpt.com/connector/oauth/{callback_id}',
    'http://localhost', 'http://localhost/cb', 'http://localhost:3000/cb', 'http://127.0.0.1:1/', 'http://127.0.0.1:65535/cb', 'http://127.0.0.1?x=1', 'http://[::1]/cb', 'http://[::1]:8080/cb', 'HTTP://LocalHost:80/cb']
  for (const uri of usable) {
    t.equal(checkRedirectUri(uri, []), 'usable', uri)
    t.equal(isLoopbackUri(uri), /^http:/i.test(uri), uri)
  }
})

t.test('AZ-03, R3: a redirect URI is compared as a string: nothing else is the registered one', async t => {
  const registered = 'https://ok.example/cb'
  t.ok(matchesRedirectUri(registered, registered))
  const others = ['https://ok.example/cb/', 'https://ok.example/CB', 'https://OK.example/cb', 'HTTPS://ok.example/cb', 'https://ok.example:443/cb', 'https://ok.example/cb?', 'https://ok.example/cb?x=1',
    'https://ok.example/cb/../cb', 'https://ok.example/./cb', 'https://ok.example/%63b', 'https://ok.example//cb', 'https://ok.example.evil.com/cb', 'https://ok.example@evil.com/cb', 'https://ok.example/c',
    'http://ok.example/cb', 'https://ok.example/cb ', '', 'http://127.0.0.1/cb']
  for (const uri of others) {
    t.notOk(matchesRedirectUri(uri, registered), uri)
    t.notOk(matchesRedirectUri(registered, uri), uri)
  }
})

t.test('AZ-03, RFC 8252 §7.3: of a loopback redirect only the port may differ', async t => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    const registered = [`http://${host}/cb?x=1`, `http://${host}:3000/cb?x=1`]
    for (const uri of registered) {
      for (const port of ['', ':1', ':3000', ':33418', ':65535']) t.ok(matchesRedirectUri(`http://${host}${port}/cb?x=1`, uri), host + port)
      for (const port of [':65536', ':x', ':', ':-1', ':80@evil.com', '.evil.com', '@evil.com', ':80:80', ':*']) t.notOk(matchesRedirectUri(`http://${host}${port}/cb?x=1`, uri), host + port)
      for (const rest of ['', '/', '/cb', '/cb?x=2', '/cb?x=1#y', '/cb?x=1 ', '/CB?x=1', '/cb/../cb?x=1', '?x=1']) t.notOk(matchesRedirectUri(`http://${host}:80${rest}`, uri), rest)
    }
  }
  t.notOk(matchesRedirectUri('http://localhost/cb', 'http://127.0.0.1/cb'), 'one loopback name is not another')
  t.notOk(matchesRedirectUri('http://[::1]/cb', 'http://127.0.0.1/cb'))
  t.notOk(matchesRedirectUri('https://localhost:1/cb', 'https://localhost:2/cb'), 'https has no free port')
})
