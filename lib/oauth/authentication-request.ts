import { OAuthError, type OAuthErrorCode } from '../errors.ts'
import { parameter, type Parameters } from './parameters.ts'

/** What a client may ask of the sign-in, and a sign-in page may do about it. */
const prompts = ['login', 'consent', 'select_account'] as const

export type Prompt = typeof prompts[number]

export function isPrompt (value: string): value is Prompt {
  return prompts.some(prompt => prompt === value)
}

/** What OpenID Connect adds to an authorization request, checked. */
export interface AuthenticationRequest {
  /** Comes back in the id_token. */
  nonce: string | null
  prompts: readonly Prompt[]
  /** How long ago the person may have signed in at the provider, in seconds. */
  maxAge: number | null
  loginHint: string | null
}

/** Longer than any nonce or address. */
const maxLength = 512

/** The clocks of providers may differ by so much, in milliseconds. */
const clockTolerance = 60_000

/** OpenID Connect Core §6.1, §6.2 and §7.2.1: who does not support these parameters must say so. */
const unsupported: ReadonlyArray<[name: string, code: OAuthErrorCode]> = [
  ['request', 'request_not_supported'],
  ['request_uri', 'request_uri_not_supported'],
  ['registration', 'registration_not_supported']
]

function boundedParameter (parameters: Parameters, name: string): string | null {
  const value = parameter(parameters, name) ?? null
  if (value !== null && value.length > maxLength) throw new OAuthError('invalid_request', `The parameter ${name} is too long`)
  return value
}

/** What is not known is ignored, as OpenID Connect Core §3.1.2.1 advises. */
function requestedPrompts (parameters: Parameters): Prompt[] {
  const values = new Set(parameter(parameters, 'prompt')?.split(' '))
  if (!values.has('none')) return prompts.filter(prompt => values.has(prompt))
  if (values.size > 1) throw new OAuthError('invalid_request', 'The prompt none can not be combined with others')
  // Here every authorization is approved by a person.
  throw new OAuthError('interaction_required', 'Access is not given without asking the user')
}

function requestedMaxAge (parameters: Parameters): number | null {
  const value = parameter(parameters, 'max_age')
  if (value === undefined) return null
  if (!/^\d{1,9}$/.test(value)) throw new OAuthError('invalid_request', 'The parameter max_age must be a whole number of seconds')
  return Number(value)
}

/**
 * Checks the parameters of OpenID Connect. `ui_locales`, `acr_values`, `display`, `claims` and `id_token_hint` change nothing here.
 *
 * @throws {OAuthError} in the words of OpenID Connect Core §3.1.2.6.
 * @see [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
 */
export function checkAuthenticationRequest (parameters: Parameters): AuthenticationRequest {
  for (const [name, code] of unsupported) {
    if (parameters.has(name)) throw new OAuthError(code, `The parameter ${name} is not supported`)
  }
  return {
    nonce: boundedParameter(parameters, 'nonce'),
    maxAge: requestedMaxAge(parameters),
    loginHint: boundedParameter(parameters, 'login_hint'),
    prompts: requestedPrompts(parameters)
  }
}

/**
 * Whether a sign-in at the provider is as recent as the client wants it: `prompt=login` wants one of its own.
 *
 * @param askedAt when the person was sent to the provider
 * @see [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
 */
export function isRecentEnough ({ prompts, maxAge }: Pick<AuthenticationRequest, 'prompts' | 'maxAge'>, authenticatedAt: Date, askedAt: Date): boolean {
  const limit = prompts.includes('login') ? 0 : maxAge
  return limit === null || authenticatedAt.getTime() + limit * 1000 + clockTolerance >= askedAt.getTime()
}
