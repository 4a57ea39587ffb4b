import Fastify, { type FastifyInstance } from 'fastify'
import mcpOAuth, { oidc, type McpOAuthOptions } from 'fastify-mcp-oauth'
import { serverBehind } from '../dist/server.js'
import { noOrigin } from '../dist/audit/event.js'
import { createGrant } from '../dist/grants/grant.js'
import { newToken, tokenResponse } from '../dist/grants/tokens.js'
import { codeChallengeOf } from '../dist/oauth/pkce.js'
import { hashSecret, randomId, randomSecret } from '../dist/keys/secrets.js'
import type { LoadRequest } from './contender.ts'
import { basic, issuer, redirectUri, resource, secret } from './oauth.ts'

/** What the benchmarks need of the plugin that its users do not: many codes and tokens at once, without a browser. */

const scopes = ['email', 'offline_access']

/** What every server does behind its login: nothing that would hide the login's share. */
export const answer = { jsonrpc: '2.0', id: 1, result: {} }

/** @param changes in the options; `storage` has to be among them */
export async function appWithPlugin (changes: Partial<McpOAuthOptions> & Pick<McpOAuthOptions, 'storage'>): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(mcpOAuth, {
    issuer,
    secret,
    providers: [oidc({ id: 'idp', issuer: 'https://idp.example.com', clientId: 'benchmark', clientSecret: 'benchmark' })],
    protect: ['/mcp'],
    rateLimit: false,
    ...changes
  })
  app.post('/mcp', async () => answer)
  return app
}

/** A client, a person, and what has been allowed. */
export interface Minter {
  clientId: string
  clientSecret: string
  /** Codes of grants of their own, as `POST /oauth/token` takes them. */
  codes (count: number): Promise<LoadRequest[]>
  /** Access tokens of one grant. */
  accessTokens (count: number): Promise<string[]>
}

async function inParallel<T> (count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = []
  while (made.length < count) made.push(...await Promise.all(Array.from({ length: Math.min(16, count - made.length) }, make)))
  return made
}

export async function minter (app: FastifyInstance): Promise<Minter> {
  await app.ready()
  const server = serverBehind(app.mcpOAuth)
  if (server === undefined) throw new Error('the plugin is not registered')
  const { storage } = server
  const [clientId, clientSecret, codeVerifier] = [randomId(), randomSecret(), randomSecret()]
  const userId = randomId()
  const now = new Date()
  await storage.createClient({
    id: clientId,
    secretHash: hashSecret(clientSecret),
    name: 'Benchmark',
    redirectUris: [redirectUri],
    grantTypes: ['authorization_code', 'refresh_token'],
    tokenEndpointAuthMethod: 'client_secret_basic',
    clientUri: null,
    logoUri: null,
    documentFetchedAt: null,
    createdAt: now,
    active: true
  })
  await storage.addUser({ id: userId, email: `${userId.toLowerCase()}@example.com`, name: 'Ann', role: 'user' }, now)
  const user = await storage.findUser(userId)
  if (user === undefined) throw new Error('there is no user')
  const newCode = async () => await createGrant(server, {
    grantId: randomId(), clientId, redirectUri, resource, scopes, codeChallenge: codeChallengeOf(codeVerifier), nonce: null, authenticatedAt: new Date()
  }, user, user.email, noOrigin, new Date())
  const newAccessToken = async () => {
    const codeHash = hashSecret(await newCode())
    const record = await storage.findCode(codeHash)
    if (record === undefined) throw new Error('there is no code')
    const issuedAt = new Date()
    const accessToken = newToken(server, 'access_token', record.grant, scopes, issuedAt)
    await storage.redeemCode({ codeHash, accessToken, refreshToken: undefined, now: issuedAt })
    return (await tokenResponse(server, user, accessToken, undefined, issuedAt)).access_token
  }
  return {
    clientId,
    clientSecret,
    codes: async count => (await inParallel(count, newCode)).map(code => ({
      method: 'POST',
      path: '/oauth/token',
      headers: { authorization: basic(clientId, clientSecret), 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ grant_type: 'authorization_code', code, code_verifier: codeVerifier, redirect_uri: redirectUri }).toString()
    })),
    accessTokens: async count => await inParallel(count, newAccessToken)
  }
}
