import { exactIssuer } from './definition.ts'
import type { ProviderOptions } from './options.ts'
import { OptionReader } from './options.ts'
import { createProvider } from './provider.ts'
import type { InspectableProvider } from './types.ts'

/** For `oidc()`. */
export interface OidcOptions extends ProviderOptions {
  /** Unique among your providers; stands in `user_profiles.provider`. Letters, digits, `-` and `_`, 50 at most. */
  id: string
  /** As the provider's discovery document and id_tokens have it, to the letter: a slash at the end counts. */
  issuer: string
}

/**
 * Sign-in at any OpenID provider with a discovery document. An e-mail counts where `email_verified` is true.
 *
 * @throws {InvalidOptionError}
 * @see [OpenID Connect Core](https://openid.net/specs/openid-connect-core-1_0.html)
 */
export function oidc (options: OidcOptions): InspectableProvider {
  const read = new OptionReader('oidc', options)
  const issuer = read.issuer() ?? read.fail('issuer', 'is missing; it is the URL of your OpenID provider')
  return createProvider({
    ...read.common({ id: undefined, name: new URL(issuer).host, prompt: undefined }),
    issuers: exactIssuer(issuer),
    subjectClaim: 'sub',
    vouches: ({ profile }) => profile['email_verified'] === true
  })
}
