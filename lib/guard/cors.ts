import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../errors.ts'
import { isAllowedOrigin } from '../oauth/origin.ts'
import type { AuthorizationServer } from '../server.ts'
import { beforeHead } from './head.ts'

/*
 * What browsers ask of answers to pages of other origins. Fetch §3.3 "CORS protocol". Credentials are never allowed: what counts here is a token,
 * which no browser adds by itself.
 */

const allowedHeaders = ['Authorization', 'Content-Type', 'MCP-Protocol-Version', 'Mcp-Method', 'Mcp-Name', 'Mcp-Session-Id', 'Last-Event-ID']
const exposedHeaders = ['WWW-Authenticate', 'Mcp-Session-Id', 'MCP-Protocol-Version']

/** MCP clients repeat parameters of tools in headers; only the server's tools know their names. */
const toolParameter = /^mcp-param-[\w-]+$/i

/** A page of an origin that may not call. */
export class DisallowedOriginError extends OAuthError {
  constructor (origin: string) {
    super('access_denied', 'Pages of this origin have no access', { cause: `the origin ${origin} is not allowed; cors.origins names those that are` })
  }
}

/** A browser's question before the real request. It can't carry a token. Fetch §4.8 "CORS-preflight fetch". */
export function isPreflight (request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' &&
    request.headers.origin !== undefined &&
    request.headers['access-control-request-method'] !== undefined
}

function list (value: unknown): string[] {
  return value === undefined ? [] : String(value).split(',').map(name => name.trim()).filter(name => name !== '')
}

/** Adds names to a header that lists names, once each. */
function listed (value: unknown, names: readonly string[]): string {
  const known = list(value)
  const lower = new Set(known.map(name => name.toLowerCase()))
  return [...known, ...names.filter(name => !lower.has(name.toLowerCase()))].join(', ')
}

function answersTo (request: FastifyRequest, methods: readonly string[]): Record<string, string> {
  const requested = list(request.headers['access-control-request-headers'])
  return {
    'access-control-allow-methods': methods.join(', '),
    'access-control-allow-headers': [...allowedHeaders, ...requested.filter(name => toolParameter.test(name))].join(', ')
  }
}

/**
 * What an answer to an allowed origin says.
 *
 * @param methods where it is the answer to a preflight
 */
function headersFor (request: FastifyRequest, origin: string, methods?: readonly string[]): Record<string, string> {
  return {
    'access-control-allow-origin': origin,
    ...methods === undefined ? { 'access-control-expose-headers': exposedHeaders.join(', ') } : answersTo(request, methods)
  }
}

const isCorsHeader = (name: string) => name.toLowerCase().startsWith('access-control-')

/** What the app says about other origins, by @fastify/cors or by hand, counts; only where it says nothing, we speak. */
function complete (request: FastifyRequest, reply: FastifyReply, origin: string, methods?: readonly string[]): void {
  const { raw } = reply
  // A transport that hijacked the reply knows nothing of what the app's hooks put there.
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if ((isCorsHeader(name) || name === 'vary') && value !== undefined && !raw.hasHeader(name)) raw.setHeader(name, value)
  }
  // @fastify/cors refuses an origin by `Vary: Origin` alone.
  const isSpokenFor = raw.getHeaderNames().some(isCorsHeader) || list(raw.getHeader('vary')).some(name => name.toLowerCase() === 'origin')
  if (!isSpokenFor) {
    for (const [name, value] of Object.entries(headersFor(request, origin, methods))) raw.setHeader(name, value)
    raw.setHeader('vary', listed(raw.getHeader('vary'), ['Origin']))
    return
  }
  const allowed = raw.getHeader('access-control-allow-origin')
  if (methods !== undefined || (allowed !== '*' && allowed !== origin)) return
  raw.setHeader('access-control-expose-headers', listed(raw.getHeader('access-control-expose-headers'), exposedHeaders))
}

/**
 * Lets a page of another origin read the answer of a protected route, if it may.
 *
 * @param methods of the route, for the answer to a preflight
 * @throws {DisallowedOriginError} where it may not: 403.
 * @see [MCP: Streamable HTTP, security](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning)
 */
export function admitOrigin (
  { options }: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, origin: string, methods: () => readonly string[]
): void {
  if (!isAllowedOrigin(origin, options.cors.origins)) throw new DisallowedOriginError(origin)
  const answered = isPreflight(request) ? methods() : undefined
  beforeHead(reply.raw, () => { complete(request, reply, origin, answered) })
}

/** Nothing of what the app says about other origins. OAuth 2.1 §3.1. */
export function withoutCors (reply: FastifyReply): void {
  for (const name of Object.keys(reply.getHeaders())) if (isCorsHeader(name)) reply.removeHeader(name)
}

/** The headers of our own endpoints, whatever the app says about its own. */
export function ownCors ({ options }: AuthorizationServer, request: FastifyRequest, reply: FastifyReply, methods: readonly string[]): void {
  withoutCors(reply)
  reply.header('vary', listed(reply.getHeader('vary'), ['Origin']))
  const { origin } = request.headers
  if (origin === undefined || !isAllowedOrigin(origin, options.cors.origins)) return
  reply.headers(headersFor(request, origin, isPreflight(request) ? methods : undefined))
}
