/**
 * Which pages may call:
 * - `any`: all that say where they come from, `null` included.
 * - `trustworthy`: what was loaded in a way that nobody else's name server can get between: https, this machine, an app or extension.
 * - `local`: this machine, an app or extension.
 * - a set: these, to the letter.
 */
export type OriginPolicy = 'any' | 'trustworthy' | 'local' | ReadonlySet<string>

const web = /^https?:\/\/[^/?#@*\\\s]+$/
const app = /^(?!(?:https?|wss?|ftp):)[a-z][a-z0-9+.-]*:\/\/[\w.-]*(?::\d{1,5})?$/
const loopback = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/

/**
 * Whether this is one origin as browsers write it: lower case, no default port, nothing behind it. `chrome-extension://…` and
 * `vscode-file://vscode-app` are origins too; `null` is none.
 *
 * @see [RFC 6454 §6.2](https://www.rfc-editor.org/rfc/rfc6454.html#section-6.2)
 */
export function isOrigin (value: string): boolean {
  return app.test(value) || (web.test(value) && URL.canParse(value) && new URL(value).origin === value)
}

/**
 * Whether a page of this origin may call. A page whose name was made to point here (DNS rebinding) is refused by every policy but `any`:
 * it was loaded by http from a name of its own, or hides behind `null`.
 *
 * @param origin the `Origin` header
 * @see [MCP: Streamable HTTP, security](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning)
 */
export function isAllowedOrigin (origin: string, policy: OriginPolicy): boolean {
  if (typeof policy === 'object') return policy.has(origin)
  if (!isOrigin(origin)) return policy === 'any' && origin === 'null'
  return policy === 'any' || app.test(origin) || loopback.test(origin) || (policy === 'trustworthy' && origin.startsWith('https:'))
}
