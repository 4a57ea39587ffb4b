import type { ProviderErrorReason } from './providers/types.ts'
import type { SignInRefusal } from './storage/records.ts'

/**
 * How a sign-in at a provider ended: with access, by what the whitelist or `grants/sign-in.ts` said, or
 * - `not-completed`: the provider sent the browser back without a code.
 * - `not-recent`: it took a sign-in of before, though the client wanted a new one.
 * - `provider-…`: it failed us.
 */
export type SignInOutcome =
  | 'admitted'
  | SignInRefusal
  | 'no-email'
  | 'unverified'
  | 'other-domain'
  | 'not-admin'
  | 'not-completed'
  | 'not-recent'
  | `provider-${ProviderErrorReason}`

/**
 * Why the guard turned a request away.
 * - `unknown-token`: malformed, forged, or none that is stored here.
 * - `unavailable`: the storage could not be asked.
 * - `failed`: a defect, or a route whose config is wrong.
 */
export type RefusalReason =
  | 'no-token'
  | 'unknown-token'
  | 'expired-token'
  | 'revoked-token'
  | 'other-resource'
  | 'grant-revoked'
  | 'grant-expired'
  | 'client-deactivated'
  | 'not-listed'
  | 'renamed'
  | 'suspended'
  | 'ambiguous'
  | 'scope'
  | 'role'
  | 'origin'
  | 'malformed-call'
  | 'unavailable'
  | 'failed'

/** Runs a call that waits for something outside of this process, and measures it. */
export type Around = <T>(call: () => Promise<T>) => Promise<T>

/** Is told what happens. Every name that it is told is out of a set that no client and no person can add to. */
export interface Meter {
  /**
   * A request to one of our endpoints was answered.
   *
   * @param endpoint the last part of its path, such as `token`
   */
  request (endpoint: string, status: number): void
  signIn (provider: string, outcome: SignInOutcome): void
  /** A code or a refresh token came again, and its grant was revoked. */
  replay (kind: 'code' | 'refresh-token'): void
  /** The guard turned a request away. */
  refusal (reason: RefusalReason): void
  /** The guard let a token pass that it knew. On the way of every request: it may cost nothing. */
  knownToken (): void
  /** The guard looks at a token that it does not know. */
  readonly validation: Around
}

/** Nobody measures. */
export const noMeter: Meter = Object.freeze({
  request () {},
  signIn () {},
  replay () {},
  refusal () {},
  knownToken () {},
  validation: call => call()
} satisfies Meter)
