import { InvalidOptionError } from './errors.ts'
import { checkSigningAlgorithm } from './keys/algorithms.ts'
import type { McpOAuthOptions } from './options.ts'

/** Environment variables, such as `process.env`. An empty one counts as absent. */
export type Environment = Readonly<Record<string, string | undefined>>

export function read (env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

export function need (env: Environment, name: string, hint: string): string {
  const value = read(env, name)
  if (value === undefined) throw new InvalidOptionError(name, `is not set; ${hint}`)
  return value
}

export function list (env: Environment, name: string): string[] | undefined {
  return read(env, name)?.split(/[\s,]+/)
}

export function seconds (env: Environment, name: string): number | undefined {
  const value = read(env, name)
  if (value === undefined) return undefined
  if (!/^\d{1,10}$/.test(value)) throw new InvalidOptionError(name, 'must be a whole number of seconds')
  return Number(value)
}

/** Leaves out what is not set, so that defaults apply. */
export function defined<T extends object> (values: T): Partial<T> {
  const present: Partial<T> = {}
  for (const name in values) {
    if (values[name] !== undefined) present[name] = values[name]
  }
  return present
}

/** What tokens are signed with, and how long they live: all that whoever administers has to know besides the database. */
export type TokenOptionsFromEnv = Pick<McpOAuthOptions, 'secret' | 'accessTokenLifetime' | 'signingAlgorithm'>

/** Reads `JWT_SECRET`, `JWT_SECRET_PREVIOUS`, `ACCESS_TOKEN_LIFETIME` and `SIGNING_ALGORITHM`. */
export function tokenOptionsFromEnv (env: Environment): TokenOptionsFromEnv {
  const algorithm = read(env, 'SIGNING_ALGORITHM')
  return {
    secret: [need(env, 'JWT_SECRET', 'make one with: openssl rand -base64 32'), ...list(env, 'JWT_SECRET_PREVIOUS') ?? []],
    ...defined({
      accessTokenLifetime: seconds(env, 'ACCESS_TOKEN_LIFETIME'),
      signingAlgorithm: algorithm === undefined ? undefined : checkSigningAlgorithm('SIGNING_ALGORITHM', algorithm)
    })
  }
}
