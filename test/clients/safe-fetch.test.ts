import { once } from 'node:events'
import t from 'tap'
import type { Test } from 'tap'
import { ClientDocumentError } from '../../lib/clients/client-document-error.ts'
import { documentKind } from '../../lib/clients/documents.ts'
import { resolveHost } from '../../lib/clients/resolve-host.ts'
import { safeFetch, type Internet } from '../../lib/clients/safe-fetch.ts'
import { isPublicAddress } from '../../lib/oauth/address.ts'
import { json, startDocumentHost, status } from '../fixtures/document-host.ts'

async function start (t: Test) {
  const host = await startDocumentHost(t)
  const fetch = (world: Partial<Internet> = {}, url = host.clientId) => safeFetch(new URL(url), documentKind, { ...host.internet, ...world })
  return { host, fetch }
}

/** Why nothing came of it. */
async function failureOf (fetched: Promise<unknown>): Promise<ClientDocumentError> {
  const error = await fetched.then(() => undefined, (failure: unknown) => failure)
  if (!(error instanceof ClientDocumentError)) throw new Error('nothing was refused', { cause: error })
  return error
}

t.test('REG-03: only a 200 counts, and no redirect is followed', async t => {
  const { host, fetch } = await start(t)
  for (const code of [201, 204, 206, 301, 302, 303, 307, 308, 400, 401, 404, 410, 418]) {
    host.answer = status(code, { location: `https://${host.host}/elsewhere` })
    t.match(await failureOf(fetch()), { isTemporary: false, message: `${host.clientId} answered ${code}` })
  }
  for (const code of [403, 429, 500, 502, 503, 599]) {
    host.answer = status(code)
    t.match(await failureOf(fetch()), { isTemporary: true, message: `answered ${code}` })
  }
  t.same([...new Set(host.requests.map(({ url }) => url))], ['/oauth/client.json'])
})

t.test('REG-03: the request says what is wanted, and nothing about anybody', async t => {
  const { host, fetch } = await start(t)
  await fetch({}, `${host.clientId}?v=1`)
  const [request] = host.requests
  t.equal(request?.url, '/oauth/client.json?v=1')
  t.equal(request?.method, 'GET')
  t.match(request?.headers, { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'fastify-mcp-oauth' })
  t.same(Object.keys(request?.headers ?? {}).sort(), ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
})

t.test('a connection is for one request, whatever comes of it', async t => {
  const { host, fetch } = await start(t)
  await fetch()
  host.answer = status(404)
  await failureOf(fetch())
  for (const { socket } of host.requests) if (!socket.destroyed) await once(socket, 'close', { signal: AbortSignal.timeout(2_000) })
  t.equal(new Set(host.requests.map(({ socket }) => socket)).size, 2)
})

t.test('REG-03: what comes is JSON by its type, its characters and its form', async t => {
  const { host, fetch } = await start(t)
  for (const type of ['text/html', 'text/plain', 'application/jsonp', 'application/x-json', 'text/json', 'xapplication/json', '']) {
    host.answer = json(host.document, { 'content-type': type })
    t.match(await failureOf(fetch()), { isTemporary: false, message: /not JSON/ }, type)
  }
  host.answer = (_, response) => response.writeHead(200).end('{}')
  t.match(await failureOf(fetch()), { isTemporary: false }, 'no type at all')
  for (const body of ['', '{', '<p>', '{"a":1}x', '\u0000']) {
    host.answer = json(body)
    t.match(await failureOf(fetch()), { isTemporary: false, message: /not JSON/ }, body)
  }
  host.answer = (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from([0x22, 0xff, 0x22]))
  t.match(await failureOf(fetch()), { isTemporary: false }, 'not UTF-8')
  for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/cimd+json', 'application/vnd.client.v1+json ; x=y']) {
    host.answer = json({ a: 1 }, { 'content-type': type })
    t.same((await fetch()).value, { a: 1 }, type)
  }
})

t.test('the headers that say how long it counts come with it', async t => {
  const { host, fetch } = await start(t)
  host.headers = { age: '5', 'cache-control': 'max-age=60', expires: 'Sun, 01 Nov 2026 12:05:00 GMT', date: 'Sun, 01 Nov 2026 12:00:00 GMT' }
  t.same(await fetch(), { value: host.document, headers: host.headers })
})

t.test('R9: an endless body ends at 5 KiB, whatever length was announced', async t => {
  const { host, fetch } = await start(t)
  let sent = 0
  host.answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const pour = () => { while (!response.destroyed && response.write(' '.repeat(1024))) sent += 1024 }
    response.on('drain', pour)
    pour()
  }
  t.match(await failureOf(fetch()), { isTemporary: false, message: /more than 5120 bytes/ })
  t.ok(sent < 5_000_000, 'and the connection with it')
  host.answer = json(`"${'x'.repeat(5118)}"`)
  t.equal(String((await fetch()).value).length, 5118, '5120 bytes are fine')
  host.answer = json(`"${'x'.repeat(5119)}"`)
  t.match(await failureOf(fetch()), { message: /more than 5120 bytes/ })
})

t.test('R9: compression is not asked for, and not undone', async t => {
  const { host, fetch } = await start(t)
  const { gzipSync } = await import('node:zlib')
  host.answer = (_, response) => response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync(`"${'x'.repeat(1_000_000)}"`))
  t.match(await failureOf(fetch()), { isTemporary: false, message: /not JSON/ })
})

