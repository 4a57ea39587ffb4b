import type { AuthenticationRequest } from '../oauth/authentication-request.ts'

/** What the authorization server wants from a provider's sign-in page. What the client asked of it comes along. */
export interface UpstreamRequest extends Pick<AuthenticationRequest, 'prompts' | 'maxAge' | 'loginHint'> {
  /** Our callback, the same for all providers. */
  redirectUri: string
  state: string
  nonce: string
  /** S256. RFC 7636 §4.2. */
  codeChallenge: string
}

/** What the provider sent the browser back with, and what only that browser could bring. */
export interface UpstreamResponse {
  redirectUri: string
  code: string
  /** The `iss` parameter, where one came. RFC 9207 §2. */
  issuer: string | undefined
  nonce: string
  codeVerifier: string
}

/** Who signed in. `email` is as the provider gave it: the caller normalises and refuses. */
export interface Identity {
  /** With `subject`, who it is for ever. OpenID Connect Core §2. */
  issuer: string
  subject: string
  email: string | undefined
  /** Whether the provider vouches that the e-mail belongs to the subject. */
  emailVerified: boolean
  name: string | undefined
  picture: string | undefined
  /** When the person signed in at the provider, where it says so. OpenID Connect Core §2. */
  authenticatedAt?: Date | undefined
}

/** Those that a mark is drawn for. */
export type ProviderMark = 'google' | 'microsoft' | 'cognito'

/** Where people sign in. Made by `google()`, `microsoft()`, `cognito()` and `oidc()`; anything with this shape will do. */
export interface IdentityProvider {
  /** Unique among the providers; stands in `user_profiles.provider`. */
  readonly id: string
  /** What people read on the button. */
  readonly name: string
  /** What is drawn on the button. Somebody's head and shoulders where absent. */
  readonly mark?: ProviderMark
  /** Only e-mails at these domains may come from this provider. Any where absent. */
  readonly emailDomains?: readonly string[]
  /** @throws {ProviderError} `unavailable` where its configuration can't be fetched. */
  authorizationUrl (request: UpstreamRequest): Promise<string>
  /** @throws {ProviderError} where the provider is down, refuses, or answers what can't be trusted. */
  identify (response: UpstreamResponse): Promise<Identity>
}

/** Whose people Entra lets in: what goes for e-mails depends on it. */
export interface EntraTenancy {
  /** As in the addresses: a tenant's id or domain, `common`, `organizations` or `consumers`. */
  readonly tenant: string
  /** The ids of those that may come, where not all may. */
  readonly tenants: readonly string[] | undefined
}

/** What a provider says about itself, as far as a sign-in needs it. */
export interface ProviderInspection {
  /** Undefined where only an id_token tells, or nothing does. */
  issuer: string | undefined
  /** How many keys it publishes. */
  keyCount: number
}

/** A provider that can be looked at before anybody signs in there. */
export interface InspectableProvider extends IdentityProvider {
  readonly entra?: EntraTenancy
  /** Reads what a sign-in will need: endpoints and keys. @throws {ProviderError} where that can't be had, or trusted. */
  inspect(): Promise<ProviderInspection>
  /**
   * Sends a code that nobody has to the token endpoint, as our client.
   *
   * @returns the error code of its refusal, where it names one. RFC 6749 §5.2: `invalid_client` where it does not know the client
   * @throws {ProviderError} where it gives no such answer.
   */
  redeemNothing(redirectUri: string): Promise<string | undefined>
}

/**
 * - `unavailable`: down, too slow, or a 5xx: trying again may help.
 * - `refused`: the provider said no to our request.
 * - `untrusted`: its answer does not hold: wrong issuer, nonce, audience, signature, shape or size.
 */
export type ProviderErrorReason = 'unavailable' | 'refused' | 'untrusted'

/** A provider failed us. The message is for the log, never for a page. */
export class ProviderError extends Error {
  readonly reason: ProviderErrorReason

  constructor (reason: ProviderErrorReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProviderError'
    this.reason = reason
  }
}
