import { exactIssuer } from './definition.ts'
import type { ProviderOptions } from './options.ts'
import { OptionReader } from './options.ts'
import { createProvider } from './provider.ts'
import type { InspectableProvider } from './types.ts'
import type { Claims } from './upstream.ts'

/** For `google()`. */
export interface GoogleOptions extends ProviderOptions {
  /** Google gives one to every client. */
  clientSecret: string
}

const googleIssuer = 'https://accounts.google.com'

/** `https://www.googleapis.com/oauth2/v2/userinfo` has names of its own; the newer endpoint has the standard's. */
function standardize (userinfo: Claims): Claims {
  if ('sub' in userinfo) return userinfo
  return { ...userinfo, sub: userinfo['id'], email_verified: userinfo['verified_email'] }
}

/**
 * Sign-in with Google. To admit only your Workspace domain, set `emailDomains`.
 *
 * @throws {InvalidOptionError}
 * @see [Google: OpenID Connect](https://developers.google.com/identity/openid-connect/openid-connect)
 */
export function google (options: GoogleOptions): InspectableProvider {
  const read = new OptionReader('google', options)
  const common = read.common({ id: 'google', name: 'Google', prompt: 'select_account' })
  if (common.clientSecret === undefined) read.fail('clientSecret', 'is missing; Google shows it beside the client id')
  return createProvider({
    ...common,
    mark: 'google',
    // Google's own documentation names both spellings for the iss of its id_tokens.
    issuers: exactIssuer(common.issuer ?? googleIssuer, common.issuer === undefined ? ['accounts.google.com'] : []),
    secretMethod: 'client_secret_post',
    // Google: "Authentication URI parameters".
    prompts: ['consent', 'select_account'],
    subjectClaim: 'sub',
    standardize,
    vouches: ({ profile }) => profile['email_verified'] === true
  })
}
