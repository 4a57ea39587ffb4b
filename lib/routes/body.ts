import type { FastifyRequest } from 'fastify'
import { OAuthError } from '../errors.ts'
import { parseParameters, type Parameters } from '../oauth/parameters.ts'

/**
 * The form that a request brought.
 *
 * @throws {OAuthError} `invalid_request` where it brought none, or one that can't be read.
 */
export function formOf (request: FastifyRequest): Parameters {
  const { body } = request
  if (typeof body === 'object' && body !== null && 'encoded' in body) return parseParameters(String(body.encoded))
  throw new OAuthError('invalid_request', 'The body must be sent as application/x-www-form-urlencoded')
}
