import type { Audit } from './audit/audit.ts'
import type { ClientDocuments } from './clients/documents.ts'
import type { ClientLogos } from './clients/logos.ts'
import type { ServerKeys } from './keys/server-keys.ts'
import type { Meter } from './meter.ts'
import type { ResolvedOptions } from './resolved-options.ts'
import type { Pages } from './pages/layout.ts'
import type { Changes } from './storage/changes.ts'
import type { OAuthStorage } from './storage/types.ts'

/** What has to be known to administer. */
export type CoreOptions = Pick<ResolvedOptions,
  | 'storage' | 'secrets' | 'signingAlgorithm' | 'signingKeyLifetime' | 'accessTokenLifetime' | 'audit' | 'firstAdmin'
  | 'allowedRedirectUris' | 'defaultRedirectUris' | 'registration' | 'scopes'>

/** What administers, with or without an app: the command line has nothing else. */
export interface ServerCore {
  readonly options: CoreOptions
  readonly keys: ServerKeys
  readonly storage: OAuthStorage
  /** What happens is told here. */
  readonly audit: Audit
  /**
   * Resolves once the storage has been reached and holds what it needs, and the keys are no older than a minute; tried again at each call
   * until then.
   */
  ready (): Promise<void>
  /** Lets go of what is known of those whom a change concerns, so that it counts at this process's next request. */
  forget (changes: Changes): void
}

/** What endpoints, grants and guard share: one for each registration of the plugin. */
export interface AuthorizationServer extends ServerCore {
  readonly options: ResolvedOptions
  /** What clients say about themselves at the URL that is their id. */
  readonly documents: ClientDocuments
  /** What people see. */
  readonly pages: Pages
  /** What such clients look like. */
  readonly logos: ClientLogos
  /** Is told what happens, to count and measure it. */
  readonly meter: Meter
}

const servers = new WeakMap<object, AuthorizationServer>()

/** Remembers which server is behind a decorator, for `fastify-mcp-oauth/testing`. */
export function rememberServer (decorator: object, server: AuthorizationServer): void {
  servers.set(decorator, server)
}

export function serverBehind (decorator: object): AuthorizationServer | undefined {
  return servers.get(decorator)
}
