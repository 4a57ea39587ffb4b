import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../errors.ts'
import { hashSecret, randomSecret } from '../keys/secrets.ts'
import type { IdentityProvider } from '../providers/types.ts'
import type { AuthorizationServer } from '../server.ts'
import type { AuthorizeTransaction, SessionTransaction } from '../storage/records.ts'
import { keepBrowserSecret } from './cookies.ts'
import { PageError } from './page-error.ts'
import { transactionKey } from './transaction.ts'

/** How long a sign-in at the provider may take, in milliseconds. */
const transactionLifetime = 600_000

type OfEvery = 'handleHash' | 'bindingHash' | 'consentHash' | 'provider' | 'createdAt' | 'expiresAt'

/** A checked authorization request on its way through the consent form. */
export type ConsentRequest = Omit<AuthorizeTransaction, OfEvery | 'kind'>

/** What a sign-in is for. */
export type SignInPurpose = Omit<AuthorizeTransaction, OfEvery> | Omit<SessionTransaction, OfEvery>

/** @throws {OAuthError} `invalid_request` where there is no such provider, or several to choose from. */
export function chosenProvider ({ options }: AuthorizationServer, id: string | undefined): IdentityProvider {
  const [only, ...others] = options.providers.values()
  const provider = id === undefined && others.length === 0 ? only : options.providers.get(id ?? '')
  if (provider === undefined) throw new OAuthError('invalid_request', 'The sign-in that was chosen is not offered here')
  return provider
}

/**
 * Stores what a person has approved as a transaction of this browser, and sends the browser on its way to the provider.
 *
 * @param formId of the form, which counts once
 */
export async function beginSignIn (
  server: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, provider: IdentityProvider, purpose: SignInPurpose, formId: string, now: Date
): Promise<FastifyReply> {
  const browser = keepBrowserSecret(server, request, reply, 'sign-in')
  const handle = randomSecret()
  const stored = await server.storage.createTransaction({
    ...purpose,
    ...transactionKey(browser, handle),
    consentHash: hashSecret(formId),
    provider: provider.id,
    createdAt: now,
    expiresAt: new Date(now.getTime() + transactionLifetime)
  })
  if (!stored) throw new PageError('usedForm', 'This form was sent before')
  // 303, so that the browser leaves the form behind, to a page of our own: CSP's form-action covers the whole chain.
  return reply.header('cache-control', 'no-store').redirect(`${server.options.routePath}/consent?state=${handle}`, 303)
}
