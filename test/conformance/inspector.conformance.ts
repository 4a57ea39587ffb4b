import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import t from 'tap'
import * as z from 'zod'
import { startServer } from '../examples/processes.ts'
import { approveAtExample } from '../examples/sign-in.ts'
import { createDesktop, type Desktop } from '../fixtures/desktop.ts'
import { freePort } from '../fixtures/free-port.js'

t.setTimeout(300_000)

const program = join(dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/inspector/package.json')), 'clients/launcher/build/index.js')
const answerSchema = z.object({ result: z.looseObject({ tools: z.array(z.looseObject({ name: z.string() })) }) })
const secretsSchema = z.looseObject({ secrets: z.record(z.string(), z.string()) })
const tokensSchema = z.looseObject({ access_token: z.string(), refresh_token: z.string() })

/** Runs one command to its end. @returns what it has written. */
async function inspect ({ env }: Desktop, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, '--cli', ...args], {
    env: { ...env, MCP_AUTO_OPEN_ENABLED: 'true', MCP_INSPECTOR_SECRET_STORE: 'file' }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  if (code !== 0) throw new Error(`the inspector ended with ${String(code)}: ${stdout}${stderr}`)
  return stdout
}

/** The tokens that it keeps for the only server it knows. */
async function keptTokens ({ home }: Desktop): Promise<z.infer<typeof tokensSchema>> {
  const { secrets } = secretsSchema.parse(JSON.parse(await readFile(join(home, '.mcp-inspector/secrets.json'), 'utf8')))
  const [, tokens = ''] = Object.entries(secrets).find(([name]) => name.includes(':tokens:')) ?? []
  return tokensSchema.parse(JSON.parse(tokens))
}

t.test('the MCP Inspector\'s CLI signs in at the example, lists its tools, and survives a refresh', async t => {
  const desktop = await createDesktop(t)
  const port = await freePort()
  await startServer(t, { cwd: t.testdir(), env: { PORT: String(port), ACCESS_TOKEN_LIFETIME: '5' } })
  const listTools = ['--server-url', `http://localhost:${port}/mcp`, '--transport', 'http', '--method', 'tools/list', '--format', 'json']

  const [end, listed] = await Promise.all([
    desktop.nextOpened().then(approveAtExample),
    inspect(desktop, ...listTools, '--callback-url', `http://127.0.0.1:${await freePort()}/oauth/callback`)
  ])
  t.equal(end.status, 200)
  t.ok(answerSchema.parse(JSON.parse(listed)).result.tools.some(tool => tool.name === 'list_restaurants'))

  const first = await keptTokens(desktop)
  const { exp = 0 } = decodeJwt(first.access_token)
  await sleep(Math.max(0, exp * 1000 - Date.now()))
  t.strictSame(answerSchema.parse(JSON.parse(await inspect(desktop, ...listTools, '--stored-auth-only'))), answerSchema.parse(JSON.parse(listed)))
  const renewed = await keptTokens(desktop)
  t.not(renewed.access_token, first.access_token)
  t.not(renewed.refresh_token, first.refresh_token)
  t.equal((await desktop.opened()).length, 1, 'nobody had to sign in again')
})
