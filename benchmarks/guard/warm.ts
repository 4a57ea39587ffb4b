import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastifyJwt from '@fastify/jwt'
import type { OAuthTokenVerifier } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import express from 'express'
import Fastify, { type FastifyInstance } from 'fastify'
import { MemoryStorage, type McpOAuthOptions } from 'fastify-mcp-oauth'
import { KyselyStorage, migrateToLatest } from 'fastify-mcp-oauth/kysely'
import { jwtVerify, SignJWT } from 'jose'
import { Kysely, PostgresDialect } from 'kysely'
import { bearer, type Contender, type Contenders } from '../contender.ts'
import { countedPool } from '../database.ts'
import { issuer, resource, secret } from '../oauth.ts'
import { answer, appWithPlugin, minter } from '../plugin.ts'

/** The same request with the same token, over and over. */

const call = { method: 'POST', path: '/mcp', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) } as const

/** As large as the plugin's own tokens: the same bytes go over the wire everywhere. */
async function plainToken (): Promise<string> {
  const claims = { client_id: 'mcp-client', scope: 'openid email profile offline_access', email: 'ann@example.com', name: 'Ann', token_type: 'access_token' }
  return await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'benchmark' })
    .setIssuer(issuer).setAudience(resource).setSubject('ann').setJti('token').setIssuedAt().setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret))
}

function contender (url: string, token: string): Contender {
  const request = { ...call, headers: { ...bearer(token), 'content-type': 'application/json' } }
  return { url, prepare: async count => Array.from({ length: count }, () => request) }
}

async function listen (app: FastifyInstance, token: string): Promise<Contender> {
  return contender(await app.listen({ host: '127.0.0.1', port: 0 }), token)
}

export async function unprotected (): Promise<Contender> {
  const app = Fastify()
  app.post('/mcp', async () => answer)
  return await listen(app, await plainToken())
}

async function protectedByPlugin (changes: Partial<McpOAuthOptions>): Promise<Contender> {
  const app = await appWithPlugin({ storage: new MemoryStorage(), ...changes })
  const [token = ''] = await (await minter(app)).accessTokens(1)
  return await listen(app, token)
}

/** Who used which tool is kept in PostgreSQL, and counted. */
async function withEverything (): Promise<Contender> {
  const { pool } = countedPool(process.env['BENCHMARK_DATABASE'] ?? '')
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  await migrateToLatest(db)
  return await protectedByPlugin({ storage: new KyselyStorage(db), audit: { access: true }, metrics: true })
}

/** What of that is the server's own: as with a database that stands on another machine and answers at once. */
class Elsewhere extends MemoryStorage {
  override async appendAudit (): Promise<void> {}
}

export async function fastifyJwtWithCache (): Promise<Contender> {
  const app = Fastify()
  await app.register(fastifyJwt, { secret, verify: { cache: true } })
  app.addHook('onRequest', async request => { await request.jwtVerify() })
  app.post('/mcp', async () => answer)
  return await listen(app, await plainToken())
}

/** The verifier that the SDK leaves to its users, without a database. */
const verifier: OAuthTokenVerifier = {
  async verifyAccessToken (token) {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), { audience: resource })
    return { token, clientId: String(payload['client_id']), scopes: String(payload['scope']).split(' '), expiresAt: payload.exp ?? 0 }
  }
}

export async function sdkOnExpress (): Promise<Contender> {
  const app = express()
  app.use(requireBearerAuth({ verifier }), express.json())
  app.post('/mcp', (_, response) => { response.json(answer) })
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return contender(`http://127.0.0.1:${port}`, await plainToken())
}

/** By what the table calls them. */
export const contenders: Contenders = new Map([
  ['Fastify, unprotected', unprotected],
  ['fastify-mcp-oauth', async () => await protectedByPlugin({ audit: { access: false } })],
  ['fastify-mcp-oauth, audit of access and metrics', withEverything],
  ['fastify-mcp-oauth, audit of access and metrics, database elsewhere', async () => await protectedByPlugin({ storage: new Elsewhere(), audit: { access: true }, metrics: true })],
  ['@fastify/jwt with cache', fastifyJwtWithCache],
  ['Express, SDK requireBearerAuth', sdkOnExpress]
])
