import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastifyJwt from '@fastify/jwt'
import type { OAuthTokenVerifier } from '@modelcontextprotocol/sdk/server/auth/provider.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import express from 'express'
import Fastify, { type FastifyInstance } from 'fastify'
import { Kysely, PostgresDialect } from 'kysely'
import mcpOAuth, { MemoryStorage, oidc, type McpOAuthOptions } from 'fastify-mcp-oauth'
import { KyselyStorage, migrateToLatest } from 'fastify-mcp-oauth/kysely'
import { signInAs } from 'fastify-mcp-oauth/testing'
import { jwtVerify, SignJWT } from 'jose'
import pg from 'pg'
import { createDatabase } from '../test/fixtures/postgres.ts'

/** A server that listens, and the headers of a request that it lets through. */
export interface Contender {
  url: string
  headers: Record<string, string>
}

const secret = randomBytes(32).toString('base64url')
const resource = 'https://api.example.com/mcp'

/** What every server does behind its login: nothing that would hide the login's share. */
const answer = { jsonrpc: '2.0', id: 1, result: {} }

function bearer (token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` }
}

/** As large as the plugin's own tokens: the same bytes go over the wire everywhere. */
async function plainToken (): Promise<string> {
  const claims = { client_id: 'mcp-client', scope: 'openid email profile offline_access', email: 'ann@example.com', name: 'Ann', token_type: 'access_token' }
  return await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'benchmark' })
    .setIssuer('https://api.example.com').setAudience(resource).setSubject('ann').setJti('token').setIssuedAt().setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret))
}

function mcpRoute (app: FastifyInstance): void {
  app.post('/mcp', async () => answer)
}

async function listen (app: FastifyInstance, headers: Record<string, string>): Promise<Contender> {
  return { url: await app.listen({ host: '127.0.0.1', port: 0 }), headers }
}

async function unprotected (): Promise<Contender> {
  const app = Fastify()
  mcpRoute(app)
  return await listen(app, bearer(await plainToken()))
}

async function protectedByPlugin (changes: Partial<McpOAuthOptions>): Promise<Contender> {
  const app = Fastify()
  await app.register(mcpOAuth, {
    issuer: 'https://api.example.com',
    secret,
    providers: [oidc({ id: 'idp', issuer: 'https://idp.example.com', clientId: 'benchmark', clientSecret: 'benchmark' })],
    storage: new MemoryStorage(),
    protect: ['/mcp'],
    ...changes
  })
  mcpRoute(app)
  return await listen(app, { ...await signInAs(app, { email: 'ann@example.com', name: 'Ann' }) })
}

/** Everything is kept in a PostgreSQL of its own, which runs on the same machine. */
async function withAudit (): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: await createDatabase({ teardown: release => { process.once('disconnect', release) } }) })
  const db = new Kysely<any>({ dialect: new PostgresDialect({ pool }) })
  await migrateToLatest(db)
  return await protectedByPlugin({ storage: new KyselyStorage(db) })
}

async function fastifyJwtWithCache (): Promise<Contender> {
  const app = Fastify()
  await app.register(fastifyJwt, { secret, verify: { cache: true } })
  app.addHook('onRequest', async request => { await request.jwtVerify() })
  mcpRoute(app)
  return await listen(app, bearer(await plainToken()))
}

/** The verifier that the SDK leaves to its users, without a database. */
const verifier: OAuthTokenVerifier = {
  async verifyAccessToken (token) {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), { audience: resource })
    return { token, clientId: String(payload['client_id']), scopes: String(payload['scope']).split(' '), expiresAt: payload.exp ?? 0 }
  }
}

async function sdkOnExpress (): Promise<Contender> {
  const app = express()
  app.use(requireBearerAuth({ verifier }), express.json())
  app.post('/mcp', (_, response) => { response.json(answer) })
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, headers: bearer(await plainToken()) }
}

/** By what the table calls them. */
export const contenders = new Map<string, () => Promise<Contender>>([
  ['Fastify, unprotected', unprotected],
  ['Fastify, fastify-mcp-oauth', async () => await protectedByPlugin({ audit: { access: false } })],
  ['Fastify, fastify-mcp-oauth with metrics', async () => await protectedByPlugin({ audit: { access: false }, metrics: true })],
  ['Fastify, fastify-mcp-oauth, access in the audit trail', withAudit],
  ['Fastify, @fastify/jwt with cache', fastifyJwtWithCache],
  ['Express, SDK requireBearerAuth', sdkOnExpress]
])
