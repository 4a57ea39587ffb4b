import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { localhostAllowedHostnames } from '@modelcontextprotocol/server'
import { sql, type Kysely } from 'kysely'
import { isDeployed } from './database.ts'
import { startLocalProvider, type LocalProvider } from './local-provider.ts'
import type { Database } from './schema.ts'

/**
 * Whether to sign people in at a local provider: only where nothing at all is said about a real one, so that a typing error never opens
 * the server to everybody, and where the server is for this machine only and not deployed.
 */
export function isLocalMode (env: NodeJS.ProcessEnv): boolean {
  if (isDeployed(env)) return false
  const namesProvider = Object.entries(env).some(([name, value]) => name.startsWith('OAUTH_') && name !== 'OAUTH_SERVER_URL' && value?.trim())
  return !namesProvider && isLoopback(env.OAUTH_SERVER_URL?.trim() || 'http://localhost')
}

function isLoopback (url: string): boolean {
  return URL.canParse(url) && localhostAllowedHostnames().includes(new URL(url).hostname)
}

/** Starts the local provider. @returns the environment that a real one would need, completed for this machine. */
export async function startLocalMode (env: NodeJS.ProcessEnv, { port, directory }: { port: number, directory: string }): Promise<{ env: NodeJS.ProcessEnv, provider: LocalProvider }> {
  const issuer = env.OAUTH_SERVER_URL?.trim() || `http://localhost:${port}`
  const email = env.DEFAULT_ADMIN_EMAIL?.trim() || 'you@example.com'
  const provider = await startLocalProvider({ port: port + 1, redirectUri: `${issuer}/oauth/callback`, email })
  const completed = {
    ...env,
    OAUTH_SERVER_URL: issuer,
    OAUTH_PROVIDER: 'oidc',
    OAUTH_ISSUER: provider.issuer,
    OAUTH_CLIENT_ID: provider.clientId,
    OAUTH_CLIENT_SECRET: provider.clientSecret,
    DEFAULT_ADMIN_EMAIL: email,
    JWT_SECRET: env.JWT_SECRET?.trim() || await keptSecret(directory),
    HOST: 'localhost',
    LOG_LEVEL: env.LOG_LEVEL?.trim() || 'warn'
  }
  return { env: completed, provider }
}

/**
 * Whom a local provider vouched for, it vouched for in vain: with the next one, local or real, the whitelist's e-mails sign in as if for the
 * first time.
 */
export async function forgetLocalSignIns (db: Kysely<Database>): Promise<void> {
  await sql`update user_profiles set provider = null, provider_issuer = null, provider_user_id = null
    where provider_issuer like 'http://127.0.0.1:%'`.execute(db)
}

/** Made at the first start and kept, so that clients stay signed in over a restart. */
async function keptSecret (directory: string): Promise<string> {
  const file = join(directory, 'jwt-secret')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // `wx` leaves a secret that is there alone.
  await writeFile(file, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 }).catch(ignoreExisting)
  return await readFile(file, 'utf8')
}

function ignoreExisting (error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
