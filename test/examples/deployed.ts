import { startOidcProvider } from '../fixtures/oidc-provider.ts'
import { freePort } from '../fixtures/free-port.js'
import { createDatabase } from '../fixtures/postgres.ts'

type Scope = Parameters<typeof startOidcProvider>[0]

/** What the example needs where it is deployed: a database that is not migrated yet, a provider, and the environment that names both. */
export async function deployment (t: Scope) {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const databaseUrl = await createDatabase(t)
  const provider = await startOidcProvider(t, { redirectUris: [`${origin}/oauth/callback`] })
  provider.signInAs('boss@example.com')
  const env: NodeJS.ProcessEnv = {
    OAUTH_SERVER_URL: origin,
    JWT_SECRET: 'q8Zr2LxV7nWcT4yKs9BdG1mHf6JpE3uA',
    DATABASE_URL: databaseUrl,
    OAUTH_PROVIDER: 'oidc',
    OAUTH_ISSUER: provider.issuer,
    OAUTH_CLIENT_ID: provider.clientId,
    OAUTH_CLIENT_SECRET: provider.clientSecret,
    DEFAULT_ADMIN_EMAIL: 'boss@example.com',
    LOG_LEVEL: 'info'
  }
  return { port, origin, databaseUrl, provider, env }
}
