import { setTimeout as sleep } from 'node:timers/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { Test } from 'tap'
import { ClientDocumentError } from '../../lib/clients/client-document-error.ts'
import { ClientLogos } from '../../lib/clients/logos.ts'
import { safeFetch } from '../../lib/clients/safe-fetch.ts'
import { isPublicAddress } from '../../lib/oauth/address.ts'
import { startDocumentHost, status, type DocumentHost } from '../fixtures/document-host.ts'
import { dataUri, image, png, pngOf, pngOfLength, sampleImages } from '../fixtures/images.ts'

const now = new Date('2026-11-01T12:00:00Z')
const clientUrl = new URL('https://client.example/oauth/client.json')
const logoUri = 'https://client.example/logo.png'
const shown = dataUri(png)

/** Logos as they are, of a host that is on loopback. */
async function start (t: Test) {
  const host = await startDocumentHost(t)
  host.answer = image(png)
  const failures: unknown[] = []
  const connect = (internet = host.internet) => new ClientLogos(error => { failures.push(error) }, (url, kind) => safeFetch(url, kind, internet))
  /** What comes of the first fetch that there is, however long this machine takes for it. */
  const first = async (uri: string | null = logoUri, internet = host.internet): Promise<string | undefined> => {
    const [logos, before] = [connect(internet), failures.length]
    let logo: string | undefined
    for (let page = 0; page < 10 && logo === undefined && failures.length === before; page++) logo = await logos.get(clientUrl, uri, undefined, now)
    return logo
  }
  return { host, failures, connect, first }
}

t.test('REG-04: only the very host that the client is known by may have its logo, by https', async t => {
  const { host, failures, first } = await start(t)
  const elsewhere = [
    'https://other.example/logo.png', 'https://www.client.example/logo.png', 'https://example/logo.png', 'https://client.example.evil.example/logo.png', 'https://client.example:8443/logo.png',
    'https://client.example@other.example/logo.png', 'http://client.example/logo.png', 'https://127.0.0.1/logo.png', 'http://127.0.0.1/logo.png', 'ftp://client.example/logo.png',
    'javascript://client.example/%0aalert(1)', shown, 'file:///etc/passwd', '//client.example/logo.png', 'logo.png', 'https://', ''
  ]
  for (const uri of [...elsewhere, null]) t.equal(await first(uri), undefined, String(uri))
  t.same(host.names.asked, [], 'nobody is asked, not even a name server')
  t.same(failures, [])
  t.equal(await first(), shown)
})

