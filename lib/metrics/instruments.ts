import { OAuthError, StorageUnavailableError } from '../errors.ts'
import type { Around } from '../meter.ts'
import { ProviderError, type IdentityProvider, type ProviderErrorReason } from '../providers/types.ts'

/** The steps of a sign-in that a provider is asked for: where to go, and who came back. */
export const providerSteps = ['authorizationUrl', 'identify'] as const satisfies ReadonlyArray<keyof IdentityProvider>

export type ProviderStep = typeof providerSteps[number]

/** What measures the calls that wait for something outside of this process. */
export interface Instruments {
  /** @param operation the name of a method of `OAuthStorage` */
  storage (operation: string): Around
  /** @param provider its `id` */
  provider (provider: string, step: ProviderStep): Around
  /** The guard's look at a token that it does not know. */
  readonly validation: Around
}

/**
 * How such a call ended:
 * - `refused`: the token is none that counts, or the provider said no to our request.
 * - `unavailable`: the storage or the provider did not answer.
 * - `untrusted`: the provider's answer does not hold.
 * - `failed`: a defect.
 */
export type Outcome = 'ok' | ProviderErrorReason | 'failed'

export function outcomeOf (error: unknown): Outcome {
  if (error instanceof ProviderError) return error.reason
  if (error instanceof StorageUnavailableError) return 'unavailable'
  return error instanceof OAuthError ? 'refused' : 'failed'
}

/** One inside the other, the first outermost. */
export function nest (first: Instruments, second: Instruments): Instruments {
  const both = (outer: Around, inner: Around): Around => call => outer(() => inner(call))
  return {
    storage: operation => both(first.storage(operation), second.storage(operation)),
    provider: (provider, step) => both(first.provider(provider, step), second.provider(provider, step)),
    validation: both(first.validation, second.validation)
  }
}
