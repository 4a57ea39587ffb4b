import { checkAudit } from './audit/check-audit.ts'
import { refuseUnknown } from './check-members.ts'
import { checkIssuer, plainPath } from './check-url.ts'
import { checkDocumentOption } from './clients/check-document-option.ts'
import { checkRegistration } from './clients/registration-policy.ts'
import { InvalidOptionError } from './errors.ts'
import { checkCors } from './guard/check-cors.ts'
import { checkProtect } from './guard/check-rules.ts'
import type { FirstAdmin, McpOAuthOptions } from './options.ts'
import type { ResolvedOptions } from './resolved-options.ts'
import { normalizeEmail } from './oauth/email.ts'
import { checkRedirectUri } from './oauth/redirect-uri.ts'
import { isScopeToken } from './oauth/scope.ts'
import { checkPages } from './pages/options.ts'
import { checkRateLimit } from './rate-limit.ts'
import type { IdentityProvider } from './providers/types.ts'
import { checkSigningAlgorithm } from './keys/algorithms.ts'
import { checkSecrets } from './keys/check-secrets.ts'
import { checkMetrics } from './metrics/check-option.ts'
import { resolveResources } from './resolve-resources.ts'

/** Every language has words for these. */
const standardScopes = ['openid', 'email', 'profile', 'offline_access']

const cursorRedirectUri = 'cursor://anysphere.cursor-mcp/oauth/callback'

/** The seed's defaults: ChatGPT's redirects, and one for trying out. */
const seedRedirectUris = [
  'https://chatgpt.com/connector_platform_oauth_redirect',
  'https://chatgpt.com/aip/c/o/redirect',
  'http://localhost:3000/callback'
]

const known = new Set<string>([
  'issuer', 'secret', 'providers', 'storage', 'protect', 'resource', 'scopes', 'firstAdmin', 'accessTokenLifetime',
  'refreshTokenLifetime', 'grantLifetime', 'authorizationCodeLifetime', 'signingAlgorithm', 'signingKeyLifetime',
  'clientMetadataDocuments', 'allowedRedirectUris', 'defaultRedirectUris',
  'registration', 'rateLimit', 'cors', 'revalidateAfter', 'basePath', 'pages', 'audit', 'metrics', 'onRefused'
] satisfies ReadonlyArray<keyof McpOAuthOptions>)

function seconds (option: keyof McpOAuthOptions, value: unknown, range: { least: number, most: number }): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < range.least || value > range.most) {
    throw new InvalidOptionError(option, `must be a whole number of seconds from ${range.least} to ${range.most}`)
  }
  return value
}

function isProvider (value: unknown): value is IdentityProvider {
  const { id, name, authorizationUrl, identify, emailDomains = [] }: Record<string, unknown> = Object(value)
  return typeof id === 'string' && /^[\w-]{1,50}$/.test(id) && typeof name === 'string' &&
    typeof authorizationUrl === 'function' && typeof identify === 'function' && Array.isArray(emailDomains)
}

function checkProviders (providers: unknown): ReadonlyMap<string, IdentityProvider> {
  if (!Array.isArray(providers) || providers.length === 0) {
    throw new InvalidOptionError('providers', 'must hold at least one provider, such as google({ clientId, clientSecret })')
  }
  const byId = new Map<string, IdentityProvider>()
  for (const provider of providers) {
    if (!isProvider(provider)) {
      throw new InvalidOptionError('providers', 'must be made by google(), microsoft(), cognito() or oidc(), or have id, name, authorizationUrl() and identify()')
    }
    if (byId.has(provider.id)) throw new InvalidOptionError('providers', `has two with the id ${provider.id}; give each an id of its own`)
    byId.set(provider.id, provider)
  }
  return byId
}

function checkScopes (scopes: unknown): ReadonlyMap<string, string | undefined> {
  if (typeof scopes !== 'object' || scopes === null || Array.isArray(scopes)) {
    throw new InvalidOptionError('scopes', "must be an object such as { 'notes:read': 'Read your notes' }")
  }
  const words = new Map<string, string | undefined>(standardScopes.map(scope => [scope, undefined]))
  for (const [scope, text] of Object.entries(scopes)) {
    if (!isScopeToken(scope) || typeof text !== 'string' || text === '') {
      throw new InvalidOptionError('scopes', `${JSON.stringify(scope)} needs a name without spaces or quotes, and words for the consent page`)
    }
    words.set(scope, text)
  }
  return words
}

function checkFirstAdmin (admin: FirstAdmin | undefined): Required<FirstAdmin> | undefined {
  if (admin === undefined) return undefined
  const email = typeof admin?.email === 'string' ? normalizeEmail(admin.email) : undefined
  if (email === undefined) throw new InvalidOptionError('firstAdmin (DEFAULT_ADMIN_EMAIL)', 'must be { email } with one plain e-mail address')
  refuseUnknown('firstAdmin.', admin, new Set(['email', 'name']))
  const { name = email } = admin
  if (typeof name !== 'string' || name === '') throw new InvalidOptionError('firstAdmin.name', 'must be a name, or be left out')
  return { email, name }
}

