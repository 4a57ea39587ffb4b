import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import Fastify from 'fastify'
import mcpOAuth, { MemoryStorage, oidc } from 'fastify-mcp-oauth'
import t from 'tap'
import * as z from 'zod'
import { createBrowser } from '../fixtures/browser-jar.ts'
import { allow, register, type Site } from '../fixtures/flow.ts'
import { freePort } from '../fixtures/free-port.js'
import { startOidcProvider } from '../fixtures/oidc-provider.ts'

const suite = createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json').replace(/package\.json$/, 'dist/index.js')
const checksSchema = z.array(z.object({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }))

/** The package as it is published, in front of a route that answers who called. */
async function startServer (path: string): Promise<Site> {
  const port = await freePort()
  const origin = `http://127.0.0.1:${port}`
  const issuer = origin + path
  const { issuer: upstream, clientId, clientSecret } = await startOidcProvider(t, { redirectUris: [`${issuer}/oauth/callback`] })
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(async () => { await app.close() })
  await app.register(mcpOAuth, {
    issuer,
    secret: 'k3Vx9QmZ7tLr2WbY8nHc5DfG1jPs6AuE',
    providers: [oidc({ id: 'local', name: 'Local', issuer: upstream, clientId, clientSecret })],
    storage: new MemoryStorage(),
    protect: ['/mcp'],
    firstAdmin: { email: 'you@example.com' }
  })
  app.post('/mcp', async request => request.mcpOAuth)
  await app.listen({ host: '127.0.0.1', port })
  return { issuer, mcpUrl: `${origin}/mcp`, browser: createBrowser() }
}

/** Runs all scenarios and, as the person at the browser, follows the URL that they print. @returns the checks of each scenario. */
async function runSuite (site: Site, directory: string, args: readonly string[], callbackPort: number): Promise<Map<string, z.infer<typeof checksSchema>>> {
  const redirectUri = `http://127.0.0.1:${callbackPort}/callback`
  const { client_id: clientId } = await register(site, { redirect_uris: [redirectUri] })
  const child = spawn(process.execPath, [
    suite, 'authorization', '--url', site.issuer, '--client-id', clientId, '--port', String(callbackPort), '--output-dir', directory, ...args
  ], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH } })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith(`${site.issuer}/oauth/authorize?`)) continue
    const consent = await site.browser.visit(line)
    const { url } = await allow(site, consent, { until: redirectUri })
    await site.browser.fetch(url)
  }
  await ended
  const results = (await readdir(directory)).sort()
  return new Map(await Promise.all(results.map(async result => {
    const checks = checksSchema.parse(JSON.parse(await readFile(join(directory, result, 'checks.json'), 'utf8')))
    return [result.replace(/^authorization-server-(.*)-\d{4}-\d\d-\d\dT.*$/, '$1'), checks] as const
  })))
}

/** What a skipped scenario, or one that was left out, would not give. */
const everythingPassed = new Map([
  ['authorization-code-grant', [{ id: 'authorization-code-grant', status: 'SUCCESS' }]],
  ['authorization-server-metadata-endpoint', [
    { id: 'authorization-server-metadata', status: 'SUCCESS' }, { id: 'authorization-server-metadata-cimd', status: 'SUCCESS' }
  ]]
])

const sites = { 'an issuer at the root': '', 'an issuer with a path': '/t' }

for (const [title, path] of Object.entries(sites)) {
  t.test(`AS-01…AZ-07: the MCP conformance suite finds nothing to fail or warn about in ${title}`, async t => {
    const site = await startServer(path)
    const results = await runSuite(site, t.testdir(), ['--resource', site.mcpUrl], await freePort())
    t.strictSame(results, everythingPassed)
  })
}
