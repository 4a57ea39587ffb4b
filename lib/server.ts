import type { ClientDocuments } from './clients/documents.ts'
import type { ServerKeys } from './keys/server-keys.ts'
import type { ResolvedOptions } from './options.ts'
import type { OAuthStorage } from './storage/types.ts'

/** What endpoints, grants and guard share: one for each registration of the plugin. */
export interface AuthorizationServer {
  readonly options: ResolvedOptions
  readonly keys: ServerKeys
  readonly storage: OAuthStorage
  /** What clients say about themselves at the URL that is their id. */
  readonly documents: ClientDocuments
  /**
   * Resolves once the storage has been reached and holds what it needs, and the keys are no older than a minute; tried again at each call
   * until then.
   */
  ready (): Promise<void>
  /** Forgets every verified token, so that a change made by this process counts at its next request. */
  forgetVerified (): void
}

const servers = new WeakMap<object, AuthorizationServer>()

/** Remembers which server is behind a decorator, for `fastify-mcp-oauth/testing`. */
export function rememberServer (decorator: object, server: AuthorizationServer): void {
  servers.set(decorator, server)
}

export function serverBehind (decorator: object): AuthorizationServer | undefined {
  return servers.get(decorator)
}
