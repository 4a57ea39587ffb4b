import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect as connectSocket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { launchChromium } from '../fixtures/chromium.ts'
import { freePort } from '../fixtures/free-port.js'
import { run, startServer, statusUnderName, stopServer } from './processes.ts'
import { callTool, redirectUri, signIn, startAuthorization } from './sign-in.ts'

t.setTimeout(300_000)

const cwd = t.testdir()
const port = await freePort()
const origin = `http://localhost:${port}`
const chromium = await launchChromium(t)
// As a container's environment has it: in local mode it must count for nothing.
const env = { PORT: String(port), HOST: '0.0.0.0' }
let server = await startServer(t, { cwd, env })
const providerUrl = /Sign-in: (\S+)/.exec(server.output.stdout)?.[1] ?? ''
const providerPort = Number(new URL(providerUrl).port)

async function isReachable (host: string, port: number): Promise<boolean> {
  const socket = connectSocket({ host, port, timeout: 2000 })
  socket.once('timeout', () => socket.destroy(new Error('timeout')))
  const reached = await once(socket, 'connect').then(() => true, () => false)
  socket.destroy()
  return reached
}

t.test('without a token, the MCP endpoint and the API are 401 with a challenge, and the health check is open', async (t) => {
  for (const [method, path] of [['POST', '/mcp'], ['GET', '/mcp'], ['DELETE', '/mcp'], ['GET', '/api/restaurants'], ['GET', '/api/restaurants/1'], ['GET', '/api/restaurants/1/menu']] as const) {
    const response = await fetch(origin + path, { method })
    t.equal(response.status, 401, `${method} ${path}`)
    t.match(response.headers.get('www-authenticate'), `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`)
  }
  t.equal((await fetch(`${origin}/health`)).status, 200)
})

t.test('W11: HOST is not heeded in local mode, both servers listen on loopback alone', async (t) => {
  const others = Object.values(networkInterfaces()).flat().flatMap((address) => address?.family === 'IPv4' && !address.internal ? [address.address] : [])
  if (process.platform === 'linux') others.push('127.0.0.2')
  for (const host of others) {
    t.equal(await isReachable(host, port), false, `server at ${host}`)
    t.equal(await isReachable(host, providerPort), false, `provider at ${host}`)
  }
  t.equal(await isReachable('127.0.0.1', port), true)
  t.equal(await isReachable('127.0.0.1', providerPort), true)
})

t.test('W11: a name that is not loopback is 403 at both servers', async (t) => {
  for (const [port_, path] of [[port, '/health'], [port, '/mcp'], [port, '/nothing'], [providerPort, '/auth'], [providerPort, '/sign-in/x']] as const) {
    for (const host of ['rebound.example', 'localhost.rebound.example', `127.0.0.1.rebound.example:${port_}`, '0.0.0.0']) {
      t.equal(await statusUnderName(port_, host, path), 403, `${host} ${path}`)
    }
  }
  t.equal(await statusUnderName(port, `127.0.0.1:${port}`, '/health'), 200)
  t.equal(await statusUnderName(port, `[::1]:${port}`, '/health'), 200)
})

t.test('its first lines say what to do next', async (t) => {
  const { stdout, stderr } = server.output
  t.equal(stderr, '')
  const [first, ...lines] = stdout.split('\n')
  t.equal(first, `The restaurant is open at ${origin}/mcp`)
  const said = lines.map((line) => line.trim().replace(/ {2,}/, ' | '))
  t.ok(said.includes(`Claude Code | claude mcp add --transport http restaurant ${origin}/mcp`))
  t.ok(said.includes(`VS Code | code --add-mcp '{"name":"restaurant","type":"http","url":"${origin}/mcp"}'`))
  t.ok(said.some((line) => line.startsWith('Inspector | npx @modelcontextprotocol/inspector')))
  t.ok(said.includes('On the whitelist: you@example.com'))
})

t.test('an e-mail that is not on the whitelist gets nothing', async (t) => {
  const { end } = await signIn(origin, 'stranger@example.com')
  t.equal(end.status, 403)
  t.match(end.body, /stranger@example\.com/)
  t.notOk(end.hops.some((hop) => hop.startsWith(redirectUri)))
})

t.test('an order that is placed through the tool bears the name of the person who signed in', async (t) => {
  const { end, redeem } = await signIn(origin, ' You@Example.com ')
  t.equal(end.url.searchParams.get('iss'), origin)
  const token = await redeem()
  const order = await callTool(t, origin, token, 'create_order', { restaurant_id: 2, items: [{ menu_item_id: 4, quantity: 2 }] })
  t.match(order, { ordered_by_email: 'you@example.com', total_cents: 960 })
  t.match(await callTool(t, origin, token, 'list_orders'), [{ ordered_by_email: 'you@example.com' }])
  const menu = await fetch(`${origin}/api/restaurants/2/menu`, { headers: { authorization: `Bearer ${token}` } })
  t.match(await menu.json(), { restaurant: 'Sakura' })
})

