import { checkIssuer } from '../../check-url.ts'
import { serverOptionsFromEnv } from '../../env.ts'
import { read, tokenOptionsFromEnv, type Environment } from '../../env-values.ts'
import { checkSecrets } from '../../keys/check-secrets.ts'
import { NotCheckedError, ok, warning, type Check, type Verdict } from './finding.ts'

/** What is not in the environment, the server may have from its own code. */
export function requireVariable (env: Environment, name: string, otherwise = 'where the server gets it from its own code, it can not be seen from here'): string {
  const value = read(env, name)
  if (value === undefined) throw new NotCheckedError(`${name} is not set; ${otherwise}`)
  return value
}

/** The root secrets. */
export function secretsOf (env: Environment): readonly [string, ...string[]] {
  requireVariable(env, 'JWT_SECRET')
  return checkSecrets(tokenOptionsFromEnv(env).secret)
}

function issuer (env: Environment): Verdict {
  const { href, protocol } = checkIssuer(requireVariable(env, 'OAUTH_SERVER_URL', 'what --server names is taken for it'))
  const issuer = href.replace(/\/$/, '')
  return ok(protocol === 'https:' ? `${issuer}, by https` : `${issuer}, for this machine only`)
}

function secret (env: Environment): Verdict {
  const [, ...previous] = secretsOf(env)
  return ok(previous.length === 0 ? 'JWT_SECRET is long and varied' : `JWT_SECRET is long and varied; ${previous.length} of JWT_SECRET_PREVIOUS still verify what they signed`)
}

/** By https there is a proxy, unless the server has the certificate itself. */
function proxies (env: Environment): Verdict {
  const { trustProxy } = serverOptionsFromEnv(env).fastify
  if (trustProxy !== undefined) return ok(`the addresses that ${trustProxy.join(', ')} hand on are believed`)
  if (read(env, 'OAUTH_SERVER_URL')?.startsWith('https:') !== true) return ok('there is no proxy to trust')
  return warning('TRUST_PROXY is not set: behind a proxy, all people are one address to limits and logs',
    'Set TRUST_PROXY to the addresses or CIDR ranges of the proxies in front, such as 10.0.0.0/8. Without a proxy, leave it.')
}

/** What the environment says, before anybody is asked. */
export function configurationChecks (env: Environment): Check[] {
  return [
    { name: 'issuer', look: async () => issuer(env) },
    { name: 'secret', look: async () => secret(env) },
    { name: 'proxies', look: async () => proxies(env) }
  ]
}
