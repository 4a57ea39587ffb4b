import t from 'tap'
import { resolveResource } from '../../lib/oauth/resource.ts'

const resource = 'https://api.example.com/mcp'
const served = [resource, 'https://api.example.com/other']

t.test('AZ-11, RFC 8707 §2: a resource that is not served here is invalid_target', async t => {
  const others = [
    'https://evil.example/mcp', 'http://api.example.com/mcp', 'https://api.example.com/mcp/', 'https://api.example.com/MCP', 'https://api.example.com/mcp?x=1', 'https://api.example.com/mcp#x',
    'https://api.example.com/mcp#', 'https://api.example.com:443/mcp', 'https://api.example.com/%6dcp', 'https://api.example.com/x/../mcp', 'https://api.example.com.evil.example/mcp',
    'https://user@api.example.com/mcp', 'https://api.example.com//', 'https://api.example.com/?', 'https://api.example.com#', 'api.example.com/mcp', '/mcp', 'mcp', '', 'https:/api.example.com/mcp',
    'urn:example:mcp', ' https://api.example.com/mcp', 'https://api.example.com/mcp '
  ]
  t.throws(() => resolveResource([' https://api.example.com:808/mcp'], ['https://api.example.com:8088/mcp'], resource), { code: 'invalid_target' })
  for (const other of others) {
    t.throws(() => resolveResource([other], served, resource), { name: 'OAuthError', code: 'invalid_target', statusCode: 400 }, other)
  }
})

t.test('RFC 8707 §2: a resource with a fragment is invalid_target, whatever is served', async t => {
  for (const uri of [`${resource}#x`, `${resource}#`, '#']) t.throws(() => resolveResource([uri], [uri], resource), { code: 'invalid_target', message: 'The resource is not served here' }, uri)
})

t.test('T16: so is one of more than 2048 characters', async t => {
  const longest = `${resource}/${'x'.repeat(2047 - resource.length)}`
  t.equal(resolveResource([longest], [longest], resource), longest)
  t.throws(() => resolveResource([`${longest}x`], [`${longest}x`], resource), { code: 'invalid_target' })
})

t.test('AZ-01, RFC 8707 §2: two different resources are invalid_target, one twice is one', async t => {
  for (const both of [served, [resource, 'https://api.example.com'], [resource, 'nonsense'], ['nonsense', resource]]) {
    t.throws(() => resolveResource(both, served, resource), { code: 'invalid_target' }, both.join(' '))
  }
  t.equal(resolveResource([resource, 'HTTPS://API.example.com/mcp', resource], served, resource), resource)
})

t.test('AZ-11: none, or the bare origin with or without a slash, means the default', async t => {
  t.equal(resolveResource(undefined, served, resource), resource)
  for (const origin of ['https://api.example.com', 'https://api.example.com/', 'HTTPS://API.EXAMPLE.COM/']) t.equal(resolveResource([origin], served, resource), resource, origin)
  t.equal(resolveResource(['https://api.example.com/'], ['https://api.example.com'], 'https://api.example.com'), 'https://api.example.com')
})

t.test('AZ-11: upper case in scheme and host is folded, the rest is not', async t => {
  t.equal(resolveResource(['HTTPS://API.Example.COM/mcp'], served, resource), resource)
  t.equal(resolveResource(['https://api.example.com/other'], served, resource), 'https://api.example.com/other')
})

t.test('T16: a resource of any length is read in linear time', async t => {
  const started = performance.now()
  for (const end of ['', '#', '?#', '\n#']) {
    t.throws(() => resolveResource([`a://${'x'.repeat(60_000)}${end}`], served, resource), { code: 'invalid_target' })
    t.throws(() => resolveResource([`${'a'.repeat(60_000)}:/${end}`], served, resource), { code: 'invalid_target' })
  }
  t.ok(performance.now() - started < 10_000, 'quadratic time would be minutes')
})
