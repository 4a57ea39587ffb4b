import { emailDomain, normalizeEmail } from '../oauth/email.ts'
import type { Identity, IdentityProvider } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import type { SignInRefusal, User } from '../storage/types.ts'

/**
 * The whitelist's refusals, and three of an identity that does not get as far:
 * - `no-email`: the provider gave no e-mail, or one that is not one plain address.
 * - `unverified`: the provider does not vouch for it.
 * - `other-domain`: this provider may not speak for it.
 */
export type AdmissionRefusal = SignInRefusal | 'no-email' | 'unverified' | 'other-domain'

export type Admission =
  | { user: User, email: string }
  | { refusal: AdmissionRefusal, email: string | undefined, userIds: readonly string[] }

/** Whether the person who signed in is one of those who may. Decided by a verified e-mail and the identity that it is pinned to. */
export async function admit (server: AuthorizationServer, provider: IdentityProvider, identity: Identity, now: Date): Promise<Admission> {
  const email = identity.email === undefined ? undefined : normalizeEmail(identity.email)
  if (email === undefined) return { refusal: 'no-email', email, userIds: [] }
  if (!identity.emailVerified) return { refusal: 'unverified', email, userIds: [] }
  if (provider.emailDomains?.includes(emailDomain(email)) === false) return { refusal: 'other-domain', email, userIds: [] }
  const result = await server.storage.signIn({
    email,
    provider: provider.id,
    issuer: identity.issuer,
    subject: identity.subject,
    name: identity.name ?? null,
    picture: identity.picture ?? null,
    now
  })
  return { ...result, email }
}
