import Fastify from 'fastify'
import { Kysely, MysqlAdapter, DummyDriver, MysqlQueryCompiler, MysqlIntrospector } from 'kysely'
import { Counter, Registry } from 'prom-client'
import t from 'tap'
import mcpOAuth, { MemoryStorage, google, optionsFromEnv, serverOptionsFromEnv, type McpOAuthOptions } from '../../lib/index.ts'
import { KyselyStorage, migrateToLatest, storageFromEnv } from '../../lib/storage/kysely/index.ts'
import { guideTables } from '../../lib/storage/kysely/migrations/initial-tables.ts'
import { document } from '../fixtures/documentation.ts'
import { createDatabase, execute } from '../fixtures/postgres.ts'
import { connect } from '../fixtures/storage.ts'
import { secret } from '../fixtures/world.ts'

t.setTimeout(120_000)

const good: McpOAuthOptions = {
  issuer: 'https://api.example.com',
  secret,
  providers: [google({ clientId: 'id', clientSecret: 'secret' })],
  storage: new MemoryStorage(),
  protect: ['/mcp']
}

/** Starts an app as a user's file does. */
async function start (options: object, { child = false, twice = false, config = {} } = {}): Promise<void> {
  const app = Fastify()
  app.post('/mcp', async () => 'ok')
  const given: McpOAuthOptions = { ...good, ...options }
  try {
    if (child) app.register(async scope => { await scope.register(mcpOAuth, given) })
    else await app.register(mcpOAuth, given)
    if (twice) await app.register(mcpOAuth, given)
    app.get('/reports', { config }, async () => 'ok')
    await app.ready()
  } finally {
    await app.close()
  }
}

const mysql = () => new Kysely<any>({
  dialect: {
    createAdapter: () => new MysqlAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: db => new MysqlIntrospector(db),
    createQueryCompiler: () => new MysqlQueryCompiler()
  }
})

const environment = {
  OAUTH_SERVER_URL: 'https://api.example.com', JWT_SECRET: secret, OAUTH_PROVIDER: 'google', OAUTH_CLIENT_ID: 'id', OAUTH_CLIENT_SECRET: 'secret'
}
const withEnv = (changes: object) => async () => { optionsFromEnv({ ...environment, ...changes }) }
const withServerEnv = (changes: Record<string, string>) => async () => { serverOptionsFromEnv(changes) }
const withOptions = (changes: object) => async () => { await start(changes) }

/** One with a metric of that name in it. */
function takenRegistry (): Registry {
  const registry = new Registry()
  registry.registerMetric(new Counter({ name: 'oauth_requests_total', help: 'The app’s own', registers: [] }))
  return registry
}

type Test = Parameters<typeof connect>[0]

