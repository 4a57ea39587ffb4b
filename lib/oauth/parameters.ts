import { OAuthError } from '../errors.ts'
import { isCleanText } from './text.ts'

/** Form or query parameters as they came: every value of every name, empty ones left out. */
export type Parameters = ReadonlyMap<string, readonly string[]>

/**
 * Reads `application/x-www-form-urlencoded`. A parameter without a value counts as absent.
 *
 * @see [OAuth 2.1 §3.1](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1-13#section-3.1)
 */
export function parseParameters (encoded: string): Parameters {
  const parameters = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(encoded)) {
    if (value === '') continue
    const values = parameters.get(name)
    if (values === undefined) parameters.set(name, [value])
    else values.push(value)
  }
  return parameters
}

/**
 * The value of a parameter that may be sent once.
 *
 * @throws {OAuthError} `invalid_request` where it came twice, or holds control characters.
 */
export function parameter (parameters: Parameters, name: string): string | undefined {
  const [value, ...others] = parameters.get(name) ?? []
  if (others.length > 0) throw new OAuthError('invalid_request', `The parameter ${name} was sent more than once`)
  if (value !== undefined && !isCleanText(value)) {
    throw new OAuthError('invalid_request', `The parameter ${name} holds characters that are not allowed`)
  }
  return value
}

/**
 * The value of a parameter that has to be sent.
 *
 * @throws {OAuthError} `invalid_request` where it is absent, came twice, or holds control characters.
 */
export function requiredParameter (parameters: Parameters, name: string): string {
  const value = parameter(parameters, name)
  if (value === undefined) throw new OAuthError('invalid_request', `The parameter ${name} is missing`)
  return value
}
