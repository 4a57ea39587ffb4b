import { parse, serialize } from 'cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { randomSecret } from '../keys/secrets.ts'
import type { AuthorizationServer } from '../server.ts'
import type { SessionKind } from '../storage/records.ts'

/**
 * Two secrets that only a browser holds, one of each however many sign-ins are open in it.
 * - `consent`: set with a page that asks; makes the form's CSRF value.
 * - `sign-in`: set once a person has allowed something; ties the provider's answer to that browser.
 */
export type BrowserSecret = 'consent' | 'sign-in'

/** All that we keep in a browser: `known` is who signed in last, the others are sessions at pages of ours. */
export type CookieName = BrowserSecret | SessionKind | 'known'

/** In seconds. */
const lifetimes: Record<BrowserSecret, number> = { consent: 3600, 'sign-in': 900 }

/**
 * `__Host-` keeps sibling domains from planting one. Safari does not take Secure cookies from http on loopback, so there, and only
 * there, they go without.
 */
function secure (server: AuthorizationServer): boolean {
  return server.options.issuer.startsWith('https:')
}

function fullName (server: AuthorizationServer, name: CookieName): string {
  return `${secure(server) ? '__Host-' : ''}mcp-oauth-${name}`
}

export function cookie (server: AuthorizationServer, request: FastifyRequest, name: CookieName): string | undefined {
  return parse(request.headers.cookie ?? '')[fullName(server, name)]
}

/** @param maxAge in seconds; 0 takes the cookie away */
export function setCookie (server: AuthorizationServer, reply: FastifyReply, name: CookieName, value: string, maxAge: number): void {
  reply.header('set-cookie', serialize(fullName(server, name), value, { path: '/', httpOnly: true, sameSite: 'lax', secure: secure(server), maxAge }))
}

/** A secret of ours, as far as its form goes. */
export function secretCookie (server: AuthorizationServer, request: FastifyRequest, name: CookieName): string | undefined {
  const value = cookie(server, request, name)
  return value !== undefined && /^[\w-]{43}$/.test(value) ? value : undefined
}

export function browserSecret (server: AuthorizationServer, request: FastifyRequest, name: BrowserSecret): string | undefined {
  return secretCookie(server, request, name)
}

const warned = new WeakSet<AuthorizationServer>()

function warnOnce (server: AuthorizationServer, request: FastifyRequest): void {
  if (secure(server) || warned.has(server)) return
  warned.add(server)
  request.log.warn('the issuer is http on this machine: cookies go without Secure and __Host-; for trying out only')
}

/** The browser's secret, made if it has none, and kept for a while longer. */
export function keepBrowserSecret (server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, name: BrowserSecret): string {
  warnOnce(server, request)
  const value = browserSecret(server, request, name) ?? randomSecret()
  setCookie(server, reply, name, value, lifetimes[name])
  return value
}
