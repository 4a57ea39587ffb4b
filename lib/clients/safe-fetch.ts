import { isIP } from 'node:net'
import type { Client, Dispatcher } from 'undici'
import { isPublicAddress } from '../oauth/address.ts'
import type { CacheHeaders } from '../oauth/cache-lifetime.ts'
import { ClientDocumentError } from './client-document-error.ts'
import { resolveHost } from './resolve-host.ts'

/** The part of the world that is reached. Only tests have another one than this: what they reach is on loopback. */
export interface Internet {
  nameServers: readonly string[] | undefined
  isPublic (address: string): boolean
  port: number
  /** Certificates that are trusted instead of the system's. */
  ca: string | undefined
  /** For everything from the first question to a name server to the last byte, in milliseconds. */
  deadline: number
}

const internet: Internet = { nameServers: undefined, isPublic: isPublicAddress, port: 443, ca: undefined, deadline: 5_000 }

/** A host with more addresses has to do with these. */
const maxAddresses = 4

/** What is asked for, and what counts as an answer. */
export interface Kind<Value> {
  /** In words for the operator, as in “that is not …”. */
  name: string
  /** The `Accept` header. */
  accept: string
  /** Whole media types, in lower case and without parameters. */
  types: RegExp
  /** In bytes. */
  maxLength: number
  /**
   * @param type one that `types` matches
   * @throws where the bytes are not of that type.
   */
  read (bytes: Buffer, type: string): Value
}

export interface Fetched<Value = unknown> {
  value: Value
  headers: CacheHeaders
}

/** The fetch of one kind: the safe one, everywhere but in tests. */
export type Fetch<Value> = (url: URL, kind: Kind<Value>) => Promise<Fetched<Value>>

function refused (message: string, cause?: unknown): ClientDocumentError {
  return new ClientDocumentError(message, { isTemporary: false, ...(cause === undefined ? {} : { cause }) })
}

/** A network error's code: the error itself may carry a piece of whatever answered. */
function unreachable (url: URL, error: unknown): ClientDocumentError {
  const { name, code } = Object(error)
  return new ClientDocumentError(`${url.href} can not be read`, { isTemporary: true, cause: new Error(typeof code === 'string' ? code : String(name)) })
}

/** The addresses that may be connected to. One that is not public spoils them all: there is no honest reason for it. */
async function publicAddresses (url: URL, signal: AbortSignal, { isPublic, nameServers }: Internet) {
  // A socket would not look an address up, and so would go where nothing was checked.
  if (isIP(url.hostname.replaceAll(/[[\]]/g, '')) !== 0) throw refused(`${url.host} is no host name`)
  const addresses = await resolveHost(url.hostname, signal, nameServers)
  const wrong = addresses.find(address => !isPublic(address))
  if (wrong !== undefined) throw refused(`${url.host} is at ${wrong}, which is not a public address`)
  return addresses.slice(0, maxAddresses).map(address => ({ address, family: isIP(address) }))
}

async function readCapped (url: URL, body: AsyncIterable<Uint8Array>, maxLength: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body) {
    length += part.byteLength
    if (length > maxLength) throw refused(`${url.href} answered more than ${maxLength} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function read<Value> (url: URL, kind: Kind<Value>, bytes: Buffer, type: string): Value {
  try {
    return kind.read(bytes, type)
  } catch (error) {
    throw refused(`${url.href} answered what is not ${kind.name}`, error)
  }
}

/** The media type of what was asked for. Only a 200 counts. Client ID Metadata Document §5. */
function acceptedType (url: URL, { name, types }: Kind<unknown>, { statusCode, headers }: Dispatcher.ResponseData): string {
  if (statusCode !== 200) {
    const isTemporary = statusCode === 403 || statusCode === 429 || statusCode >= 500
    throw new ClientDocumentError(`${url.href} answered ${statusCode}`, { isTemporary })
  }
  const contentType = String(headers['content-type'])
  const type = contentType.replace(/;.*$/s, '').trim().toLowerCase()
  if (!types.test(type)) throw refused(`${url.href} answered ${contentType}, not ${name}`)
  return type
}

function cacheHeaders (headers: Dispatcher.ResponseData['headers']): CacheHeaders {
  const value = (name: string) => headers[name]?.toString()
  return { age: value('age'), 'cache-control': value('cache-control'), date: value('date'), expires: value('expires') }
}

async function ask<Value> (client: Client, url: URL, kind: Kind<Value>, signal: AbortSignal): Promise<Fetched<Value>> {
  try {
    const response = await client.request({
      method: 'GET',
      path: url.pathname + url.search,
      headers: { accept: kind.accept, 'accept-encoding': 'identity', 'user-agent': 'fastify-mcp-oauth' },
      signal
    })
    // What is left of the answer is torn off, and that is no news.
    response.body.on('error', () => {})
    const type = acceptedType(url, kind, response)
    const bytes = await readCapped(url, response.body, kind.maxLength)
    return { value: read(url, kind, bytes, type), headers: cacheHeaders(response.headers) }
  } catch (error) {
    throw error instanceof ClientDocumentError ? error : unreachable(url, error)
  }
}

/**
 * Asks a host that somebody else has named for a file: by https, on port 443, without cookies, proxies, redirects or compression.
 * Every address of the host has to be public, and the connection goes to one of those that were checked, whatever name servers say a moment
 * later; its certificate has to be the host's. It takes five seconds at most, and no more bytes than the kind allows.
 *
 * @throws {ClientDocumentError}
 * @see [Client ID Metadata Document §8.6](https://datatracker.ietf.org/doc/html/draft-ietf-oauth-client-id-metadata-document-02#section-8.6)
 */
export async function safeFetch<Value> (url: URL, kind: Kind<Value>, world: Internet = internet): Promise<Fetched<Value>> {
  const signal = AbortSignal.timeout(world.deadline)
  const addresses = await publicAddresses(url, signal, world)
  // Most of this package's import time, and not needed before the first document.
  const undici = await import('undici')
  const client = new undici.Client(`https://${url.hostname}:${world.port}`, {
    connect: {
      lookup: (_host, _options, found) => { found(null, addresses) },
      autoSelectFamily: true,
      // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
      rejectUnauthorized: true,
      ca: world.ca,
      timeout: world.deadline
    },
    maxHeaderSize: 8 * 1024
  })
  try {
    return await ask(client, url, kind, signal)
  } finally {
    await client.destroy()
  }
}
