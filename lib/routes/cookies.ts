import { parse, serialize } from 'cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { randomSecret } from '../keys/secrets.ts'
import type { AuthorizationServer } from '../server.ts'

/**
 * Two secrets that only a browser holds, one of each however many sign-ins are open in it.
 * - `consent`: set with the consent page; makes the form's CSRF value.
 * - `sign-in`: set once a person has allowed something; ties the provider's answer to that browser.
 */
export type BrowserSecret = 'consent' | 'sign-in'

/** In seconds. */
const lifetimes: Record<BrowserSecret, number> = { consent: 3600, 'sign-in': 900 }

/**
 * `__Host-` keeps sibling domains from planting one. Safari does not take Secure cookies from http on loopback, so there, and only
 * there, they go without.
 */
function secure (server: AuthorizationServer): boolean {
  return server.options.issuer.startsWith('https:')
}

function cookieName (server: AuthorizationServer, secret: BrowserSecret): string {
  return `${secure(server) ? '__Host-' : ''}mcp-oauth-${secret}`
}

export function browserSecret (server: AuthorizationServer, request: FastifyRequest, secret: BrowserSecret): string | undefined {
  const value = parse(request.headers.cookie ?? '')[cookieName(server, secret)]
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined
}

const warned = new WeakSet<AuthorizationServer>()

function warnOnce (server: AuthorizationServer, request: FastifyRequest): void {
  if (secure(server) || warned.has(server)) return
  warned.add(server)
  request.log.warn('the issuer is http on this machine: cookies go without Secure and __Host-; for trying out only')
}

/** The browser's secret, made if it has none, and kept for a while longer. */
export function keepBrowserSecret (server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, secret: BrowserSecret): string {
  warnOnce(server, request)
  const value = browserSecret(server, request, secret) ?? randomSecret()
  reply.header('set-cookie', serialize(cookieName(server, secret), value, {
    path: '/', httpOnly: true, sameSite: 'lax', secure: secure(server), maxAge: lifetimes[secret]
  }))
  return value
}
