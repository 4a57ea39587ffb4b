import type { FastifyInstance } from 'fastify'
import '../index.ts'
import { noOrigin } from '../audit/event.ts'
import { createGrant } from '../grants/grant.ts'
import { newToken, tokenResponse } from '../grants/tokens.ts'
import { hashSecret, randomId } from '../keys/secrets.ts'
import { normalizeEmail } from '../oauth/email.ts'
import { codeChallengeOf } from '../oauth/pkce.ts'
import { serverBehind, type AuthorizationServer } from '../server.ts'
import type { Client, User, UserRole } from '../storage/records.ts'

/** Who a test wants to be. */
export interface Persona {
  email: string
  /** @default 'Test user' */
  name?: string
  /** @default every scope of the resource */
  scopes?: readonly string[]
  /**
   * What the token is for.
   *
   * @default the server's `resource`
   */
  resource?: string
  /** @default the role that the row has, 'user' for a new one */
  role?: UserRole
}

const redirectUri = 'http://127.0.0.1/callback'

async function listed (server: AuthorizationServer, email: string, { name = 'Test user', role }: Persona, now: Date): Promise<User> {
  const { storage } = server
  await storage.addUser({ id: randomId(), email, name, role: role ?? 'user' }, now)
  const [user] = await storage.listUsers(email)
  const updated = user === undefined ? undefined : await storage.updateUser(user.id, role === undefined ? {} : { role }, now)
  server.forget('everything')
  if (typeof updated !== 'object') throw new Error(`${email} could not be put on the whitelist`)
  return updated
}

async function testClient (server: AuthorizationServer, now: Date): Promise<Client> {
  const client: Client = {
    id: `test-${randomId()}`,
    secretHash: null,
    name: 'Test client',
    redirectUris: [redirectUri],
    grantTypes: ['authorization_code'],
    tokenEndpointAuthMethod: 'none',
    clientUri: null,
    logoUri: null,
    documentFetchedAt: null,
    createdAt: now,
    active: true
  }
  await server.storage.createClient(client)
  return client
}

/**
 * Signs a person in without a browser, for tests with `app.inject`: puts the e-mail on the whitelist if it is not there, and makes a
 * grant and an access token like those of a real sign-in. The guard then does all that it does in production.
 *
 * @example
 * const headers = await signInAs(app, { email: 'ann@example.com', scopes: ['email'] })
 * const response = await app.inject({ method: 'POST', url: '/mcp', headers })
 *
 * @returns the headers to send
 * @throws {TypeError} where the e-mail is not one plain address, the resource or a scope is unknown, or the app has no plugin
 */
export async function signInAs (app: FastifyInstance, persona: Persona): Promise<{ authorization: string }> {
  await app.ready()
  const server = serverBehind(app.mcpOAuth ?? {})
  if (server === undefined) throw new TypeError('fastify-mcp-oauth is not registered on this app')
  const email = normalizeEmail(persona.email)
  if (email === undefined) throw new TypeError(`${JSON.stringify(persona.email)} is not one plain e-mail address`)
  const { resource = server.options.resource } = persona
  const known = server.options.resources.get(resource)
  if (known === undefined) throw new TypeError(`${resource} is not a resource of this server`)
  const { scopes = known.scopes } = persona
  const unknown = scopes.find(scope => !known.scopes.includes(scope))
  if (unknown !== undefined) throw new TypeError(`${unknown} is not a scope of this resource`)
  const now = new Date()
  const user = await listed(server, email, persona, now)
  const client = await testClient(server, now)
  const approval = { grantId: randomId(), clientId: client.id, redirectUri, resource, scopes, codeChallenge: codeChallengeOf(randomId()), nonce: null, authenticatedAt: now }
  const code = await createGrant(server, approval, user, email, noOrigin, now)
  const record = await server.storage.findCode(hashSecret(code))
  if (record === undefined) throw new Error('the storage does not find what it has just stored')
  const accessToken = newToken(server, 'access_token', record.grant, scopes, now)
  await server.storage.redeemCode({ codeHash: hashSecret(code), accessToken, refreshToken: undefined, now })
  const { access_token: token } = await tokenResponse(server, user, accessToken, undefined, now)
  return { authorization: `Bearer ${token}` }
}
