// A fresh process: how long an app takes to be ready, in milliseconds, without and with the plugin, whose provider can't be reached.
import { randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import mcpOAuth, { MemoryStorage, oidc } from 'fastify-mcp-oauth'

const began = performance.now()
const app = Fastify()
if (process.argv[2] === 'protected') {
  await app.register(mcpOAuth, {
    issuer: 'https://api.example.com',
    secret: randomBytes(32).toString('base64url'),
    // Nobody listens there.
    providers: [oidc({ id: 'idp', issuer: 'http://127.0.0.1:9', clientId: 'benchmark', clientSecret: 'benchmark' })],
    storage: new MemoryStorage(),
    protect: ['/mcp']
  })
}
app.post('/mcp', async () => ({}))
await app.ready()
console.log(performance.now() - began)
const { statusCode } = await app.inject({ method: 'POST', url: '/mcp' })
if (statusCode !== (process.argv[2] === 'protected' ? 401 : 200)) throw new Error(`/mcp answers ${statusCode}`)
await app.close()
