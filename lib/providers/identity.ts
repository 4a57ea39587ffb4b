import { displayText, isCleanText } from '../oauth/text.ts'
import type { Evidence, ProviderDefinition } from './definition.ts'
import type { Identity } from './types.ts'
import { ProviderError } from './types.ts'
import type { Claims } from './upstream.ts'

/** OpenID Connect Core §2. */
const maxSubject = 255
const maxName = 200
const maxPicture = 2_048

/** A claim that holds words, or nothing. */
export function textClaim (claims: Claims | undefined, name: string): string | undefined {
  const value = claims?.[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function subjectIn (claims: Claims, name: string): string {
  const subject = textClaim(claims, name)
  if (subject !== undefined && subject.length <= maxSubject && isCleanText(subject)) return subject
  throw new ProviderError('untrusted', `the provider names no usable ${name}`)
}

function nameIn (claims: Claims): string | undefined {
  const name = textClaim(claims, 'name')
  return name === undefined ? undefined : displayText(name, maxName) || undefined
}

/** A cut address is a broken one: one that is too long is left out. */
function pictureIn (claims: Claims): string | undefined {
  const picture = textClaim(claims, 'picture')
  if (picture === undefined || !URL.canParse(picture)) return undefined
  const { protocol, username, password, href } = new URL(picture)
  return protocol === 'https:' && `${username}${password}` === '' && href.length <= maxPicture ? href : undefined
}

/** NumericDate. RFC 7519 §2. */
function dateClaim (claims: Claims | undefined, name: string): Date | undefined {
  const value = claims?.[name]
  return typeof value === 'number' ? new Date(value * 1000) : undefined
}

/** Makes an identity of what the provider proved. */
export function toIdentity (evidence: Evidence, { subjectClaim, vouches }: ProviderDefinition): Identity {
  const { issuer, idToken, profile } = evidence
  const about = { ...profile, ...idToken }
  const email = textClaim(profile, 'email')
  const vouched = vouches(evidence)
  return {
    issuer,
    subject: subjectIn(idToken ?? profile, subjectClaim),
    email,
    emailVerified: vouched && email !== undefined,
    name: nameIn(about),
    picture: pictureIn(about),
    authenticatedAt: dateClaim(idToken, 'auth_time')
  }
}