t.test('the whole way works in a browser that runs no scripts', { skip: chromium.skip }, async (t) => {
  const client = createServer((_, response) => response.end('<title>Back at the client</title>')).listen(0, '127.0.0.1')
  t.teardown(() => { client.close().closeAllConnections() })
  await once(client, 'listening')
  const address = client.address()
  const callback = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/callback`
  const { url, redeem } = await startAuthorization(origin, callback)
  const { page, complaints } = await chromium.open(t, { javaScriptEnabled: false })
  await page.goto(url)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.getByLabel('E-mail').waitFor()
  t.equal(await page.title(), 'Local sign-in')
  t.equal(await page.getByLabel('E-mail').inputValue(), 'you@example.com')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${callback}?**`)
  const token = await redeem(new URL(page.url()))
  t.match(await callTool(t, origin, token, 'get_restaurant', { id: 3 }), { name: 'El Camino' })
  t.strictSame(complaints.filter((complaint) => !complaint.includes('favicon')), [])
})

t.test('the sign-in page answers who has no sign-in under way, and an empty form, with words', async (t) => {
  const stray = await fetch(`${providerUrl}/sign-in/unknown`)
  t.equal(stray.status, 400)
  t.match(await stray.text(), /Start again/)
  const { end } = await signIn(origin, '')
  t.equal(end.status, 200)
  t.match(end.body, /value="you@example\.com"/)
})

t.test('the example client prints each step and ends with the restaurants', async (t) => {
  const { code, stdout, stderr } = await run(t, 'client.ts', { cwd, args: [`${origin}/mcp`] }).ended
  t.equal(stderr, '')
  t.equal(code, 0)
  const steps = stdout.split('\n').map((line) => /^(\S+) {2,}/.exec(line)?.[1]).filter((step) => step !== undefined)
  t.strictSame([...new Set(steps)], ['401', 'discovery', 'registration', 'consent', 'sign-in', 'token', 'tools/list', 'tools/call'])
  t.match(stdout, /sign-in .* signing in as you@example\.com/)
  t.match(stdout, /tools\/list .*list_restaurants .*delete_order/)
  t.match(JSON.parse(stdout.slice(stdout.indexOf('\n[') + 1)), [{ name: 'Trattoria Lucia' }, { name: 'Sakura' }, { name: 'El Camino' }])
})

t.test('the example client says in one sentence that the server is not there', async (t) => {
  const url = `http://localhost:${await freePort()}/mcp`
  const { code, stdout, stderr } = await run(t, 'client.ts', { cwd, args: [url] }).ended
  t.strictSame({ code, stdout, stderr }, { code: 1, stdout: '', stderr: `Nothing answers at ${url}: start the server first, with npm run example\n` })
})

t.test('a second server does not touch the data of the first', async (t) => {
  const { code, stderr } = await run(t, 'server.ts', { cwd, env: { PORT: String(await freePort()) } }).ended
  t.equal(code, 1)
  t.match(stderr, /^data\/restaurant is in use by process \d+: stop that, .*\n$/)
})

t.test('the secret that it made is for its owner alone', { skip: process.platform === 'win32' }, async (t) => {
  const file = join(cwd, 'data/restaurant/jwt-secret')
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.equal((await readFile(file, 'utf8')).length, 43)
})

t.test('orders, tokens and people outlive a restart, even where the local provider has to move', async (t) => {
  const token = await (await signIn(origin, 'you@example.com')).redeem()
  const { code, stderr } = await stopServer(server)
  t.strictSame({ code, stderr }, { code: 0, stderr: '' }, 'SIGTERM ends it cleanly')
  const squatter = createServer().listen(providerPort, '127.0.0.1')
  await once(squatter, 'listening')
  t.teardown(() => squatter.close())

  server = await startServer(t, { cwd, env })
  t.notMatch(server.output.stdout, providerUrl)
  t.match(await callTool(t, origin, token, 'list_orders'), [{ ordered_by_email: 'you@example.com' }])
  t.ok((await signIn(origin, 'you@example.com')).end.url.searchParams.has('code'), 'who was pinned to the old provider signs in at the new one')
  t.equal((await stopServer(server)).code, 0)
})

t.test('a secret that is too short stops the start with one sentence', async (t) => {
  const { code, stdout, stderr } = await run(t, 'server.ts', { cwd, env: { ...env, JWT_SECRET: 'abbreviated' } }).ended
  t.strictSame({ code, stdout }, { code: 1, stdout: '' })
  t.match(stderr, /^secret .*JWT_SECRET.* openssl rand -base64 32\n$/)
  t.notMatch(stderr, 'abbreviated')
})
