import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import t from 'tap'
import * as z from 'zod'
import { startServer } from '../examples/processes.ts'
import { approveAtExample } from '../examples/sign-in.ts'
import { createDesktop } from '../fixtures/desktop.ts'
import { freePort } from '../fixtures/free-port.ts'

t.setTimeout(300_000)

const program = join(dirname(createRequire(import.meta.url).resolve('mcp-remote/package.json')), 'dist/proxy.js')
const tokensSchema = z.looseObject({ access_token: z.string(), refresh_token: z.string() })

/** The tokens that it keeps in its directory. */
async function keptTokens (directory: string): Promise<z.infer<typeof tokensSchema>> {
  const files = await readdir(directory, { recursive: true })
  const file = files.find(name => name.endsWith('_tokens.json')) ?? ''
  return tokensSchema.parse(JSON.parse(await readFile(join(directory, file), 'utf8')))
}

t.test('mcp-remote connects to the example, lists its tools, and survives a refresh', async t => {
  const desktop = await createDesktop(t)
  const port = await freePort()
  // It takes a token for expired a minute before it is.
  await startServer(t, { cwd: t.testdir(), env: { PORT: String(port), ACCESS_TOKEN_LIFETIME: '30' } })

  const transport = new StdioClientTransport({
    command: process.execPath, args: [program, `http://localhost:${port}/mcp`], env: { ...desktop.env, MCP_REMOTE_CONFIG_DIR: desktop.home }, stderr: 'ignore'
  })
  const client = new Client({ name: 'test', version: '1' })
  t.teardown(async () => { await client.close() })
  const [end] = await Promise.all([desktop.firstOpened().then(approveAtExample), client.connect(transport)])
  t.equal(end.status, 200)
  const first = await keptTokens(desktop.home)
  t.ok((await client.listTools()).tools.some(tool => tool.name === 'list_restaurants'))
  const renewed = await keptTokens(desktop.home)
  t.not(renewed.access_token, first.access_token)
  t.not(renewed.refresh_token, first.refresh_token)
  t.equal((await desktop.opened()).length, 1, 'nobody had to sign in again')
})
