import { isWebUri } from '../oauth/redirect-uri.ts'
import { ProviderError } from './types.ts'

/** What a provider says: of unknown shape until each member is looked at. */
export type Claims = Readonly<Record<string, unknown>>

/** For everything from connecting to the last byte, in milliseconds. */
const deadline = 5_000
/** In bytes; the largest answers, key sets, stay far below. */
const maxAnswer = 256 * 1024

export interface UpstreamCall {
  method: 'GET' | 'POST' | 'OPTIONS'
  headers?: Readonly<Record<string, string>> | undefined
  body?: string
}

/** Neither the query nor the user information of an address gets into a message. */
function describe (method: string, url: URL): string {
  return `${method} ${url.origin}${url.pathname}`
}

/** A network error's code. The error itself may carry a piece of the answer, and with it a token. */
function networkCause (error: unknown): Error {
  const { name, code } = Object(error)
  return new Error(typeof code === 'string' ? code : String(name))
}

/** The `error` code of RFC 6749 §5.2; its description is free text that may repeat what we sent. */
function protocolCause (text = ''): ErrorOptions {
  const code = /"error"\s*:\s*"([a-z_]{1,40})"/.exec(text)?.[1]
  return code === undefined ? {} : { cause: new Error(code) }
}

/** @returns undefined where there is more than anything we ask for can need. */
async function readCapped (chunks: AsyncIterable<Uint8Array>): Promise<string | undefined> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.byteLength
    if (size > maxAnswer) return undefined
    parts.push(chunk)
  }
  return Buffer.concat(parts).toString()
}

function parseObject (text: string | undefined, what: string): Claims {
  if (text === undefined) throw new ProviderError('untrusted', `${what} answered more than ${maxAnswer} bytes`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ProviderError('untrusted', `${what} answered what is not JSON`)
  }
  if (value instanceof Object && !Array.isArray(value)) return { ...value }
  throw new ProviderError('untrusted', `${what} answered JSON that is not an object`)
}

/** An answer of whatever status. `text` is undefined where there was more of it than anything we ask for can need. */
export interface Answer {
  status: number
  /** The names in lower case; a list where a header came more than once. */
  headers: Readonly<Record<string, string | string[] | undefined>>
  text: string | undefined
}

/**
 * One request, at any address: five seconds in all, 256 KiB at most, no redirects.
 *
 * @throws {ProviderError} `unavailable` where no answer comes; its cause has the network's code.
 */
export async function send (url: URL, call: UpstreamCall, what = describe(call.method, url)): Promise<Answer> {
  // Most of this package's import time, and not needed before the first sign-in.
  const { request } = await import('undici')
  try {
    // undici follows no redirect by itself: a 3xx comes back as it is.
    const { statusCode, headers, body } = await request(url, {
      method: call.method,
      headers: { accept: 'application/json', 'user-agent': 'fastify-mcp-oauth', ...call.headers },
      body: call.body,
      signal: AbortSignal.timeout(deadline)
    })
    return { status: statusCode, headers, text: await readCapped(body) }
  } catch (error) {
    throw new ProviderError('unavailable', `${what} failed`, { cause: networkCause(error) })
  }
}

async function call (address: string, options: UpstreamCall): Promise<Claims> {
  if (!isWebUri(address)) throw new ProviderError('untrusted', 'an upstream address is neither https nor http on loopback')
  const url = new URL(address)
  const what = describe(options.method, url)
  const { status, text } = await send(url, options, what)
  if (status === 200) return parseObject(text, what)
  if (status >= 500 || status === 429) throw new ProviderError('unavailable', `${what} answered ${status}`)
  if (status >= 400) throw new ProviderError('refused', `${what} answered ${status}`, protocolCause(text))
  throw new ProviderError('untrusted', `${what} answered ${status}`)
}

/**
 * Asks a provider for a JSON object: five seconds in all, 256 KiB at most, no redirects, https or loopback.
 *
 * @throws {ProviderError}
 */
export function getJson (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Claims> {
  return call(url, { method: 'GET', headers })
}

/**
 * Posts a form to a provider, with the limits of `getJson`.
 *
 * @throws {ProviderError}
 */
export function postForm (url: string, form: URLSearchParams, headers: Readonly<Record<string, string>> = {}): Promise<Claims> {
  return call(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: form.toString()
  })
}
