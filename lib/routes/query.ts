import type { FastifyRequest } from 'fastify'

/** The raw query string: the app's own query parser has its own ideas about repeated and bracketed names. */
export function queryOf (request: FastifyRequest): string {
  const { url = '' } = request.raw
  const mark = url.indexOf('?')
  return mark === -1 ? '' : url.slice(mark + 1)
}
