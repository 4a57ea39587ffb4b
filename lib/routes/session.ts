import type { FastifyReply, FastifyRequest } from 'fastify'
import { authenticationTime, saysWhen } from '../grants/sign-in.ts'
import { originOf } from '../guard/origin.ts'
import { equalStrings, hashSecret, mac, randomSecret } from '../keys/secrets.ts'
import type { Identity } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import { foldEmail } from '../storage/sign-in.ts'
import type { Session, SessionKind, SessionTransaction, User } from '../storage/records.ts'
import { secretCookie, setCookie } from './cookies.ts'
import { forgetUser } from './known-user.ts'
import { PageError } from './page-error.ts'

/** How long somebody stays signed in at a page of ours, in seconds. */
const lifetime = 3600

/** Somebody who is signed in, as the whitelist has them now. */
export interface SignedInUser {
  user: User
  session: Session
  /** What a form of this session sends along. */
  csrf: string
}

/** What the audit trail is told of whose session it is. */
function aboutSession (request: FastifyRequest, kind: SessionKind, userId: string, email: string) {
  return { actor: { type: kind === 'admin' ? 'administrator' : 'user', id: userId, email }, userId, ...originOf(request) } as const
}

/** Signs a person in at a page of ours, under a secret that is new each time, and sends them there. */
export async function beginSession (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, transaction: SessionTransaction,
  { user, email, identity }: { user: User, email: string, identity: Identity }, now: Date
): Promise<FastifyReply> {
  const { kind, pending, provider } = transaction
  await endSession(server, request, kind)
  const secret = randomSecret()
  await server.storage.createSession({
    sessionHash: hashSecret(secret),
    kind,
    userId: user.id,
    email,
    provider,
    authenticatedAt: authenticationTime(identity, now),
    isProven: saysWhen(identity, now),
    pending,
    createdAt: now,
    expiresAt: new Date(now.getTime() + lifetime * 1000)
  })
  setCookie(server, reply, kind, secret, lifetime)
  server.meter.signIn(provider, 'admitted')
  server.audit.record({ type: 'session.started', ...aboutSession(request, kind, user.id, email), details: { kind, provider } })
  const page = pending === null ? '' : '/confirm'
  return reply.header('cache-control', 'no-store').redirect(`${server.options.routePath}/${kind}${page}`, 303)
}

/** Ends the session that a browser has, if it has one. */
async function endSession (server: AuthorizationServer, request: FastifyRequest, kind: SessionKind): Promise<void> {
  const secret = secretCookie(server, request, kind)
  if (secret !== undefined) await server.storage.endSession(hashSecret(secret))
}

/** Ends a session because its person wants it, who may leave the browser to somebody else. */
export async function signOut (server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, { user, session }: SignedInUser): Promise<void> {
  await endSession(server, request, session.kind)
  setCookie(server, reply, session.kind, '', 0)
  forgetUser(server, reply)
  server.audit.record({ type: 'session.ended', ...aboutSession(request, session.kind, user.id, session.email), details: { kind: session.kind } })
}

/**
 * Who is signed in, by the row as it is now: whoever was suspended, removed, given another e-mail or, to administer, lost the role meanwhile is
 * not.
 */
export async function signedInUser (server: AuthorizationServer, request: FastifyRequest, kind: SessionKind, now: Date): Promise<SignedInUser | undefined> {
  const secret = secretCookie(server, request, kind)
  const record = secret === undefined ? undefined : await server.storage.findSession(hashSecret(secret), now)
  if (secret === undefined || record === undefined || record.ambiguous) return undefined
  const { session, user } = record
  if (session.kind !== kind || user?.status !== 'active' || foldEmail(user.email) !== session.email) return undefined
  return kind === 'admin' && user.role !== 'admin' ? undefined : { user, session, csrf: mac(secret, 'csrf') }
}

/** @throws {PageError} where a form was not sent from a page of this session. */
export function requireCsrf ({ csrf }: SignedInUser, sent: string | undefined): void {
  if (sent === undefined || !equalStrings(csrf, sent)) throw new PageError('foreignForm', 'This form was not opened in this browser')
}