t.test('R9: a slow name server, a slow answer and a slow body end at the deadline', async t => {
  const { host, fetch } = await start(t)
  const began = Date.now()
  host.answer = () => {}
  t.match(await failureOf(fetch({ deadline: 1_000 })), { isTemporary: true, cause: { message: 'TimeoutError' } }, 'no answer')
  host.answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const drip = setInterval(() => { response.write(' ') }, 20)
    response.on('close', () => { clearInterval(drip) })
  }
  t.match(await failureOf(fetch({ deadline: 1_000 })), { isTemporary: true, cause: { message: 'TimeoutError' } }, 'a byte now and then')
  host.names.isSilent = true
  t.match(await failureOf(fetch({ deadline: 150 })), { isTemporary: true, message: /can not be resolved/ }, 'no name server')
  t.ok(Date.now() - began < 10_000)
})

t.test('REG-04: one address that is not public spoils them all', async t => {
  const { host, fetch } = await start(t)
  const forbidden = ['169.254.169.254', '10.0.0.1', '127.0.0.2', '0.0.0.0', '::1', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', '64:ff9b:1::a00:1', '2002:7f00:1::', '2001:0:7f00:1::', 'fd00:ec2::254', 'fe80::1']
  for (const address of forbidden) {
    for (const addresses of [[address], ['127.0.0.1', address], [address, '127.0.0.1']]) {
      host.names.hosts[host.host] = addresses
      t.match(await failureOf(fetch()), { isTemporary: false, message: /not a public address/ }, addresses.join(' '))
    }
  }
  t.same(host.requests, [])
})

t.test('REG-04: by default loopback is not public either', async t => {
  const { host, fetch } = await start(t)
  t.match(await failureOf(fetch({ isPublic: isPublicAddress })), { isTemporary: false, message: 'client.example is at 127.0.0.1, which is not a public address' })
  t.same(host.requests, [])
})

t.test('R9: a host that is an address is refused, in whatever spelling', async t => {
  const { host, fetch } = await start(t)
  for (const name of ['127.0.0.1', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '[::1]', '[::ffff:127.0.0.1]', '[64:ff9b::7f00:1]', '169.254.169.254', '8.8.8.8']) {
    t.match(await failureOf(fetch({}, `https://${name}/oauth/client.json`)), { isTemporary: false, message: /is no host name/ }, name)
  }
  t.same(host.requests, [])
  t.same(host.names.asked, [])
})

t.test('R9: the address that was checked is the one that is connected to, whatever name servers say next', async t => {
  const { host, fetch } = await start(t)
  let times = 0
  host.names.hosts[host.host] = () => ++times <= 2 ? ['127.0.0.1'] : ['169.254.169.254']
  t.same((await fetch()).value, host.document)
  t.same(host.names.asked, [host.host, host.host], 'asked once for each family, and not again to connect')
  t.match(await failureOf(fetch()), { isTemporary: false, message: /169\.254\.169\.254/ })
})

t.test('the certificate has to be the host’s, even where the process would take any', async t => {
  const { host, fetch } = await start(t)
  host.names.hosts['other.example'] = ['127.0.0.1']
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  t.teardown(() => {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
  })
  t.match(await failureOf(fetch({}, 'https://other.example/oauth/client.json')), { isTemporary: true, cause: { message: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
  t.match(await failureOf(fetch({ ca: undefined })), { isTemporary: true, cause: { message: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })
  t.same(host.requests, [])
})

t.test('a proxy in the environment is not used', async t => {
  const { host, fetch } = await start(t)
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY']) process.env[name] = 'http://127.0.0.1:9'
  t.teardown(() => { for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY']) delete process.env[name] })
  t.same((await fetch()).value, host.document)
})

t.test('a host with many addresses is tried at a few', async t => {
  const { host, fetch } = await start(t)
  host.names.hosts[host.host] = Array.from({ length: 50 }, (_, last) => `127.0.1.${last}`)
  const checked: string[] = []
  const isPublic = (address: string) => checked.push(address) > 0
  t.match(await failureOf(fetch({ isPublic })), { isTemporary: true, cause: { message: 'ECONNREFUSED' } })
  t.equal(checked.length, 50, 'but each is looked at')
  host.names.hosts[host.host] = ['127.0.1.1', '127.0.1.2', '127.0.1.3', '127.0.0.1']
  t.same((await fetch({ isPublic })).value, host.document, 'the fourth answers')
  host.names.hosts[host.host] = ['127.0.1.1', '127.0.1.2', '127.0.1.3', '127.0.1.4', '127.0.0.1']
  t.match(await failureOf(fetch({ isPublic })), { isTemporary: true }, 'the fifth is not asked')
})

t.test('a name that does not exist, and one without an address', async t => {
  const { host, fetch } = await start(t)
  t.match(await failureOf(fetch({}, 'https://nowhere.example/c')), { isTemporary: true, cause: { code: 'ENOTFOUND' } })
  host.names.hosts['empty.example'] = []
  t.match(await failureOf(fetch({}, 'https://empty.example/c')), { isTemporary: true, cause: { code: 'ENODATA' } })
})

t.test('both families are asked for, by the name servers of this machine where none are named', async t => {
  const { host } = await start(t)
  host.names.hosts[host.host] = ['93.184.216.34', '2606:2800:21f:cb07:6820:80da:af6b:8b2c']
  const signal = AbortSignal.timeout(5_000)
  t.same(await resolveHost(host.host, signal, [host.names.address]), ['93.184.216.34', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'])
  t.match(await failureOf(resolveHost('client.invalid', AbortSignal.timeout(1))), { isTemporary: true })
})
