import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { spawnCommand } from '../fixtures/command-line.ts'
import { startDatabase } from '../fixtures/database.ts'
import { allow, authorizeUrl, callMcp, pkce, redeem, register, type Tokens } from '../fixtures/flow.ts'
import { secret, startWorld } from '../fixtures/world.ts'

t.setTimeout(180_000)

const call = (name: string) => JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { note: 'what-a-tool-is-called-with' } } })

t.test('a person is put on the list by the command line, signs in, calls two tools, is suspended in another process, and is out; the trail tells it', async t => {
  const { storage, url, run } = await startDatabase(t)
  const world = await startWorld(t, { storage, firstAdmin: undefined })
  const operate = async (line: string) => await spawnCommand(line.split(' '), { env: { DATABASE_URL: url, JWT_SECRET: secret } })
  const client = await register(world, { client_name: 'Table Assistant' })
  const challenge = pkce()
  const signIn = async () => await allow(world, await world.browser.visit(authorizeUrl(world, client, challenge)))

  t.equal((await signIn()).status, 403, 'not on the list: the sign-in at the real provider is good, and not enough')
  t.match(await operate('users add you@example.com --name You'), { code: 0, stdout: 'you@example.com may sign in.\n' })
  const code = (await signIn()).url.searchParams.get('code') ?? ''
  const { access_token: token } = await (await redeem(world, client, code, challenge)).json() as Tokens
  for (const tool of ['list_restaurants', 'book_table']) t.equal((await callMcp(world, token, { body: call(tool) })).status, 200, tool)

  t.match(await operate('users suspend you@example.com'), { code: 0 })
  const suspendedAt = performance.now()
  let status = 200
  while (status === 200 && performance.now() - suspendedAt < 20_000) {
    await sleep(50)
    status = (await callMcp(world, token, { body: call('list_restaurants') })).status
  }
  const took = performance.now() - suspendedAt
  t.equal(status, 401)
  t.ok(took < 10_000, `out ${Math.round(took)} ms after the command has ended`)
  t.equal((await signIn()).status, 403)
  // What this process has seen is stored.
  await world.app.mcpOAuth.audit.query()

  const told = await operate('audit list --limit 1000 --json')
  const events: Array<Record<string, any>> = JSON.parse(told.stdout).events.reverse()
  const story = events.filter(({ type }) => !type.startsWith('audit.')).map(({ type, actor, outcome, reason, details }) => [type, actor.type, outcome, reason, details.tools].filter(part => part !== null && part !== undefined).flat().join(' '))
  // How often the tool was called while the server did not know yet is a matter of seconds.
  const once = story.filter((line, index) => line !== story[index - 1])
  t.strictSame(once, [
    'client.registered anonymous success',
    'consent.allowed anonymous success',
    'sign-in.refused user refused not-listed',
    'user.added operator success',
    'consent.allowed anonymous success',
    'sign-in.allowed user success',
    'code.issued user success',
    'token.issued client success',
    'access user success list_restaurants',
    'access user success book_table',
    'user.changed operator success',
    'access user success list_restaurants',
    'access user refused the user is suspended',
    'consent.allowed anonymous success',
    'sign-in.refused user refused suspended'
  ])
  t.notMatch(told.stdout, 'what-a-tool-is-called-with')

  t.match(await operate('audit verify'), { code: 0 })
  t.match(await operate('audit verify --json'), { stdout: /"intact": ?true/ })
  await run("UPDATE oauth_audit_events SET details = jsonb_set(details, '{tools}', '[\"list_restaurants\"]') WHERE details -> 'tools' ? 'book_table'")
  const verified = await operate('audit verify --json')
  t.equal(verified.code, 1)
  const [changed] = events.filter(({ details }) => details.tools?.includes('book_table'))
  const { intact, findings } = JSON.parse(verified.stdout)
  t.equal(intact, false)
  t.match(findings, [{ kind: 'changed', writer: changed?.['writer'] }])
  t.ok(findings[0].first <= changed?.['sequence'] && changed?.['sequence'] <= findings[0].last, 'and it says where')
})
