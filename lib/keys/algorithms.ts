import { InvalidOptionError } from '../errors.ts'

/** What access tokens may be signed with. RFC 7518 §3.1, RFC 8037 §3.1. */
export const signingAlgorithms = ['HS256', 'RS256', 'ES256', 'EdDSA'] as const

export type SigningAlgorithm = typeof signingAlgorithms[number]

/** Those with a key pair, whose public half is published. */
export type AsymmetricAlgorithm = Exclude<SigningAlgorithm, 'HS256'>

/** @throws {InvalidOptionError} where it is none of `signingAlgorithms`. */
export function checkSigningAlgorithm (option: string, value: unknown): SigningAlgorithm {
  const algorithm = signingAlgorithms.find(name => name === value)
  if (algorithm === undefined) throw new InvalidOptionError(option, `must be one of ${signingAlgorithms.join(', ')}`)
  return algorithm
}
