import Fastify from 'fastify'
import t from 'tap'
import mcpOAuth, { MemoryStorage, oidc } from '../../lib/index.ts'
import { signInAs } from '../../lib/testing/index.ts'
import { secret } from '../fixtures/world.ts'

async function appWithEarlierChild (t: { teardown (close: () => Promise<void>): void }) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(async (child) => {
    child.get('/mcp', async (request) => ({ email: request.mcpOAuth.user.email, known: app.mcpOAuth.authOf(request) !== null }))
    child.get('/open', async (request) => ({ known: app.mcpOAuth.authOf(request) !== null }))
    child.get('/careless', async (request) => ({ email: request.mcpOAuth.user.email }))
  })
  await app.register(mcpOAuth, {
    issuer: 'http://localhost:8080',
    secret,
    providers: [oidc({ id: 'local', issuer: 'http://127.0.0.1:9', clientId: 'id', clientSecret: 'secret' })],
    storage: new MemoryStorage(),
    protect: ['/mcp']
  })
  return app
}

t.test('a protected route in a child that was registered, and awaited, before the plugin is refused without a token', async (t) => {
  const app = await appWithEarlierChild(t)
  t.equal((await app.inject('/mcp')).statusCode, 401)
  t.equal((await app.inject({ url: '/mcp', headers: { authorization: 'Bearer forged' } })).statusCode, 401)
})

t.test('such a child knows who calls on a protected route, and nobody on an open one', async (t) => {
  const app = await appWithEarlierChild(t)
  const headers = await signInAs(app, { email: 'ann@example.com' })
  t.strictSame((await app.inject({ url: '/mcp', headers })).json(), { email: 'ann@example.com', known: true })
  t.strictSame((await app.inject({ url: '/open', headers })).json(), { known: false })
  t.equal((await app.inject({ url: '/careless', headers })).statusCode, 500, 'request.mcpOAuth throws where nothing is protected')
})
