import type { FastifyRequest } from 'fastify'
import type { ResolvedAudit } from './audit/check-audit.ts'
import type { ResolvedClientMetadataDocuments } from './clients/check-document-option.ts'
import type { ResolvedRegistration } from './clients/registration-policy.ts'
import type { OAuthError } from './errors.ts'
import type { SigningAlgorithm } from './keys/algorithms.ts'
import type { MetricsOptions } from './metrics/check-option.ts'
import type { OriginPolicy } from './oauth/origin.ts'
import type { FirstAdmin, ProtectRule } from './options.ts'
import type { ResolvedPages } from './pages/options.ts'
import type { IdentityProvider } from './providers/types.ts'
import type { ResolvedRateLimit } from './rate-limit.ts'
import type { UserRole } from './storage/records.ts'
import type { OAuthStorage } from './storage/types.ts'

/** What one has to bring. */
export interface Need {
  /** All of them, each once. */
  readonly scopes: readonly string[]
  /** One out of each list. */
  readonly roles: ReadonlyArray<readonly UserRole[]>
}

/** A rule as the rest of the code reads it: checked, complete, frozen. */
export interface ResolvedAccessRule extends Need {
  /** A Map: names from outside are looked up here. */
  readonly tools: ReadonlyMap<string, Need>
  readonly resource: string | undefined
}

export interface ResolvedProtectRule extends ResolvedAccessRule, Readonly<Required<Pick<ProtectRule, 'url' | 'exact' | 'constraints'>>> {}

/** A resource that tokens are for. */
export interface ProtectedResource {
  /** What can be asked for there. */
  readonly scopes: readonly string[]
}

/** The options as the rest of the code reads them: checked, complete, frozen. */
export interface ResolvedOptions {
  readonly issuer: string
  /** The issuer's path, '' where it has none. */
  readonly issuerPath: string
  /** The path that the endpoints' routes start with. */
  readonly routePath: string
  /** The URL that the endpoints start with. */
  readonly endpoints: string
  readonly secrets: readonly [string, ...string[]]
  readonly providers: ReadonlyMap<string, IdentityProvider>
  readonly storage: OAuthStorage
  readonly protect: readonly ResolvedProtectRule[]
  /** The default one: what a request that names none is for. */
  readonly resource: string
  /** All resources of this server by their URL, the default one first. */
  readonly resources: ReadonlyMap<string, ProtectedResource>
  /** Scope name → the consent page's words, undefined where they are its own. A Map: names from outside are looked up here. */
  readonly scopes: ReadonlyMap<string, string | undefined>
  readonly firstAdmin: Required<FirstAdmin> | undefined
  readonly accessTokenLifetime: number
  readonly refreshTokenLifetime: number
  readonly grantLifetime: number
  readonly authorizationCodeLifetime: number
  readonly signingAlgorithm: SigningAlgorithm
  readonly signingKeyLifetime: number
  readonly clientMetadataDocuments: ResolvedClientMetadataDocuments | undefined
  readonly allowedRedirectUris: readonly string[]
  readonly defaultRedirectUris: readonly string[]
  readonly registration: ResolvedRegistration
  readonly rateLimit: ResolvedRateLimit | undefined
  readonly cors: { readonly origins: OriginPolicy }
  readonly revalidateAfter: number
  readonly pages: ResolvedPages
  readonly audit: ResolvedAudit | undefined
  readonly metrics: MetricsOptions | undefined
  readonly onRefused: ((request: FastifyRequest, error: OAuthError) => void) | undefined
}
