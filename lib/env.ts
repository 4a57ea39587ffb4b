import { isIP } from 'node:net'
import { defined, list, need, read, seconds, tokenOptionsFromEnv, type Environment } from './env-values.ts'
import { InvalidOptionError } from './errors.ts'
import type { FirstAdmin, McpOAuthOptions } from './options.ts'
import { cognito, google, microsoft, oidc } from './providers/index.ts'
import type { RateLimitOptions } from './rate-limit.ts'
import type { InspectableProvider } from './providers/types.ts'

export type { Environment }

/** Cognito has no discovery of its own to fall back on: it takes the user pool, or all three endpoints. */
function cognitoIssuer (env: Environment): string | undefined {
  const endpoints = ['OAUTH_AUTH_URL', 'OAUTH_TOKEN_URL', 'OAUTH_USERINFO_URL']
  if (endpoints.every(name => read(env, name) !== undefined)) return read(env, 'OAUTH_ISSUER')
  return need(env, 'OAUTH_ISSUER', `it is https://cognito-idp.<region>.amazonaws.com/<user pool id>, and may be left out where ${endpoints.join(', ')} are all set`)
}

/**
 * Reads `OAUTH_PROVIDER` and all that goes with it.
 *
 * @throws {InvalidOptionError}
 */
export function providerFromEnv (env: Environment): InspectableProvider {
  const name = need(env, 'OAUTH_PROVIDER', 'it is one of google, microsoft, cognito, oidc')
  const common = {
    clientId: need(env, 'OAUTH_CLIENT_ID', 'the provider gave it to you with the client secret'),
    clientSecret: need(env, 'OAUTH_CLIENT_SECRET', 'the provider gave it to you with the client id'),
    issuer: read(env, 'OAUTH_ISSUER'),
    authorizationUrl: read(env, 'OAUTH_AUTH_URL'),
    tokenUrl: read(env, 'OAUTH_TOKEN_URL'),
    userinfoUrl: read(env, 'OAUTH_USERINFO_URL'),
    scopes: list(env, 'OAUTH_SCOPES')
  }
  if (name === 'google') return google(common)
  if (name === 'microsoft') return microsoft({ ...common, tenants: list(env, 'OAUTH_TENANTS') })
  if (name === 'cognito') return cognito({ ...common, issuer: cognitoIssuer(env) })
  if (name === 'oidc') return oidc({ ...common, id: 'oidc', issuer: need(env, 'OAUTH_ISSUER', 'it is the URL of your OpenID provider') })
  throw new InvalidOptionError('OAUTH_PROVIDER', `is ${JSON.stringify(name)}; it must be one of google, microsoft, cognito, oidc`)
}

function firstAdmin (env: Environment): FirstAdmin | undefined {
  const email = read(env, 'DEFAULT_ADMIN_EMAIL')
  return email === undefined ? undefined : { email, name: read(env, 'DEFAULT_ADMIN_NAME') }
}

function rateLimit (env: Environment): RateLimitOptions | undefined {
  const redis = read(env, 'REDIS_URL')
  return redis === undefined ? undefined : { redis }
}

/** What the environment says; `storage` and `protect` are yours to add. */
export type OptionsFromEnv = Omit<McpOAuthOptions, 'storage' | 'protect'>

/**
 * Reads the options from `OAUTH_SERVER_URL`, `JWT_SECRET`, `JWT_SECRET_PREVIOUS`, `ACCESS_TOKEN_LIFETIME`, `REFRESH_TOKEN_LIFETIME`,
 * `OAUTH_PROVIDER`, `OAUTH_CLIENT_ID`, `OAUTH_CLIENT_SECRET`, `OAUTH_ISSUER`, `OAUTH_AUTH_URL`, `OAUTH_TOKEN_URL`, `OAUTH_USERINFO_URL`,
 * `OAUTH_SCOPES`, `OAUTH_TENANTS`, `SIGNING_ALGORITHM`, `DEFAULT_ADMIN_EMAIL`, `DEFAULT_ADMIN_NAME` and `REDIS_URL`.
 *
 * @throws {InvalidOptionError} which names the variable, or the provider's option that it became, and says what to do.
 */
export function optionsFromEnv (env: Environment = process.env): OptionsFromEnv {
  return {
    issuer: need(env, 'OAUTH_SERVER_URL', 'it is the public URL of this server, such as https://api.example.com'),
    ...tokenOptionsFromEnv(env),
    providers: [providerFromEnv(env)],
    ...defined({
      firstAdmin: firstAdmin(env),
      rateLimit: rateLimit(env),
      refreshTokenLifetime: seconds(env, 'REFRESH_TOKEN_LIFETIME')
    })
  }
}

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** What Fastify's `trustProxy` takes. A range of nearly everything would let anyone choose their address. */
function isAddressOrRange (proxy: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(proxy)) return true
  const [, address, bits] = /^([^/]+)(?:\/([1-9]\d{0,2}))?$/.exec(proxy) ?? []
  if (address === undefined || isIP(address) === 0) return false
  if (bits === undefined) return true
  // Narrower than all of IPv4 in IPv6's clothes.
  const [least, most] = isIP(address) === 4 ? [8, 32] : [address.startsWith('::') ? 104 : 16, 128]
  return Number(bits) >= least && Number(bits) <= most
}

/** Fastify's and `listen`'s share of the environment. */
export interface ServerOptionsFromEnv {
  fastify: { logger: { level: string }, trustProxy?: string[] }
  listen: { host: string, port: number }
}

/**
 * Reads `HOST` (default `127.0.0.1`), `PORT` (8080), `LOG_LEVEL` (`info`) and `TRUST_PROXY`: the addresses or CIDR ranges of the proxies in
 * front. `true` and numbers are refused: they let anyone choose the address that limits and logs see.
 *
 * @throws {InvalidOptionError} which names the variable and says what to do.
 */
export function serverOptionsFromEnv (env: Environment = process.env): ServerOptionsFromEnv {
  const level = read(env, 'LOG_LEVEL') ?? 'info'
  if (!logLevels.includes(level)) throw new InvalidOptionError('LOG_LEVEL', `must be one of ${logLevels.join(', ')}`)
  const port = read(env, 'PORT') ?? '8080'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new InvalidOptionError('PORT', 'must be a number from 0 to 65535')
  const trustProxy = list(env, 'TRUST_PROXY')
  if (trustProxy?.every(isAddressOrRange) === false) {
    throw new InvalidOptionError('TRUST_PROXY', 'must hold the addresses or CIDR ranges of your proxies, such as 10.0.0.0/8')
  }
  return {
    fastify: { logger: { level }, ...defined({ trustProxy }) },
    listen: { host: read(env, 'HOST') ?? '127.0.0.1', port: Number(port) }
  }
}
