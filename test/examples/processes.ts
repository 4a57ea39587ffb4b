import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

interface Scope { teardown (release: () => unknown): unknown }

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  /** What it has written so far. */
  output: { stdout: string, stderr: string }
  ended: Promise<Ended>
}

/** Runs a file of the example as `npm run` does, with nothing in its environment but what is given. */
export function run (t: Scope, file: string, { cwd, env = {}, args = [] }: { cwd: string, env?: NodeJS.ProcessEnv, args?: string[] }): Running {
  const script = fileURLToPath(new URL(`../../examples/restaurant/${file}`, import.meta.url))
  const child = spawn(process.execPath, ['--import', tsx, script, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output.stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { output.stderr += text })
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, ...output }))
  return { child, output, ended }
}

/** Starts the server and waits until it has said what to do next. */
export async function startServer (t: Scope, options: { cwd: string, env?: NodeJS.ProcessEnv }): Promise<Running> {
  const server = run(t, 'server.ts', options)
  while (server.child.exitCode === null) {
    if (server.output.stdout.includes('On the whitelist')) return server
    await sleep(100)
  }
  throw new Error(`the server did not start: ${server.output.stdout}${server.output.stderr}`)
}

/** Starts the server as its image does, on a database that is migrated, and waits until it is ready. */
export async function startDeployed (t: Scope, { port, ...options }: { cwd: string, env: NodeJS.ProcessEnv, port: number }): Promise<Running> {
  const server = run(t, 'server.ts', { ...options, env: { ...options.env, NODE_ENV: 'production', PORT: String(port) } })
  while (server.child.exitCode === null) {
    const isReady = await fetch(`http://127.0.0.1:${port}/ready`).then((response) => response.ok, () => false)
    if (isReady) return server
    await sleep(100)
  }
  throw new Error(`the server did not start: ${server.output.stdout}${server.output.stderr}`)
}

export async function stopServer (server: Running): Promise<Ended> {
  server.child.kill('SIGTERM')
  return await server.ended
}

/** The status of a GET at 127.0.0.1 under another name. `fetch` sends no Host header of one's own. */
export async function statusUnderName (port: number, host: string, path: string): Promise<number | undefined> {
  const sent = request({ host: '127.0.0.1', port, path, headers: { host } }).end()
  const [response] = await once(sent, 'response')
  response.resume()
  return response.statusCode
}
