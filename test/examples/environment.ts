import { MemoryStorage, optionsFromEnv, serverOptionsFromEnv, type Environment } from '../../lib/index.ts'
import { resolveOptions } from '../../lib/resolve-options.ts'
import { secret } from '../fixtures/world.ts'

/** What the example reads, and nothing else does. */
const own = ['DATABASE_URL', 'SHUTDOWN_DELAY', 'NODE_ENV']

/** Every variable that means something to the example. */
export function variables (): Set<string> {
  const read = new Set(own)
  const watched = (env: Environment): Environment => new Proxy({ ...env }, {
    get (target, name) {
      read.add(String(name))
      return Reflect.get(target, name)
    }
  })
  const base = { OAUTH_SERVER_URL: 'https://api.example.com', JWT_SECRET: secret, OAUTH_CLIENT_ID: 'id', OAUTH_CLIENT_SECRET: 'secret', DEFAULT_ADMIN_EMAIL: 'you@example.com' }
  optionsFromEnv(watched({ ...base, OAUTH_PROVIDER: 'microsoft' }))
  serverOptionsFromEnv(watched({}))
  return read
}

/** Goes as far as a start goes without a database. @returns the issuer */
export function start (env: Environment): string {
  serverOptionsFromEnv(env)
  return resolveOptions({ ...optionsFromEnv(env), storage: new MemoryStorage(), protect: ['/mcp'] }).issuer
}