function checkRedirectUris (option: 'allowedRedirectUris' | 'defaultRedirectUris', uris: unknown, allowed: readonly string[]): readonly string[] {
  const acceptable = option === 'allowedRedirectUris' ? ['usable', 'private-use'] : ['usable']
  if (!Array.isArray(uris) || !uris.every(uri => typeof uri === 'string' && acceptable.includes(checkRedirectUri(uri, allowed)))) {
    throw new InvalidOptionError(option, 'must be a list of exact redirect URIs without fragment, user or wildcard')
  }
  return [...uris]
}

function checkBasePath (basePath: unknown): string {
  if (typeof basePath !== 'string' || !plainPath.test(basePath)) {
    throw new InvalidOptionError('basePath', "must be a path of plain segments such as '/oauth', without a slash at the end")
  }
  return basePath
}

/**
 * Checks the options, fills in the defaults and freezes the result.
 *
 * @throws {InvalidOptionError} which says what to do.
 */
export function resolveOptions (options: McpOAuthOptions): ResolvedOptions {
  if ('prefix' in options) throw new InvalidOptionError('prefix', 'has no effect here: register fastify-mcp-oauth on the root; use basePath')
  refuseUnknown('', options, known)
  // Defaults of a pattern, not `??`: null is a mistake, not an absence.
  const {
    basePath = '/oauth', protect: given = [], scopes: givenScopes = {}, accessTokenLifetime = 604_800, refreshTokenLifetime = 2_592_000,
    grantLifetime = 7_776_000, authorizationCodeLifetime = 60, signingAlgorithm = 'HS256', signingKeyLifetime = 7_776_000,
    clientMetadataDocuments,
    allowedRedirectUris: allowed = [cursorRedirectUri],
    defaultRedirectUris = seedRedirectUris, registration = 'open', rateLimit = {}, cors = {}, revalidateAfter = 5, pages = {}, storage, audit = {},
    metrics = false, onRefused
  } = options
  const issuerUrl = checkIssuer(options.issuer)
  const issuerPath = issuerUrl.pathname === '/' ? '' : issuerUrl.pathname
  const routePath = issuerPath + checkBasePath(basePath)
  if (typeof storage?.prepare !== 'function') throw new InvalidOptionError('storage', 'must be a storage, such as new KyselyStorage(db)')
  if (onRefused !== undefined && typeof onRefused !== 'function') throw new InvalidOptionError('onRefused', 'must be a function')
  const secrets = checkSecrets(options.secret)
  const scopes = checkScopes(givenScopes)
  const protect = checkProtect(given, scopes)
  const allowedRedirectUris = checkRedirectUris('allowedRedirectUris', allowed, [])
  const { resource, resources } = resolveResources(options.resource, protect, issuerUrl.origin, [...scopes.keys()])
  const resolvedRegistration = checkRegistration(registration)
  const year = 31_536_000
  return Object.freeze({
    issuer: issuerUrl.origin + issuerPath,
    issuerPath,
    routePath,
    endpoints: issuerUrl.origin + routePath,
    secrets,
    providers: checkProviders(options.providers),
    storage,
    protect,
    resource,
    resources,
    scopes,
    firstAdmin: checkFirstAdmin(options.firstAdmin),
    accessTokenLifetime: seconds('accessTokenLifetime', accessTokenLifetime, { least: 1, most: year }),
    refreshTokenLifetime: seconds('refreshTokenLifetime', refreshTokenLifetime, { least: 1, most: 10 * year }),
    grantLifetime: seconds('grantLifetime', grantLifetime, { least: 60, most: 10 * year }),
    authorizationCodeLifetime: seconds('authorizationCodeLifetime', authorizationCodeLifetime, { least: 1, most: 600 }),
    signingAlgorithm: checkSigningAlgorithm('signingAlgorithm', signingAlgorithm),
    signingKeyLifetime: seconds('signingKeyLifetime', signingKeyLifetime, { least: 86_400, most: 10 * year }),
    clientMetadataDocuments: checkDocumentOption(clientMetadataDocuments, resolvedRegistration.mode === 'open'),
    allowedRedirectUris,
    defaultRedirectUris: checkRedirectUris('defaultRedirectUris', defaultRedirectUris, allowedRedirectUris),
    registration: resolvedRegistration,
    rateLimit: checkRateLimit(rateLimit),
    cors: checkCors(cors, [options.issuer, ...resources.keys()]),
    revalidateAfter: seconds('revalidateAfter', revalidateAfter, { least: 0, most: 3600 }),
    pages: checkPages(pages, issuerUrl.host),
    audit: checkAudit(audit),
    metrics: checkMetrics(metrics),
    onRefused
  })
}
