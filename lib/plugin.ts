import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import { administration, type Administration } from './administration.ts'
import type { AuditTrail } from './audit/audit.ts'
import type { AuditQuery } from './audit/query.ts'
import { ClientDocuments } from './clients/documents.ts'
import { ClientLogos } from './clients/logos.ts'
import { createCore } from './create-core.ts'
import { InvalidOptionError, StorageUnavailableError } from './errors.ts'
import { accessKey, type Access } from './guard/access.ts'
import { RouteCoverage, type ProtectedRoutes } from './guard/coverage.ts'
import { RouterFolding } from './guard/folding.ts'
import { isDebugging } from './guard/flow-log.ts'
import { createGuard } from './guard/guard.ts'
import { OpenAnswers } from './guard/open-answers.ts'
import { RouteRules } from './guard/rules.ts'
import { VerifiedTokens } from './guard/verified-tokens.ts'
import { findAccess, stillHolds } from './guard/verify.ts'
import { startHousekeeping, type Housekeeping } from './housekeeping.ts'
import { measure, type Measurement, type Metrics } from './metrics/index.ts'
import type { AccessRule, McpOAuthOptions } from './options.ts'
import { Pages } from './pages/layout.ts'
import { Readiness } from './readiness.ts'
import { resolveOptions } from './resolve-options.ts'
import { routes } from './routes/index.ts'
import { rememberServer, type AuthorizationServer } from './server.ts'
import type { Changes } from './storage/changes.ts'
import { MemoryStorage } from './storage/memory/storage.ts'

/** What the plugin puts on the app. */
export interface McpOAuth extends Administration {
  /** What the option `metrics` has measured. Throws where it is off. */
  readonly metrics: Metrics
  readonly audit: AuditTrail
  /**
   * An `onRequest` hook that protects the route or the scope it is put on.
   *
   * @throws {InvalidOptionError} where the rule is wrong.
   */
  protect (rule?: AccessRule): onRequestHookHandler
  /** Who a request comes from; null where no guard let it pass. Unlike `request.mcpOAuth` it never throws. */
  authOf (request: FastifyRequest): Access | null
  /**
   * Whether requests can be served: the storage answers within two seconds and is migrated, there are keys to sign with, and the app is not
   * closing. For a readiness probe; never for a liveness probe, as no restart brings a database back. Never rejects. An answer is a
   * second old at most, and the storage is asked no more often.
   */
  isReady (): Promise<boolean>
}

function refuseMisplaced (app: FastifyInstance): void {
  if (app.hasDecorator('mcpOAuth')) throw new InvalidOptionError('register', 'fastify-mcp-oauth is registered already; register it once, on the root')
  // Own on the root, inherited by every child.
  if (!Object.hasOwn(app, 'initialConfig')) {
    throw new InvalidOptionError('register', 'fastify-mcp-oauth must be registered on the root instance, where its guard reaches every route; use basePath to move its endpoints')
  }
}

/** What an operator may ask of it. */
function auditTrailOf ({ audit }: AuthorizationServer): AuditTrail {
  return Object.freeze({
    query: async (query?: AuditQuery) => await audit.query(query),
    verify: async (seen?: readonly string[]) => await audit.verify(seen),
    get counts () { return audit.counts }
  })
}

function createServer ({ options, meter }: Measurement, forget: (changes: Changes) => void, log: FastifyBaseLogger): AuthorizationServer {
  return {
    ...createCore(options, forget, log),
    pages: new Pages(options.pages),
    meter,
    documents: new ClientDocuments({
      allowedRedirectUris: options.allowedRedirectUris, allowedRedirectHosts: options.registration.allowedRedirectHosts
    }),
    logos: new ClientLogos(error => { log.info({ err: error }, 'the logo of a client can not be shown') })
  }
}

/** Puts everything together on the root instance of an app. */
export async function compose (app: FastifyInstance, given: McpOAuthOptions): Promise<void> {
  refuseMisplaced(app)
  if (isDebugging(app.log)) given.storage.logStatements?.(app.log)
  const measurement = await measure(resolveOptions(given), app.log)
  const { options } = measurement
  const forget = (changes: Changes) => {
    verified.forget(changes)
    openAnswers.recheck(changes)
  }
  const server = createServer(measurement, forget, app.log)
  const verified = new VerifiedTokens(options.revalidateAfter, async (authorization, now, known) => await findAccess(server, authorization, now, known, app.log))
  measurement.watchAudit(() => server.audit.counts)
  const folding = new RouterFolding(app.initialConfig)
  const rules = new RouteRules(options, folding)
  const protectedRoutes: ProtectedRoutes = new Map()
  const openAnswers = new OpenAnswers(options.revalidateAfter, async (found, now) => await stillHolds(server, found, now), app.log)
  const guard = createGuard(server, folding, rules, protectedRoutes, verified, openAnswers)
  const coverage = new RouteCoverage(folding, rules)
  const readiness = new Readiness(server, app.log)

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
    get metrics () {
      if (measurement.metrics === undefined) throw new Error('app.mcpOAuth.metrics has nothing to tell: the option metrics is off')
      return measurement.metrics
    },
    audit: auditTrailOf(server),
    protect: (rule: AccessRule = {}) => {
      isHookUsed = true
      return guard.protect(rule)
    },
    authOf: (request: FastifyRequest) => request[accessKey] ?? null,
    isReady: async () => await readiness.isReady()
  })
  rememberServer(decorator, server)
  app.decorate('mcpOAuth', decorator)
  app.addHook('onRoute', route => { coverage.see(route) })
  app.addHook('onRequest', guard.hook)
  app.addHook('preHandler', guard.calls)
  let housekeeping: Housekeeping | undefined
  let endWatch: (() => Promise<void>) | undefined
  app.addHook('preClose', async () => {
    readiness.close()
    // While the application's database is still open.
    await housekeeping?.stop()
    await endWatch?.()
    // At the very last: clients whose stream has ended connect anew, as long as somebody listens.
    openAnswers.close()
  })
  app.addHook('onClose', async () => { measurement.close() })
  app.register(routes(server))
  app.addHook('onReady', async () => {
    // The last one that is added is the first one that is called: before the app's own closes the database.
    app.addHook('onClose', async () => { await server.audit.close() })
    server.audit.start()
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
    housekeeping = startHousekeeping(server, app.log)
    endWatch = await options.storage.watchChanges?.({
      changed: forget,
      failed: error => { app.log.warn({ err: error }, `changes made elsewhere go unheard; until that is mended, they count within revalidateAfter (${options.revalidateAfter} s)`) }
    })
  })
}
