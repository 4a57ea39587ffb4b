import type { SignIn, SignInRefusal, SignInResult, User } from './records.ts'

/** The e-mail as it is compared: trimmed and lower-cased. ASCII only, so that no letter folds into another one's (`K` into `k`). */
export function foldEmail (email: string): string {
  return email.replaceAll(/^[ \t\n\r]+|[ \t\n\r]+$/g, '').replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** Whether the row lets this identity in, or may still be pinned to it. */
export function admits (user: User, signIn: SignIn): boolean {
  return user.status === 'active' &&
    isEmptyOr(user.provider, signIn.provider) &&
    isEmptyOr(user.providerIssuer, signIn.issuer) &&
    isEmptyOr(user.providerUserId, signIn.subject)
}

/** Whether the row is pinned to this identity. A row of before issuers were kept names none. */
export function isPinnedTo (user: User, signIn: SignIn): boolean {
  return user.provider === signIn.provider &&
    user.providerUserId === signIn.subject &&
    isEmptyOr(user.providerIssuer, signIn.issuer)
}

/**
 * Why a sign-in was refused.
 *
 * @param listed the rows with its e-mail.
 * @param holders other rows that are pinned to its identity.
 */
export function refuse (listed: readonly User[], holders: readonly User[], signIn: SignIn): SignInResult {
  const refusal = refusalOf(listed, signIn)
  const involved = refusal === 'other-identity' ? [...listed, ...holders] : listed
  return { refusal, userIds: involved.map((user) => user.id) }
}

function refusalOf ([user, ...twins]: readonly User[], signIn: SignIn): SignInRefusal {
  if (user === undefined) return 'not-listed'
  if (twins.length > 0) return 'ambiguous'
  if (user.status !== 'active') return 'suspended'
  if (!isEmptyOr(user.provider, signIn.provider)) return 'other-provider'
  return 'other-identity'
}

function isEmptyOr (pinned: string | null, presented: string): boolean {
  return pinned === null || pinned === presented
}
