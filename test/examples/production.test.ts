import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../fixtures/free-port.js'
import { execute } from '../fixtures/postgres.ts'
import { deployment } from './deployed.ts'
import { startServer, statusUnderName, stopServer } from './processes.ts'
import { callTool, redirectUri, signIn } from './sign-in.ts'

t.setTimeout(300_000)

const cwd = t.testdir()
const otherPort = await freePort()
const { port, origin, databaseUrl, provider, env: deployed } = await deployment(t)
const env = { ...deployed, LOG_LEVEL: 'warn' }

// At once, on an empty database, as an orchestrator starts replicas.
const [first, second] = await Promise.all([port, otherPort].map(async (port) => await startServer(t, { cwd, env: { ...env, PORT: String(port) } })))
const servers = [first, second].filter((server) => server !== undefined)

t.test('two replicas start at once on an empty database, and fill it once', async (t) => {
  t.equal(servers.length, 2)
  for (const { output } of servers) t.equal(output.stderr, '')
  t.match(await execute(databaseUrl, 'SELECT count(*)::int AS count FROM restaurants'), [{ count: 3 }])
  t.match(await execute(databaseUrl, 'SELECT email, role FROM user_profiles'), [{ email: 'boss@example.com', role: 'admin' }])
})

t.test('nothing of the local mode is there', async (t) => {
  for (const { output } of servers) t.notMatch(output.stdout, /Sign-in:|npm run example/)
  await t.rejects(access(join(cwd, 'data')))
  t.equal(await statusUnderName(port, 'restaurant.example', '/health'), 200, 'what a proxy sends is no reason to refuse')
})

t.test('who is not on the whitelist does not get in', async (t) => {
  provider.signInAs('somebody@example.com')
  const { end } = await signIn(origin, '')
  t.equal(end.status, 403)
  t.notOk(end.hops.some((hop) => hop.startsWith(redirectUri)))
})

t.test('RS-03, RS-10: writing needs its scope, deleting the administrator', async (t) => {
  await execute(databaseUrl, "INSERT INTO user_profiles (user_id, email, name, status, role) VALUES ('waiter', 'waiter@example.com', 'Waiter', 'active', 'user')")
  provider.signInAs('waiter@example.com')
  const call = async (token: string, name: string, args: object) => await fetch(`${origin}/mcp`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', authorization: `Bearer ${token}` },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
  })
  const ordering = { restaurant_id: 1, items: [{ menu_item_id: 1, quantity: 1 }] }

  const reader = await (await signIn(origin, '', 'openid restaurants:read')).redeem()
  t.match(await callTool(t, origin, reader, 'list_restaurants'), [{ name: 'Trattoria Lucia' }, {}, {}])
  const refused = await call(reader, 'create_order', ordering)
  t.equal(refused.status, 403)
  t.match(refused.headers.get('www-authenticate'), 'error="insufficient_scope"')
  t.match(refused.headers.get('www-authenticate'), 'scope="restaurants:write"')

  const writer = await (await signIn(origin, '')).redeem()
  t.match(await callTool(t, origin, writer, 'create_order', ordering), { ordered_by_email: 'waiter@example.com' })
  const forbidden = await call(writer, 'delete_restaurant', { id: 1 })
  t.equal(forbidden.status, 403)
  t.match(await forbidden.json(), { error: 'access_denied' })
  t.equal(forbidden.headers.get('www-authenticate'), null, 'no sign-in would help')
  t.match(await execute(databaseUrl, 'SELECT count(*)::int AS count FROM restaurants'), [{ count: 3 }])

  const stranger = await (await signIn(origin, '', 'openid')).redeem()
  t.equal((await fetch(`${origin}/api/restaurants`, { headers: { authorization: `Bearer ${stranger}` } })).status, 403)
  t.equal((await fetch(`${origin}/api/restaurants`, { headers: { authorization: `Bearer ${reader}` } })).status, 200)

  provider.signInAs('boss@example.com')
  const boss = await (await signIn(origin, '')).redeem()
  await callTool(t, origin, boss, 'delete_order', { id: 1 })
  t.match(await execute(databaseUrl, 'SELECT count(*)::int AS count FROM orders'), [{ count: 0 }])
})

t.test('who is on it orders by name at either replica, until the e-mail is removed', async (t) => {
  provider.signInAs('boss@example.com')
  const token = await (await signIn(origin, '')).redeem()
  t.match(await callTool(t, `http://localhost:${otherPort}`, token, 'create_order', { restaurant_id: 1, items: [{ menu_item_id: 1, quantity: 1 }] }), { ordered_by_email: 'boss@example.com' })
  t.match(await callTool(t, origin, token, 'list_orders'), [{ ordered_by_email: 'boss@example.com' }])

  await execute(databaseUrl, "DELETE FROM user_profiles WHERE email = 'boss@example.com'")
  await sleep(5100)
  for (const url of [`${origin}/mcp`, `http://localhost:${otherPort}/api/restaurants`]) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    t.equal(response.status, 401, url)
  }
})

t.test('what is measured is for a scraper inside the network, and not for whoever comes through a proxy', async (t) => {
  for (const header of ['x-forwarded-for', 'forwarded']) {
    const fromOutside = await fetch(`${origin}/metrics`, { headers: { [header]: '127.0.0.1' } })
    t.equal(fromOutside.status, 404, header)
    t.notMatch(await fromOutside.text(), 'oauth_')
  }
  const scrape = await fetch(`${origin}/metrics`)
  t.equal(scrape.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const text = await scrape.text()
  t.match(text, /^oauth_sign_ins_total\{provider="oidc",outcome="admitted"\} [1-9]/m)
  t.match(text, /^oauth_clients_alive [1-9]/m)
})

t.test('SIGTERM ends both cleanly', async (t) => {
  for (const server of servers) t.equal((await stopServer(server)).code, 0)
})
