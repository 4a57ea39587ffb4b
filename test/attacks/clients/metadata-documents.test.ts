import t from 'tap'
import type { Test } from 'tap'
import { linksOf } from '../../fixtures/browser-jar.ts'
import { connectToInternet, documentRedirectUri, startDocumentHost, status, type DocumentHost } from '../../fixtures/document-host.ts'
import { authorizeUrl, pkce } from '../../fixtures/flow.ts'
import { captureLog } from '../../fixtures/log.ts'
import { startPlayedWorld } from '../../fixtures/played-world.ts'
import { isPublicAddress } from '../../../lib/oauth/address.ts'

/** In milliseconds: for what never ends by itself. */
const deadline = 300

/** A server that is asked to fetch, and a host that is not what it seems. */
async function start (t: Test) {
  const log = captureLog('info')
  const host = await startDocumentHost(t)
  const { world, watch } = await startPlayedWorld(t, { fastify: { logger: log.logger } })
  connectToInternet(world.app, host.internet)
  const ask = (clientId = host.clientId) => world.browser.visit(authorizeUrl(world, { client_id: clientId, redirect_uris: [] }, pkce(), { redirect_uri: documentRedirectUri }))
  return { world, watch, log, host, ask }
}

type Attacked = Awaited<ReturnType<typeof start>>

/** A page that says nothing of what was found, in time; and afterwards an honest document is fetched as if nothing had been. */
async function isRefused (t: Test, { ask, host, log, watch }: Attacked, reason: RegExp): Promise<void> {
  const began = Date.now()
  const page = await ask()
  t.ok(Date.now() - began < 4_500, 'within the time limit')
  t.equal(page.status, 400)
  t.equal(page.hops.length, 1)
  t.same(linksOf(page), [])
  // The heading of every page names this server.
  t.notMatch(page.body.replace(/<header>.*<\/header>/s, ''), /169\.254|127\.0|answered [^.]|resolved|bytes|Timeout|client\.example/, 'nobody learns what is there')
  t.match(JSON.stringify(log.of('sign-in refused').at(-1)), reason)
  t.notOk(watch.calls.some(call => /^(?:create|save)/.test(call)), 'nothing is stored')
  const before = host.requests.length
  Object.assign(host, { answer: undefined })
  host.names.hosts = { [host.host]: ['127.0.0.1'] }
  host.internet.deadline = 5_000
  t.equal((await ask()).status, 200)
  t.equal(host.requests.length, before + 1, 'nothing was kept')
}

const answers: Record<string, { make: (host: DocumentHost) => void, reason: RegExp }> = {
  'a slow body': {
    make: host => {
      host.internet.deadline = deadline
      host.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'max-age=3600' })
        const drip = setInterval(() => { response.write(' ') }, 20)
        response.on('close', () => { clearInterval(drip) })
      }
    },
    reason: /TimeoutError/
  },
  'no answer': {
    make: host => {
      host.internet.deadline = deadline
      host.answer = () => {}
    },
    reason: /TimeoutError/
  },
  'an endless body': {
    make: host => {
      host.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '20' }).flushHeaders()
        const { socket } = response
        const pour = () => { while (socket?.destroyed === false && socket.write(' '.repeat(1024))); }
        socket?.on('drain', pour)
        pour()
      }
    },
    reason: /not JSON|can not be read|more than 5120 bytes/
  },
  'an endless body without a length': {
    make: host => {
      host.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const pour = () => { while (!response.destroyed && response.write(' '.repeat(1024))); }
        response.on('drain', pour)
        pour()
      }
    },
    reason: /more than 5120 bytes/
  },
  'endless headers': {
    make: host => {
      host.answer = (_, response) => {
        const { socket } = response
        socket?.write('HTTP/1.1 200 OK\r\n')
        const pour = () => { while (socket?.destroyed === false && socket.write(`x: ${'x'.repeat(1024)}\r\n`)); }
        socket?.on('drain', pour)
        pour()
      }
    },
    reason: /UND_ERR_HEADERS_OVERFLOW|HPE_HEADER_OVERFLOW|can not be read/
  }
}

for (const [what, { make, reason }] of Object.entries(answers)) {
  t.test(`R9: a host that answers with ${what} is let go`, async t => {
    const attacked = await start(t)
    make(attacked.host)
    await isRefused(t, attacked, reason)
  })
}

