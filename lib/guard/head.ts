import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** Names and values in turns. They replace what was set before, but not each other. */
function putList (raw: ServerResponse, headers: readonly OutgoingHttpHeader[]): void {
  const names = headers.filter((_, index) => index % 2 === 0).map(String)
  for (const name of names) raw.removeHeader(name)
  for (const [index, name] of names.entries()) {
    const value = headers[2 * index + 1]
    raw.appendHeader(name, Array.isArray(value) ? value : String(value))
  }
}

function put (raw: ServerResponse, headers: OutgoingHttpHeaders | readonly OutgoingHttpHeader[]): void {
  if (Array.isArray(headers)) return putList(raw, headers)
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) raw.setHeader(name, value)
}

/**
 * Calls back when a response is about to write its head, with all its headers in `raw`: whether Fastify writes it, a transport that hijacked the
 * reply, or Node itself at the first byte. No hook sees all three.
 */
export function beforeHead (raw: ServerResponse, change: () => void): void {
  const { writeHead } = raw
  raw.writeHead = (statusCode: number, ...rest: Array<string | OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined>) => {
    for (const part of rest) if (typeof part === 'object') put(raw, part)
    change()
    return Reflect.apply(writeHead, raw, [statusCode, ...rest.filter(part => typeof part === 'string')])
  }
}