t.test('an image that is one comes as a data URI, and the host learns nothing about anybody', async t => {
  const { host, first, failures } = await start(t)
  for (const { type, bytes } of sampleImages) {
    host.answer = image(bytes, { 'content-type': type })
    t.equal(await first(`${logoUri}?size=24`), dataUri(bytes, type), type)
  }
  host.answer = image(png, { 'content-type': 'Image/PNG; charset=binary' })
  t.equal(await first(), shown, 'the type is written our way')
  const [request] = host.requests
  t.equal(request?.url, '/logo.png?size=24')
  t.match(request?.headers, { accept: 'image/png, image/jpeg, image/webp', 'accept-encoding': 'identity', 'user-agent': 'fastify-mcp-oauth' })
  t.same(Object.keys(request?.headers ?? {}).sort(), ['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
  t.same(failures, [])
})

const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'.padEnd(200))

const refused: Record<string, { answer: DocumentHost['answer'], reason: RegExp }> = {
  SVG: { answer: image(svg, { 'content-type': 'image/svg+xml' }), reason: /answered image\/svg\+xml, not a logo/ },
  'SVG that says it is PNG': { answer: image(svg), reason: /what is not a logo.*still image\/png/ },
  'PNG that says it is SVG': { answer: image(png, { 'content-type': 'image/svg+xml' }), reason: /answered image\/svg\+xml, not a logo/ },
  'PNG that says it is JPEG': { answer: image(png, { 'content-type': 'image/jpeg' }), reason: /what is not a logo.*still image\/jpeg/ },
  'PNG that says it is any image': { answer: image(png, { 'content-type': 'image/*' }), reason: /not a logo/ },
  'PNG that says it is something like PNG': { answer: image(png, { 'content-type': 'image/pngx' }), reason: /answered image\/pngx, not a logo/ },
  'PNG that says it is something like an image': { answer: image(png, { 'content-type': 'ximage/png' }), reason: /answered ximage\/png, not a logo/ },
  'PNG that says it is HTML as well': { answer: image(png, { 'content-type': 'image/png, text/html' }), reason: /not a logo/ },
  'PNG without a type': { answer: (_, response) => response.writeHead(200).end(png), reason: /not a logo/ },
  GIF: { answer: image(Buffer.from('GIF89a'), { 'content-type': 'image/gif' }), reason: /answered image\/gif, not a logo/ },
  HTML: { answer: image(Buffer.from('<!doctype html>')), reason: /what is not a logo/ },
  nothing: { answer: image(Buffer.alloc(0)), reason: /what is not a logo/ },
  'what is compressed though it was not asked for': { answer: image(gzipSync(png), { 'content-encoding': 'gzip' }), reason: /what is not a logo/ },
  'an image too wide to be decoded': { answer: image(pngOf(1025, 1)), reason: /1025 x 1 pixels/ },
  'an image too high to be decoded': { answer: image(pngOf(1, 1025)), reason: /1 x 1025 pixels/ },
  'an image of four thousand million pixels': { answer: image(pngOf(65535, 65535)), reason: /65535 x 65535 pixels/ },
  'a redirect on the same host': { answer: status(302, { location: 'https://client.example/elsewhere.png' }), reason: /answered 302/ },
  'a redirect into the local network': { answer: status(301, { location: 'http://169.254.169.254/logo.png' }), reason: /answered 301/ },
  'an image that is only a part': { answer: (_, response) => response.writeHead(206, { 'content-type': 'image/png' }).end(png), reason: /answered 206/ },
  404: { answer: status(404), reason: /answered 404/ },
  500: { answer: status(500), reason: /answered 500/ }
}

/** All that the operator is told. */
function told (failure: unknown): string {
  const { message, cause } = Object(failure)
  return `${message} ${Object(cause).message}`
}

t.test('REG-04: what is no small still image is not shown', async t => {
  const { host, first, failures } = await start(t)
  for (const [what, { answer, reason }] of Object.entries(refused)) {
    host.answer = answer
    t.equal(await first(), undefined, what)
    t.match(told(failures.at(-1)), reason, what)
    t.ok(failures.at(-1) instanceof ClientDocumentError, what)
  }
  t.equal(failures.length, Object.keys(refused).length)
  t.same([...new Set(host.requests.map(({ url }) => url))], ['/logo.png'], 'no redirect was followed')
  host.answer = image(pngOf(1024, 1024))
  t.equal(await first(), dataUri(pngOf(1024, 1024)))
})

t.test('R9: an endless image ends at 64 KiB, whatever length was announced', async t => {
  const { host, first, failures } = await start(t)
  let sent = 0
  host.answer = (_, response) => {
    response.writeHead(200, { 'content-type': 'image/png' }).write(png)
    const pour = () => { while (!response.destroyed && response.write(Buffer.alloc(1024))) sent += 1024 }
    response.on('drain', pour)
    pour()
  }
  t.equal(await first(), undefined)
  t.match(told(failures[0]), /more than 65536 bytes/)
  t.ok(sent < 5_000_000, 'and the connection with it')
  host.answer = image(pngOfLength(65_536))
  t.equal(await first(), dataUri(pngOfLength(65_536)), '65536 bytes are fine')
  host.answer = image(pngOfLength(65_537))
  t.equal(await first(), undefined)
})

t.test('R9: a logo is not fetched from an address that is not public', async t => {
  const { host, first, failures } = await start(t)
  for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1']) {
    host.names.hosts[host.host] = ['93.184.216.34', address]
    t.equal(await first(logoUri, { ...host.internet, isPublic: isPublicAddress }), undefined)
    t.match(told(failures.at(-1)), `is at ${address}, which is not a public address`)
  }
  t.same(host.requests, [])
})

const slow: Record<string, (request: IncomingMessage, response: ServerResponse) => unknown> = {
  'no answer': () => {},
  'a byte now and then': (_, response) => {
    response.writeHead(200, { 'content-type': 'image/png' })
    const drip = setInterval(() => { response.write(png.subarray(0, 1)) }, 20)
    response.on('close', () => { clearInterval(drip) })
  }
}

for (const [what, answer] of Object.entries(slow)) {
  t.test(`R9: ${what}: the page waits for half a second, and the fetch ends at its own limit`, async t => {
    const { host, connect, failures } = await start(t)
    host.answer = answer
    const logos = connect({ ...host.internet, deadline: 5_000 })
    const began = performance.now()
    t.equal(await logos.get(clientUrl, logoUri, undefined, now), undefined)
    const waited = performance.now() - began
    t.ok(waited > 450 && waited < 4_500, `${waited} ms`)
    t.same(failures, [], 'it is still under way')
    while (failures.length === 0) await sleep(50)
    t.equal(await logos.get(clientUrl, logoUri, undefined, now), undefined)
    t.match(told(failures[0]), /can not be read TimeoutError/)
    t.equal(host.requests.length, 1)
  })
}

t.test('what comes after the page has gone is there for the next one', async t => {
  const { host, connect, failures } = await start(t)
  let open = () => {}
  const opened = new Promise<void>(resolve => { open = resolve })
  host.answer = async (_, response) => {
    await opened
    response.writeHead(200, { 'content-type': 'image/png' }).end(png)
  }
  const logos = connect()
  t.equal(await logos.get(clientUrl, logoUri, undefined, now), undefined)
  open()
  let next: string | undefined
  for (let page = 0; page < 20 && next === undefined; page++) next = await logos.get(clientUrl, logoUri, undefined, now)
  t.equal(next, shown)
  t.equal(host.requests.length, 1)
  t.same(failures, [])
})
