import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createHash, randomBytes } from 'node:crypto'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth, type BetterAuthOptions } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { jwt } from 'better-auth/plugins'
import type { Contender, LoadRequest } from '../contender.ts'
import { countedPool } from '../database.ts'
import { basic, redirectUri, secret } from '../oauth.ts'

/**
 * better-auth with its OAuth provider, as its documentation sets it up on PostgreSQL, and a client that needs no consent. The codes come from its
 * own authorization endpoint.
 */
export async function betterAuthServer (): Promise<Contender> {
  const { pool, statements } = countedPool(process.env['BENCHMARK_BETTER_AUTH'] ?? '')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const options = {
    baseURL: origin,
    secret,
    database: pool,
    logger: { level: 'error' as const },
    emailAndPassword: { enabled: true },
    plugins: [jwt(), oauthProvider({ loginPage: '/sign-in', consentPage: '/consent', allowDynamicClientRegistration: true, allowUnauthenticatedClientRegistration: true, silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true } })]
  } satisfies BetterAuthOptions
  await (await getMigrations(options)).runMigrations()
  const auth = betterAuth(options)
  server.on('request', toNodeHandler(auth))
  const api = `${origin}/api/auth`
  const json = { 'content-type': 'application/json', origin }
  const signedUp = await fetch(`${api}/sign-up/email`, { method: 'POST', headers: json, body: JSON.stringify({ email: 'ann@example.com', name: 'Ann', password: secret }) })
  const cookie = signedUp.headers.getSetCookie().map(one => one.split(';')[0]).join('; ')
  const client = await auth.api.adminCreateOAuthClient({
    headers: new Headers({ cookie }),
    body: { redirect_uris: [redirectUri], client_name: 'Benchmark', token_endpoint_auth_method: 'client_secret_basic', grant_types: ['authorization_code', 'refresh_token'], skip_consent: true }
  })
  const credentials = basic(client.client_id, client.client_secret ?? '')
  const form = { authorization: credentials, 'content-type': 'application/x-www-form-urlencoded' }

  async function newCode (): Promise<LoadRequest> {
    const verifier = randomBytes(32).toString('base64url')
    const url = new URL(`${api}/oauth2/authorize`)
    url.search = new URLSearchParams({
      client_id: client.client_id,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'email offline_access',
      state: 'state',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256'
    }).toString()
    // A browser would follow; others are told where to.
    const { url: location } = await (await fetch(url, { headers: { cookie } })).json() as { url: string }
    const code = new URL(location).searchParams.get('code') ?? ''
    return {
      method: 'POST',
      path: '/api/auth/oauth2/token',
      headers: form,
      body: new URLSearchParams({ grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirectUri }).toString()
    }
  }

  return {
    url: origin,
    statements,
    async prepare (count) {
      const made: LoadRequest[] = []
      while (made.length < count) made.push(...await Promise.all(Array.from({ length: Math.min(8, count - made.length) }, newCode)))
      return made
    }
  }
}
