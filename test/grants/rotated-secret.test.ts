import t from 'tap'
import type { Test } from 'tap'
import Fastify from 'fastify'
import mcpOAuth, { MemoryStorage } from '../../lib/index.ts'
import { connect, type Tokens } from '../fixtures/flow.ts'
import { scriptedProvider } from '../fixtures/scripted-provider.ts'
import { secret, startWorld, whoami } from '../fixtures/world.ts'

const newSecret = 'q8Lw3ZpXr5Nv7KtYb2MhJd9GfC4sAe6U'

/** The same server after a restart, with other secrets. */
async function restart (t: Test, issuer: string, storage: MemoryStorage, secrets: string[]) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(mcpOAuth, { issuer, secret: secrets, storage, providers: [scriptedProvider()], protect: ['/mcp'] })
  whoami(app)
  return {
    async call (accessToken: string): Promise<number> {
      const { statusCode } = await app.inject({ method: 'POST', url: '/mcp', headers: { authorization: `Bearer ${accessToken}` } })
      return statusCode
    },
    async refresh (clientId: string, refreshToken: string) {
      const payload = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId }).toString()
      return await app.inject({ method: 'POST', url: '/oauth/token', headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload })
    }
  }
}

t.test('the root secret rotates: what it signed counts while it is listed, and not after', async t => {
  const storage = new MemoryStorage()
  const world = await startWorld(t, { providers: [scriptedProvider()], storage })
  const { client: { client_id: id }, tokens } = await connect(world)

  const rotated = await restart(t, world.issuer, storage, [newSecret, secret])
  t.equal(await rotated.call(tokens.access_token), 200)
  const answer = await rotated.refresh(id, tokens.refresh_token)
  t.equal(answer.statusCode, 200)
  const fresh: Tokens = answer.json()
  t.equal(await rotated.call(fresh.access_token), 200)

  const alone = await restart(t, world.issuer, storage, [newSecret])
  t.equal(await alone.call(tokens.access_token), 401, 'after a leak, the new one alone')
  t.equal((await alone.refresh(id, tokens.refresh_token)).statusCode, 400)
  t.equal(await alone.call(fresh.access_token), 200)

  for (const { id: keyId } of await storage.listSigningKeys()) {
    await storage.retireSigningKey(keyId, new Date())
    await storage.removeSigningKey(keyId)
  }
  const back = await restart(t, world.issuer, storage, [secret])
  t.equal(await back.call(fresh.access_token), 401)
  const repeated = await back.refresh(id, tokens.refresh_token)
  t.equal(repeated.statusCode, 200, 'within the grace')
  t.notOk('refresh_token' in repeated.json(), 'a successor whose key was dropped is not handed out')
})