t.test('R9: a redirect is not followed, to wherever', async t => {
  const targets: Array<[code: number, location: string]> = [
    [302, 'http://169.254.169.254/latest/meta-data/'], [301, 'https://127.0.0.1/'], [307, 'https://client.example/elsewhere'], [308, 'file:///etc/passwd'], [303, '//client.example/elsewhere']
  ]
  for (const [code, location] of targets) {
    const attacked = await start(t)
    attacked.host.answer = status(code, { location })
    await isRefused(t, attacked, new RegExp(`answered ${code}`))
    t.same(new Set(attacked.host.requests.map(({ url }) => url)), new Set(['/oauth/client.json']))
  }
})

const local = [
  '169.254.169.254', '127.0.0.1', '10.1.2.3', '192.168.1.1', '100.64.0.1', '0.0.0.0', '::1', 'fd00:ec2::254', 'fe80::1', '::ffff:169.254.169.254', '::ffff:127.0.0.1', '::127.0.0.1',
  '64:ff9b::a9fe:a9fe', '64:ff9b:1::7f00:1', '2002:a9fe:a9fe::1', '2001:0:a9fe:a9fe::1', '2001:db8::1'
]

t.test('R9: a name that leads into the local network is refused, alone and among others', async t => {
  const attacked = await start(t)
  const { world, host } = attacked
  // As it is outside of tests: loopback is no exception.
  const reach = () => { connectToInternet(world.app, { ...host.internet, isPublic: isPublicAddress }) }
  for (const address of local) {
    for (const addresses of [[address], ['93.184.216.34', address], [address, '2606:4700:4700::1111']]) {
      reach()
      host.names.hosts[host.host] = addresses
      const page = await attacked.ask()
      t.equal(page.status, 400, addresses.join(' '))
      t.match(JSON.stringify(attacked.log.of('sign-in refused').at(-1)), /not a public address/)
    }
  }
  t.equal(host.requests.length, 0, 'nobody was connected to')
  connectToInternet(world.app, host.internet)
  host.names.hosts[host.host] = ['169.254.169.254']
  await isRefused(t, attacked, /169\.254\.169\.254, which is not a public address/)
})

t.test('R9: a name that leads elsewhere between check and connect leads nowhere else', async t => {
  const { host, ask } = await start(t)
  let asked = 0
  host.names.hosts[host.host] = () => ++asked <= 2 ? ['127.0.0.1'] : ['127.0.0.2']
  t.equal((await ask()).status, 200)
  t.equal(asked, 2, 'each family once: nothing is left to lie about')
  t.equal(host.requests.length, 1)
  t.equal(host.requests[0]?.socket.localAddress, '127.0.0.1')
})

t.test('R9: an address in any spelling is not a client', async t => {
  const { host, ask, log } = await start(t)
  const hosts = ['127.0.0.1', '2130706433', '0x7f000001', '0x7f.0.0.1', '017700000001', '0177.0.0.1', '127.1', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:a9fe:a9fe]', '[64:ff9b::169.254.169.254]', '169.254.169.254', '2852039166', '１６９.254.169.254', 'localhost', 'metadata', '127.0.0.1.', 'user@127.0.0.1', 'client.example@127.0.0.1', 'client.example:8443', '169.254.169.254%2f.client.example']
  for (const name of hosts) {
    const page = await ask(`https://${name}/oauth/client.json`)
    t.match(page, { status: 400, body: /This server does not know the application/ }, name)
    t.same(linksOf(page), [])
  }
  for (const clientId of ['http://client.example/oauth/client.json', 'file:///etc/passwd', 'gopher://client.example/x', 'https://client.example/a/../oauth/client.json', 'https://client.example/oauth/client.json#x']) {
    t.equal((await ask(clientId)).status, 400, clientId)
  }
  t.equal(host.requests.length, 0)
  t.same(host.names.asked, [], 'no name server was asked either')
  t.match(log.of('sign-in refused').length, hosts.length + 5)
})

t.test('R9: whoever has others fetched is slowed down, and nobody else', async t => {
  const { host, world } = await start(t)
  const ask = async (remoteAddress: string, query = '') => {
    const url = authorizeUrl(world, { client_id: `${host.clientId}${query}`, redirect_uris: [] }, pkce(), { redirect_uri: documentRedirectUri })
    return (await world.app.inject({ url: url.slice(world.origin.length), headers: { host: new URL(world.origin).host }, remoteAddress })).statusCode
  }
  host.answer = status(404)
  for (let turn = 0; turn < 30; turn++) t.equal(await ask(`2001:db8::${turn}`, `?${turn}`), 400)
  t.equal(host.requests.length, 10, 'a network of IPv6 is one')
  host.answer = undefined
  t.equal(await ask('2001:db8::99'), 400)
  t.equal(await ask('2001:db8:0:1::1'), 200)
})
