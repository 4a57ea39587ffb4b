import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import { administration, type Clients, type Grants, type Keys, type Users } from './administration.ts'
import { ClientDocuments } from './clients/documents.ts'
import { InvalidOptionError, StorageUnavailableError } from './errors.ts'
import { accessKey, type Access } from './guard/access.ts'
import { RouteCoverage, type ProtectedRoutes } from './guard/coverage.ts'
import { RouterFolding } from './guard/folding.ts'
import { createGuard } from './guard/guard.ts'
import { OpenAnswers } from './guard/open-answers.ts'
import { RouteRules } from './guard/rules.ts'
import { VerifiedTokens } from './guard/verified-tokens.ts'
import { stillHolds } from './guard/verify.ts'
import { randomId } from './keys/secrets.ts'
import { ServerKeys } from './keys/server-keys.ts'
import type { AccessRule, McpOAuthOptions, ResolvedOptions } from './options.ts'
import { resolveOptions } from './resolve-options.ts'
import { routes } from './routes/index.ts'
import { rememberServer, type AuthorizationServer } from './server.ts'
import { MemoryStorage } from './storage/memory.ts'

/** What the plugin puts on the app. */
export interface McpOAuth {
  readonly users: Users
  readonly clients: Clients
  readonly grants: Grants
  readonly keys: Keys
  /**
   * An `onRequest` hook that protects the route or the scope it is put on.
   *
   * @throws {InvalidOptionError} where the rule is wrong.
   */
  protect (rule?: AccessRule): onRequestHookHandler
  /** Who a request comes from; null where no guard let it pass. Unlike `request.mcpOAuth` it never throws. */
  authOf (request: FastifyRequest): Access | null
}

function refuseMisplaced (app: FastifyInstance): void {
  if (app.hasDecorator('mcpOAuth')) throw new InvalidOptionError('register', 'fastify-mcp-oauth is registered already; register it once, on the root')
  // Own on the root, inherited by every child.
  if (!Object.hasOwn(app, 'initialConfig')) {
    throw new InvalidOptionError('register', 'fastify-mcp-oauth must be registered on the root instance, where its guard reaches every route; use basePath to move its endpoints')
  }
}

async function prepare ({ storage, firstAdmin }: ResolvedOptions, keys: ServerKeys): Promise<void> {
  await storage.prepare()
  await keys.prepare(new Date())
  if (firstAdmin !== undefined) await storage.addFirstAdmin({ id: randomId(), ...firstAdmin, role: 'admin' }, new Date())
}

function createServer (options: ResolvedOptions, verified: VerifiedTokens, log: FastifyBaseLogger): AuthorizationServer {
  const keys = new ServerKeys({
    ...options,
    onFailure: error => { log.error({ err: error }, 'the signing keys could not be refreshed; those that are known stay') }
  })
  let preparation: Promise<void> | undefined
  return {
    options,
    keys,
    storage: options.storage,
    documents: new ClientDocuments({
      allowedRedirectUris: options.allowedRedirectUris, allowedRedirectHosts: options.registration.allowedRedirectHosts
    }),
    ready: async () => {
      preparation ??= prepare(options, keys).catch((error: unknown) => {
        preparation = undefined
        throw error
      })
      await preparation
      await keys.refresh(new Date())
    },
    forgetVerified: () => { verified.clear() }
  }
}

async function mcpOAuth (app: FastifyInstance, given: McpOAuthOptions): Promise<void> {
  refuseMisplaced(app)
  const options = resolveOptions(given)
  const verified = new VerifiedTokens(options.revalidateAfter)
  const server = createServer(options, verified, app.log)
  const folding = new RouterFolding(app.initialConfig)
  const rules = new RouteRules(options, folding)
  const protectedRoutes: ProtectedRoutes = new Map()
  const openAnswers = new OpenAnswers(options.revalidateAfter, async (found, now) => await stillHolds(server, found, now), app.log)
  const guard = createGuard(server, folding, rules, protectedRoutes, verified, openAnswers)
  const coverage = new RouteCoverage(folding, rules)

  app.decorateRequest('mcpOAuth', {
    getter (this: FastifyRequest) {
      const access = this[accessKey]
      if (access === undefined) throw new Error(`${this.routeOptions.url ?? this.url} is not protected by fastify-mcp-oauth: request.mcpOAuth has nothing to tell`)
      return access
    }
  })
  let isHookUsed = false
  const decorator = Object.freeze({
    ...administration(server),
    protect: (rule: AccessRule = {}) => {
      isHookUsed = true
      return guard.protect(rule)
    },
    authOf: (request: FastifyRequest) => request[accessKey] ?? null
  })
  rememberServer(decorator, server)
  app.decorate('mcpOAuth', decorator)
  app.addHook('onRoute', route => { coverage.see(route) })
  app.addHook('onRequest', guard.hook)
  app.addHook('preHandler', guard.calls)
  app.addHook('preClose', async () => { openAnswers.close() })
  app.register(routes(server))
  app.addHook('onReady', async () => {
    const urls = coverage.check(app, protectedRoutes)
    app.log.info({ routes: [...urls], resources: [...options.resources.keys()] }, 'fastify-mcp-oauth protects')
    if (urls.size === 0 && !isHookUsed) app.log.warn('fastify-mcp-oauth protects no route: name one in protect')
    if (options.storage instanceof MemoryStorage) app.log.warn('MemoryStorage forgets everything at a restart, and no other process sees it: for tests and trials only')
    try {
      await server.ready()
    } catch (error) {
      if (!(error instanceof StorageUnavailableError)) throw error
      app.log.error({ err: error }, 'the storage is unavailable; until it is back, requests are answered with 503')
    }
  })
}

/**
 * The plugin: an OAuth 2.1 authorization server, sign-in at OpenID providers, an e-mail whitelist, and a guard on the routes that you
 * choose. Register it on the root instance, once.
 *
 * @throws {InvalidOptionError} at start, where an option is wrong or a `protect` pattern covers no route.
 */
export default fp(mcpOAuth, { name: 'fastify-mcp-oauth', fastify: '5.x' })
