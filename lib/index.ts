import type { Access } from './guard/access.ts'
import type { AccessRule } from './options.ts'
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

export { default, default as mcpOAuth, type McpOAuth } from './plugin.ts'
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
export type { ClientMetadata } from './oauth/client-metadata.ts'
export type { AccessRule, CorsOptions, FirstAdmin, McpOAuthOptions, ProtectRule, ToolRule } from './options.ts'
export * from './providers/index.ts'
export type { RateLimitOptions, RedisClient } from './rate-limit.ts'
export { MemoryStorage } from './storage/memory.ts'
export type { ClientDocument } from './oauth/client-document.ts'
export type * from './storage/records.ts'
export type * from './storage/types.ts'
