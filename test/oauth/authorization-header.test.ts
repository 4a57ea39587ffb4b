import t from 'tap'
import { parseBasic, parseBearer } from '../../lib/oauth/authorization-header.ts'

function basic (credentials: string): string {
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

t.test('W4, RS-06: a Bearer header that can not be read is malformed, never a throw', async t => {
  const headers = [
    'Bearer', 'Bearer ', 'bearer   ', 'Bearer a b', 'Bearer a, Bearer b', 'Bearer =', 'Bearer ==a', 'Bearer a=b', 'Bearer "a"', 'Bearer a,b', 'Bearer a;b', 'Bearer é', 'Bearer \0', 'Bearer a\nb', 'Bearer a\t',
    'Bearer \ta', 'Bearer a{}', `Bearer ${'='.repeat(10_000)}`, `Bearer ${'a'.repeat(10_000)}!`, 'Bearer undefined,null', 'Bearer 😀'
  ]
  for (const header of headers) t.equal(parseBearer(header), 'malformed', JSON.stringify(header.slice(0, 40)))
})

t.test('RFC 6750 §3.1: what is no Bearer header carries no token', async t => {
  for (const header of [undefined, '', ' ', 'Basic YTpi', 'Bearertoken', 'Bearer\ttoken', 'Token Bearer a', ' Bearer a', 'DPoP a', 'token', '"Bearer" a']) t.equal(parseBearer(header), 'absent', JSON.stringify(header))
})

t.test('RS-05: Bearer in any case, one or more spaces, then token68', async t => {
  for (const scheme of ['Bearer ', 'bearer ', 'BEARER ', 'bEaReR   ']) t.strictSame(parseBearer(`${scheme}abc.DEF-0_9~+/==`), { token: 'abc.DEF-0_9~+/==' }, scheme)
  t.strictSame(parseBearer('Bearer a  '), { token: 'a' })
})

t.test('RFC 6749 §2.3.1: Basic credentials that can not be read are invalid_client', async t => {
  const headers = [
    'Basic', 'Basic ', 'basic !', 'Basic YTpi!', 'Basic YTpi YTpi', 'Basic !Basic YTpi', 'Basic =', 'Basic ü', basic('no-colon'), basic(':secret'), basic('client:'), basic(':'), basic(':client:secret'), basic('client:%'), basic('%zz:secret'), basic('client:%ff'), basic('%ed%a0%80:x')
  ]
  for (const header of headers) t.throws(() => parseBasic(header), { name: 'OAuthError', code: 'invalid_client', statusCode: 401, message: 'The Authorization header can not be read' }, header)
})

t.test('T16: control characters in Basic credentials are invalid_client, encoded or not', async t => {
  for (const credentials of ['a\0b:secret', 'client:a\0', 'a%00:secret', 'client:%0a', 'client:a\nb', '%7f:secret', 'client\r\n:secret']) {
    t.throws(() => parseBasic(basic(credentials)), { code: 'invalid_client' }, JSON.stringify(credentials))
  }
})

t.test('a request without a Basic header has no Basic credentials', async t => {
  for (const header of [undefined, '', 'Bearer YTpi', 'Basically YTpi', 'Digest Basic YTpi', 'Basic\tYTpi']) t.equal(parseBasic(header), undefined, String(header))
})

t.test('RFC 6749 §2.3.1: both halves are form-decoded, - and _ may be percent-encoded', async t => {
  const cases: Record<string, [clientId: string, clientSecret: string]> = {
    'client:secret': ['client', 'secret'],
    'mcp%2Dabc%5Fd:a%2Db%5Fc': ['mcp-abc_d', 'a-b_c'],
    'mcp-abc_d:a-b_c': ['mcp-abc_d', 'a-b_c'],
    'a+b:c%2Bd%25': ['a b', 'c+d%'],
    'https%3A%2F%2Fclient.example%2Fc:se:cr:et': ['https://client.example/c', 'se:cr:et'],
    'ü:%C3%BC': ['ü', 'ü'],
    '__proto__:constructor': ['__proto__', 'constructor']
  }
  for (const [credentials, [clientId, clientSecret]] of Object.entries(cases)) {
    t.strictSame(parseBasic(basic(credentials)), { clientId, clientSecret }, credentials)
    t.strictSame(parseBasic(basic(credentials).replace('Basic', 'bASIC  ')), { clientId, clientSecret })
  }
})
