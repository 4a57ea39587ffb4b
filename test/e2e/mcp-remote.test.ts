import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { startServer } from '../examples/processes.ts'
import { approveAtExample } from '../examples/sign-in.ts'
import { createDesktop, type Desktop } from '../fixtures/desktop.ts'
import { freePort } from '../fixtures/free-port.js'
import { startMcpWorld, textOf } from '../fixtures/mcp-server.ts'

t.setTimeout(300_000)

const program = join(dirname(createRequire(import.meta.url).resolve('mcp-remote/package.json')), 'dist/proxy.js')
const tokensSchema = z.looseObject({ access_token: z.string(), refresh_token: z.string() })

/** The tokens that it keeps in its directory. */
async function keptTokens (directory: string): Promise<z.infer<typeof tokensSchema>> {
  const files = await readdir(directory, { recursive: true })
  const file = files.find(name => name.endsWith('_tokens.json')) ?? ''
  return tokensSchema.parse(JSON.parse(await readFile(join(directory, file), 'utf8')))
}

/** Starts it as the local server of an MCP client. It runs until that client goes. */
async function connect (t: Test, desktop: Desktop, url: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  t.teardown(async () => { await client.close() })
  await client.connect(new StdioClientTransport({
    command: process.execPath, args: [program, url], env: { ...desktop.env, MCP_REMOTE_CONFIG_DIR: desktop.home }, stderr: 'ignore'
  }))
  return client
}

t.test('mcp-remote connects to the example, lists its tools, and survives a refresh', async t => {
  const desktop = await createDesktop(t)
  const port = await freePort()
  // It takes a token for expired a minute before it is.
  await startServer(t, { cwd: t.testdir(), env: { PORT: String(port), ACCESS_TOKEN_LIFETIME: '30' } })

  const [end, client] = await Promise.all([desktop.nextOpened().then(approveAtExample), connect(t, desktop, `http://localhost:${port}/mcp`)])
  t.equal(end.status, 200)
  const first = await keptTokens(desktop.home)
  t.ok((await client.listTools()).tools.some(tool => tool.name === 'list_restaurants'))
  const renewed = await keptTokens(desktop.home)
  t.not(renewed.access_token, first.access_token)
  t.not(renewed.refresh_token, first.refresh_token)
  t.equal((await desktop.opened()).length, 1, 'nobody had to sign in again')
})

t.test('TK-07, R8: mcp-remote registers again, and asks the person again, where its registration was lost', async t => {
  const desktop = await createDesktop(t)
  const world = await startMcpWorld(t)
  const approve = async (url: URL): Promise<URL> => {
    await world.browser.submit(await world.browser.visit(url), { decision: 'allow' })
    return url
  }
  const [lost, client] = await Promise.all([desktop.nextOpened().then(approve), connect(t, desktop, world.mcpUrl)])
  t.equal(textOf(await client.callTool({ name: 'whoami' })), 'you@example.com')
  await client.close()

  await world.database.run('TRUNCATE oauth_clients CASCADE')
  const [again, other] = await Promise.all([desktop.nextOpened().then(approve), connect(t, desktop, world.mcpUrl)])
  t.not(again.searchParams.get('client_id'), lost.searchParams.get('client_id'))
  t.equal(textOf(await other.callTool({ name: 'whoami' })), 'you@example.com')
})
