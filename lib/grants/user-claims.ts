import type { User } from '../storage/records.ts'

/** What is told about a person. OpenID Connect Core §5.1. */
export interface UserClaims {
  sub: string
  email?: string
  /** Nobody gets in by an e-mail that no provider has vouched for, and a grant ends when the row's e-mail changes. */
  email_verified?: true
  name?: string
  picture?: string
}

/**
 * What the scopes allow to tell, from the row.
 *
 * @see [OpenID Connect Core §5.4](https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims)
 */
export function userClaims ({ id, email, name, picture }: User, scopes: readonly string[]): UserClaims {
  const isProfile = scopes.includes('profile')
  return {
    sub: id,
    ...(scopes.includes('email') ? { email, email_verified: true } : {}),
    ...(isProfile && name !== null ? { name } : {}),
    ...(isProfile && picture !== null ? { picture } : {})
  }
}
