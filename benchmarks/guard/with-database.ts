import Fastify, { type FastifyInstance } from 'fastify'
import { KyselyStorage, migrateToLatest } from 'fastify-mcp-oauth/kysely'
import { decodeJwt, jwtVerify } from 'jose'
import { Kysely, PostgresDialect } from 'kysely'
import { bearer, type Contender, type Contenders } from '../contender.ts'
import { countedPool } from '../database.ts'
import { resource, secret } from '../oauth.ts'
import { answer, appWithPlugin, minter } from '../plugin.ts'
import { fastifyJwtWithCache, sdkOnExpress, unprotected } from './warm.ts'

/** Tokens that nobody has seen before, and those that are asked about at each request: with the database that all of them share. */

const database = process.env['BENCHMARK_DATABASE'] ?? ''
const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' })

function openDatabase () {
  const { pool, statements } = countedPool(database)
  return { pool, statements, db: new Kysely<any>({ dialect: new PostgresDialect({ pool }) }) }
}

const mint = await (async () => {
  const { db } = openDatabase()
  await migrateToLatest(db)
  return await minter(await appWithPlugin({ storage: new KyselyStorage(db), audit: { access: false } }))
})()

const [everybodys = ''] = await mint.accessTokens(1)
const everybodysId = decodeJwt(everybodys).jti

/** @param isNew whether each request has a token of its own */
function contender (url: string, isNew: boolean, statements = () => 0): Contender {
  const request = (token: string) => ({ method: 'POST' as const, path: '/mcp', headers: { ...bearer(token), 'content-type': 'application/json' }, body })
  return {
    url,
    statements,
    prepare: async count => (isNew ? await mint.accessTokens(count) : Array.from({ length: count }, () => everybodys)).map(request)
  }
}

async function listen (app: FastifyInstance, isNew: boolean, statements: () => number): Promise<Contender> {
  return contender(await app.listen({ host: '127.0.0.1', port: 0 }), isNew, statements)
}

async function plugin (isNew: boolean): Promise<Contender> {
  const { db, statements } = openDatabase()
  const app = await appWithPlugin({ storage: new KyselyStorage(db), audit: { access: false }, ...!isNew && { revalidateAfter: 0 } })
  return await listen(app, isNew, statements)
}

/** What one would write by hand. */
async function byHand (isNew: boolean): Promise<Contender> {
  const { pool, statements } = openDatabase()
  const app = Fastify()
  const key = new TextEncoder().encode(secret)
  app.post('/mcp', async (request, reply) => {
    const [, token = ''] = request.headers.authorization?.split(' ') ?? []
    const id = isNew ? (await jwtVerify(token, key, { audience: resource })).payload.jti : everybodysId
    const { rows } = await pool.query('SELECT * FROM oauth_tokens WHERE token_id = $1', [id])
    return rows.length === 0 ? await reply.code(401).send() : answer
  })
  return await listen(app, isNew, statements)
}

export const contenders: Contenders = new Map([
  ['cold: jose.jwtVerify and a query by primary key', async () => await byHand(true)],
  ['cold: fastify-mcp-oauth', async () => await plugin(true)],
  // These look nothing up.
  ['cold: Fastify, unprotected', async () => contender((await unprotected()).url, true)],
  ['cold: @fastify/jwt with cache', async () => contender((await fastifyJwtWithCache()).url, true)],
  ['cold: Express, SDK requireBearerAuth', async () => contender((await sdkOnExpress()).url, true)],
  ['strict: a query by primary key', async () => await byHand(false)],
  ['strict: fastify-mcp-oauth, revalidateAfter: 0', async () => await plugin(false)]
])
