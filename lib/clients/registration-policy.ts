import { InvalidOptionError } from '../errors.ts'

/**
 * - `open`: every client may register itself.
 * - `token`: who has an initial access token may. RFC 7591 §3.
 * - `closed`: none may; the operator creates clients by `fastify.mcpOAuth.clients`.
 */
export type RegistrationMode = 'open' | 'token' | 'closed'

/** Who may register clients, and for which redirects. */
export interface RegistrationOptions {
  /** @default 'open' */
  mode?: RegistrationMode
  /** With the mode `token`: at least 32 random characters, sent as Bearer. Several, while one is replaced. */
  initialAccessToken?: string | readonly string[]
  /**
   * The hosts that redirect URIs may have, each to the letter, ports aside: `claude.ai`, `localhost`, `[::1]`. What
   * `allowedRedirectUris` names may be used besides.
   *
   * @default any host
   */
  allowedRedirectHosts?: readonly string[]
}

/** The policy as the rest of the code reads it. */
export interface ResolvedRegistration {
  readonly mode: RegistrationMode
  readonly initialAccessTokens: readonly string[]
  readonly allowedRedirectHosts: readonly string[] | undefined
}

const modes: readonly unknown[] = ['open', 'token', 'closed'] satisfies RegistrationMode[]

function isMode (value: unknown): value is RegistrationMode {
  return modes.includes(value)
}

function isInitialAccessToken (value: unknown): value is string {
  return typeof value === 'string' && /^[\w.~+/-]{32,}=*$/.test(value)
}

function checkTokens (mode: RegistrationMode, given: unknown): readonly string[] {
  const tokens: unknown[] = given === undefined ? [] : [given].flat()
  if (mode !== 'token' && tokens.length > 0) {
    throw new InvalidOptionError('registration.initialAccessToken', "has no meaning without mode: 'token'; take it out, or set the mode")
  }
  if (!tokens.every(isInitialAccessToken) || (mode === 'token' && tokens.length === 0)) {
    throw new InvalidOptionError('registration.initialAccessToken', 'must have at least 32 random letters, digits or . _ ~ + / -; make one with: openssl rand -hex 32')
  }
  return tokens
}

/** A host as a URL has it: lower case, an IPv6 address in brackets. */
function isHost (value: unknown): value is string {
  return typeof value === 'string' && !value.includes('*') && URL.canParse(`https://${value}`) && new URL(`https://${value}`).hostname === value
}

function checkHosts (hosts: unknown): readonly string[] | undefined {
  if (hosts === undefined) return undefined
  if (!Array.isArray(hosts) || !hosts.every(isHost)) {
    throw new InvalidOptionError('registration.allowedRedirectHosts', "must be a list of hosts without port, such as ['claude.ai', 'localhost']")
  }
  return [...hosts]
}

/**
 * Who may register clients.
 *
 * @throws {InvalidOptionError} which says what to do.
 */
export function checkRegistration (registration: unknown): ResolvedRegistration {
  const given = typeof registration === 'string' ? { mode: registration } : registration
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new InvalidOptionError('registration', "must be 'open', 'token', 'closed', or an object with such a mode")
  }
  const { mode = 'open', initialAccessToken, allowedRedirectHosts, ...others }: Record<string, unknown> = { ...given }
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) {
    throw new InvalidOptionError(`registration.${unknown}`, 'is not an option; take it out, or use one of mode, initialAccessToken, allowedRedirectHosts')
  }
  if (!isMode(mode)) throw new InvalidOptionError('registration', "must be 'open', 'token', 'closed', or an object with such a mode")
  return Object.freeze({ mode, initialAccessTokens: checkTokens(mode, initialAccessToken), allowedRedirectHosts: checkHosts(allowedRedirectHosts) })
}
