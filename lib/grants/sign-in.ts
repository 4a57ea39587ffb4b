import { emailDomain, normalizeEmail } from '../oauth/email.ts'
import { isCleanText } from '../oauth/text.ts'
import { ProviderError, type Identity, type IdentityProvider } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import type { SignInRefusal, User } from '../storage/records.ts'

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

/** What every storage can keep. Providers of the deployer's own may answer anything. OpenID Connect Core §2 for the subject's length. */
function storable (value: string | undefined, limit: number): string | null {
  return value !== undefined && value !== '' && value.length <= limit && isCleanText(value) ? value : null
}

/** When a person signed in: as the provider says, unless it says nothing that can be; else now. */
export function authenticationTime ({ authenticatedAt }: Identity, now: Date): Date {
  return authenticatedAt !== undefined && authenticatedAt <= now ? authenticatedAt : now
}

/**
 * Whether the provider said when, and it can be: one whose clock is off, or that counts in milliseconds, has said nothing. One that is a
 * minute ahead may be right.
 */
export function saysWhen ({ authenticatedAt }: Identity, now: Date): boolean {
  return authenticatedAt !== undefined && authenticatedAt.getTime() <= now.getTime() + 60_000
}

/**
 * Whether the person who signed in is one of those who may. Decided by a verified e-mail and the identity that it is pinned to.
 *
 * @throws {ProviderError} `untrusted` where the identity can't be told from others.
 */
export async function admit (server: AuthorizationServer, provider: IdentityProvider, identity: Identity, now: Date): Promise<Admission> {
  const email = identity.email === undefined ? undefined : normalizeEmail(identity.email)
  if (email === undefined) return { refusal: 'no-email', email, userIds: [] }
  if (!identity.emailVerified) return { refusal: 'unverified', email, userIds: [] }
  if (provider.emailDomains?.includes(emailDomain(email)) === false) return { refusal: 'other-domain', email, userIds: [] }
  const issuer = storable(identity.issuer, 2048)
  const subject = storable(identity.subject, 255)
  if (issuer === null || subject === null) throw new ProviderError('untrusted', `${provider.id} names no usable issuer and subject`)
  const result = await server.storage.signIn({
    email,
    provider: provider.id,
    issuer,
    subject,
    name: storable(identity.name, 200),
    picture: storable(identity.picture, 2048),
    now
  })
  return { ...result, email }
}
