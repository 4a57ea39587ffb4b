import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Access } from './guard/access.ts'
import type { AccessRule, McpOAuthOptions } from './options.ts'
import type { McpOAuth } from './plugin.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Administration, and the hook that protects. */
    mcpOAuth: McpOAuth
  }

  interface FastifyRequest {
    /** Who the request comes from. Throws on a route that is not protected, so that no handler runs on by mistake. */
    readonly mcpOAuth: Access
  }

  interface FastifyContextConfig {
    /** `true`, or a rule, protects the route. */
    mcpOAuth?: true | AccessRule
  }
}

/**
 * The plugin: an OAuth 2.1 authorization server, sign-in at OpenID providers, an e-mail whitelist, and a guard on the routes that you
 * choose. Register it on the root instance, once.
 *
 * @throws {InvalidOptionError} at start, where an option is wrong or a `protect` pattern covers no route.
 */
const mcpOAuth = fp(async (app: FastifyInstance, options: McpOAuthOptions) => {
  // Not before it is registered: whoever imports an error or a provider from here needs none of it.
  const { compose } = await import('./plugin.ts')
  await compose(app, options)
}, { name: 'fastify-mcp-oauth', fastify: '5.x' })

export { mcpOAuth as default, mcpOAuth }
export type { McpOAuth } from './plugin.ts'
export type { AuditTrail } from './audit/audit.ts'
export type { AuditOptions } from './audit/check-audit.ts'
export type { AuditActor, AuditActorType, AuditDetail, AuditEvent, AuditEventType, AuditOrigin, AuditOutcome } from './audit/event.ts'
export type { AuditPage, AuditQuery } from './audit/query.ts'
export type { AuditFinding, AuditFindingKind, AuditVerification } from './audit/verify.ts'
export type { AuditCounts } from './audit/writer.ts'
export type { Clients, Grants, Keys, Users } from './administration.ts'
export type { ClientMetadataDocuments } from './clients/check-document-option.ts'
export { optionsFromEnv, serverOptionsFromEnv, type Environment, type OptionsFromEnv, type ServerOptionsFromEnv } from './env.ts'
export type { ClientInformation } from './clients/registration.ts'
export type { RegistrationMode, RegistrationOptions } from './clients/registration-policy.ts'
export { InvalidOptionError, OAuthError, StorageUnavailableError, type OAuthErrorCode } from './errors.ts'
export type { Access, AuthInfo } from './guard/access.ts'
export { refuseTool, type ToolCaller, type ToolRefusal } from './guard/tool-refusal.ts'
export type { SigningAlgorithm } from './keys/algorithms.ts'
export type { SigningKeyDescription } from './keys/server-keys.ts'
export type { MetricsOptions, MetricsRegistry } from './metrics/check-option.ts'
export type { Metrics } from './metrics/index.ts'
export type { ClientMetadata } from './oauth/client-metadata.ts'
export type { AccessRule, CorsOptions, FirstAdmin, McpOAuthOptions, ProtectRule, ToolRule } from './options.ts'
export * from './providers/index.ts'
export type { RateLimitOptions, RedisClient } from './rate-limit.ts'
export { MemoryStorage } from './storage/memory/storage.ts'
export type { ClientDocument } from './oauth/client-document.ts'
export type * from './storage/records.ts'
export type * from './storage/audit.ts'
export type * from './storage/changes.ts'
export type * from './storage/types.ts'
