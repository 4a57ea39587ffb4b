// A fresh process: how long an app takes to be ready, in milliseconds, without and with the plugin, whose provider can't be reached. With `again`, in a
// process that has loaded what there is to load, over a storage that has its keys.
import { randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import mcpOAuth, { MemoryStorage, oidc } from 'fastify-mcp-oauth'

const [kind, again] = process.argv.slice(2)
const secret = randomBytes(32).toString('base64url')
const storage = new MemoryStorage()

async function timeToReady () {
  const began = performance.now()
  const app = Fastify()
  if (kind === 'protected') {
    await app.register(mcpOAuth, {
      issuer: 'https://api.example.com',
      secret,
      // Nobody listens there.
      providers: [oidc({ id: 'idp', issuer: 'http://127.0.0.1:9', clientId: 'benchmark', clientSecret: 'benchmark' })],
      storage,
      protect: ['/mcp']
    })
  }
  app.post('/mcp', async () => ({}))
  await app.ready()
  const time = performance.now() - began
  const { statusCode } = await app.inject({ method: 'POST', url: '/mcp' })
  if (statusCode !== (kind === 'protected' ? 401 : 200)) throw new Error(`/mcp answers ${statusCode}`)
  await app.close()
  return time
}

if (again === 'again') await timeToReady()
console.log(await timeToReady())