/** Each mistake once, in the order of the page. */
const mistakes: ReadonlyArray<(t: Test) => Promise<unknown>> = [
  withEnv({ OAUTH_SERVER_URL: undefined }),
  withEnv({ JWT_SECRET: ' ' }),
  withEnv({ OAUTH_PROVIDER: undefined }),
  withEnv({ OAUTH_PROVIDER: 'gogle' }),
  withEnv({ OAUTH_CLIENT_ID: undefined }),
  withEnv({ OAUTH_CLIENT_SECRET: undefined }),
  withEnv({ OAUTH_PROVIDER: 'oidc' }),
  withEnv({ ACCESS_TOKEN_LIFETIME: '7d' }),
  withEnv({ SIGNING_ALGORITHM: 'none' }),
  withServerEnv({ LOG_LEVEL: 'loud' }),
  withServerEnv({ PORT: 'http' }),
  withServerEnv({ TRUST_PROXY: 'true' }),
  () => storageFromEnv({}),

  withOptions({ issuer: 'api.example.com' }),
  withOptions({ issuer: 'http://api.example.com' }),
  withOptions({ issuer: 'https://API.example.com' }),
  withOptions({ issuer: 'https://api.example.com/tools/' }),
  withOptions({ secret: 'short' }),
  withOptions({ secret: 'your-secure-jwt-secret-32-chars-minimum' }),
  withOptions({ secret: [secret, secret] }),
  withOptions({ providers: [] }),
  withOptions({ providers: [{}] }),
  withOptions({ providers: [...good.providers, ...good.providers] }),
  withOptions({ storage: undefined }),
  withOptions({ protect: '/mcp' }),
  withOptions({ protect: ['mcp'] }),
  withOptions({ protect: [{ url: '/mcp', scopes: ['notes:reed'] }] }),
  withOptions({ protect: ['/mpc'] }),
  withOptions({ protect: ['/mcp', '/api'] }),
  withOptions({ scopes: 'notes' }),
  withOptions({ scopes: { 'read notes': 'Read your notes' } }),
  withOptions({ firstAdmin: { email: 'ann' } }),
  withOptions({ accessTokenLifetime: '7d' }),
  withOptions({ clientMetadataDocuments: 'claude.ai' }),
  withOptions({ clientMetadataDocuments: { allowedHosts: ['https://claude.ai'] } }),
  withOptions({ allowedRedirectUris: ['javascript:alert(1)'] }),
  withOptions({ registration: 'on' }),
  withOptions({ registration: 'token' }),
  withOptions({ registration: { initialAccessToken: secret } }),
  withOptions({ registration: { allowedRedirectHosts: ['https://claude.ai'] } }),
  withOptions({ rateLimit: true }),
  withOptions({ rateLimit: { max: 0 } }),
  withOptions({ rateLimit: { redis: 'localhost' } }),
  withOptions({ cors: true }),
  withOptions({ cors: { origins: 'https://app.example.com' } }),
  withOptions({ signingAlgorithm: 'none' }),
  withOptions({ basePath: 'oauth/' }),
  withOptions({ pages: false }),
  withOptions({ pages: { logo: 'https://example.com/logo.png' } }),
  withOptions({ pages: { accentColor: 'green' } }),
  withOptions({ pages: { supportUrl: 'help@example.com' } }),
  withOptions({ pages: { css: '</style><script>' } }),
  withOptions({ audit: true }),
  withOptions({ audit: { sink: 'syslog' } }),
  withOptions({ audit: { access: 'async' } }),
  withOptions({ audit: { retention: 60 } }),
  withOptions({ metrics: 'on' }),
  withOptions({ metrics: { registry: {} } }),
  withOptions({ metrics: { registry: takenRegistry() } }),
  withOptions({ onRefused: true }),
  withOptions({ acessTokenLifetime: 60 }),
  withOptions({ prefix: '/auth' }),
  () => start({}, { child: true }),
  () => start({}, { twice: true }),
  () => start({}, { config: JSON.parse('{ "mcpOAuth": false }') }),

  async t => { await new KyselyStorage(connect(t, await createDatabase(t))).prepare() },
  async t => {
    const url = await createDatabase(t)
    await execute(url, ...guideTables, 'ALTER TABLE user_profiles DROP COLUMN role')
    await migrateToLatest(connect(t, url))
  },
  async t => { await migrateToLatest(connect(t, await createDatabase(t)), { schema: 'login' }) },
  async () => new KyselyStorage(mysql())
]

t.test('each mistake stops the start with the sentence that the page lists, and the page lists no other', async t => {
  const sentences: string[] = []
  for (const mistake of mistakes) {
    const error: unknown = await mistake(t).then(() => 'it started', (refusal: unknown) => refusal)
    t.match(error, { name: 'InvalidOptionError' })
    sentences.push(error instanceof Error ? error.message : String(error))
  }
  const listed = document('docs/configuration.md').blocks
    .filter(block => block.language === 'text' && block.headings.includes('When the start stops'))
    .flatMap(block => block.code.trim().split('\n'))
  t.strictSame(listed, sentences)
})
