import type { TokenRecord } from 'fastify-mcp-oauth'
import { MemoryStorage } from 'fastify-mcp-oauth'
import { decodeJwt } from 'jose'
import { signAccessToken, type AccessTokenClaims } from '../../dist/keys/tokens.js'
import { serverBehind } from '../../dist/server.js'
import { appWithPlugin, minter } from '../plugin.ts'
import { bearer } from '../contender.ts'

/** The child process, started with `--expose-gc`: lets so many distinct tokens through a guard, and tells how far the heap has grown. */

/** Whatever token is asked for is there, as a database would have it, and takes no memory of this process. */
class Bottomless extends MemoryStorage {
  model: TokenRecord | undefined
  override async findToken (id: string): Promise<TokenRecord | undefined> {
    return this.model === undefined ? await super.findToken(id) : { ...this.model, token: { ...this.model.token, id } }
  }
}

const count = Number(process.argv[2])
const storage = new Bottomless()
const app = await appWithPlugin({ storage, audit: { access: false } })
const [first = ''] = await (await minter(app)).accessTokens(1)
const claims = decodeJwt<AccessTokenClaims>(first) as AccessTokenClaims
storage.model = await storage.findToken(claims.jti)
const server = serverBehind(app.mcpOAuth)
if (server === undefined) throw new Error('the plugin is not registered')
const key = server.keys.signingKey('access', new Date())

async function letThrough (numbers: Iterator<number>): Promise<void> {
  for (let next = numbers.next(); next.done !== true; next = numbers.next()) {
    const token = await signAccessToken(key, { ...claims, jti: `token-number-${next.value}` })
    const { statusCode } = await app.inject({ method: 'POST', url: '/mcp', headers: bearer(token) })
    if (statusCode !== 200) throw new Error(`token ${next.value}: ${statusCode}`)
  }
}

function * from (first: number, last: number): Generator<number> {
  for (let number = first; number < last; number++) yield number
}

/** In bytes. */
function heap (): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

async function all (first: number, last: number): Promise<void> {
  const numbers = from(first, last)
  await Promise.all(Array.from({ length: 16 }, async () => await letThrough(numbers)))
}

await all(0, 100)
const start = heap()
await all(100, 100 + count)
process.send?.({ start, end: heap() })
await app.close()
process.disconnect?.()
