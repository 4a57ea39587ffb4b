import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import * as z from 'zod'
import { startServer } from '../examples/processes.ts'
import { approveAtExample } from '../examples/sign-in.ts'
import { createDesktop, type Desktop } from '../fixtures/desktop.ts'
import { freePort } from '../fixtures/free-port.js'

t.setTimeout(300_000)

const program = join(dirname(createRequire(import.meta.url).resolve('@apify/mcpc/package.json')), 'bin/mcpc')
const tokensSchema = z.looseObject({ accessToken: z.string(), refreshToken: z.string() })
const sessionsSchema = z.looseObject({ sessions: z.record(z.string(), z.looseObject({ pid: z.number().optional() })) })
const toolsSchema = z.array(z.looseObject({ name: z.string() }))

/** Runs one command to its end. @returns what it has written. */
async function mcpc (t: Test, { home, env }: Desktop, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [program, ...args], { env: { ...env, MCPC_HOME_DIR: home }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [[code], stdout, stderr] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)])
  if (code !== 0) throw new Error(`mcpc ${args.join(' ')} ended with ${String(code)}: ${stdout}${stderr}`)
  return stdout
}

/** It gives the process behind a session five seconds to start, which a busy machine may not have. */
async function connect (t: Test, desktop: Desktop, url: string, session: string, attempts = 10): Promise<void> {
  await mcpc(t, desktop, 'connect', url, session).catch(async (error: unknown) => {
    if (attempts === 1 || !String(error).includes('Bridge failed to start')) throw error
    await connect(t, desktop, url, session, attempts - 1)
  })
}

/** What it would put into a keychain. */
async function keptTokens ({ home }: Desktop, server: string): Promise<z.infer<typeof tokensSchema>> {
  const kept = z.record(z.string(), z.string()).parse(JSON.parse(await readFile(join(home, 'credentials.json'), 'utf8')))
  return tokensSchema.parse(JSON.parse(kept[`auth-profile:${server}:default:tokens`] ?? ''))
}

/** Ends the processes that it leaves behind itself for its sessions. */
async function endSessions ({ home }: Desktop): Promise<void> {
  const { sessions } = sessionsSchema.parse(JSON.parse(await readFile(join(home, 'sessions.json'), 'utf8').catch(() => '{"sessions":{}}')))
  for (const { pid } of Object.values(sessions)) if (pid !== undefined) process.kill(pid, 'SIGKILL')
}

t.test('mcpc signs in at the example, lists its tools, and survives a refresh', async t => {
  const desktop = await createDesktop(t)
  const port = await freePort()
  const url = `http://localhost:${port}/mcp`
  // It takes a token for expired a minute before it is.
  await startServer(t, { cwd: t.testdir(), env: { PORT: String(port), ACCESS_TOKEN_LIFETIME: '30' } })

  const signedIn = mcpc(t, desktop, 'login', url)
  const [end] = await Promise.all([desktop.nextOpened().then(approveAtExample), signedIn])
  t.equal(end.status, 200)
  const first = await keptTokens(desktop, `localhost:${port}`)
  try {
    await connect(t, desktop, url, '@example')
    const tools = toolsSchema.parse(JSON.parse(await mcpc(t, desktop, '@example', 'tools-list', '--json')))
    t.ok(tools.some(tool => tool.name === 'list_restaurants'))
    const renewed = await keptTokens(desktop, `localhost:${port}`)
    t.not(renewed.accessToken, first.accessToken)
    t.not(renewed.refreshToken, first.refreshToken)
    t.equal((await desktop.opened()).length, 1, 'nobody had to sign in again')
    await mcpc(t, desktop, '@example', 'close')
    await mcpc(t, desktop, 'logout', url)
  } finally {
    await endSessions(desktop)
  }
})
