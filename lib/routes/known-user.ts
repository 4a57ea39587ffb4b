import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FormerUser } from '../grants/connections.ts'
import { hashSecret } from '../keys/secrets.ts'
import type { AuthorizationServer } from '../server.ts'
import { cookie, setCookie } from './cookies.ts'

/** In seconds: ninety days. */
const lifetime = 7_776_000

const purpose = 'known user'

interface KnownUser extends FormerUser {
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** What unseals for this purpose was sealed below. */
function isKnownUser (unsealed: unknown): unsealed is KnownUser {
  return unsealed !== undefined
}

/** Remembers who signed in with a browser. That lets nobody in: it only changes the words of the consent page. */
export function rememberUser (server: AuthorizationServer, reply: FastifyReply, userId: string, email: string, now: Date): void {
  const known: KnownUser = { userId, emailHash: hashSecret(email), expiresAt: now.getTime() + lifetime * 1000 }
  setCookie(server, reply, 'known', server.keys.seal(purpose, known), lifetime)
}

/** Who signed in last with a browser, as far as it is known. */
export function knownUser (server: AuthorizationServer, request: FastifyRequest, now: Date): FormerUser | undefined {
  const known = server.keys.unseal(purpose, cookie(server, request, 'known') ?? '')
  return isKnownUser(known) && known.expiresAt > now.getTime() ? known : undefined
}

/** For the next person at the same browser. */
export function forgetUser (server: AuthorizationServer, reply: FastifyReply): void {
  setCookie(server, reply, 'known', '', 0)
}
