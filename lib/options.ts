import type { FastifyRequest } from 'fastify'
import type { AuditOptions } from './audit/check-audit.ts'
import type { ClientMetadataDocuments } from './clients/check-document-option.ts'
import type { RegistrationMode, RegistrationOptions } from './clients/registration-policy.ts'
import type { OAuthError } from './errors.ts'
import type { SigningAlgorithm } from './keys/algorithms.ts'
import type { MetricsOptions } from './metrics/check-option.ts'
import type { PageOptions } from './pages/options.ts'
import type { IdentityProvider } from './providers/types.ts'
import type { RateLimitOptions } from './rate-limit.ts'
import type { UserRole } from './storage/records.ts'
import type { OAuthStorage } from './storage/types.ts'

/** What a rule asks of a caller. */
export interface ToolRule {
  /**
   * All of these, or wider ones: `restaurants` covers `restaurants:read`. Each is one of the option `scopes`.
   *
   * @default []
   */
  scopes?: readonly string[]
  /**
   * One of these.
   *
   * @default any
   */
  roles?: readonly UserRole[]
}

/** What a rule asks of the callers of a route. */
export interface AccessRule extends ToolRule {
  /**
   * What it asks besides of whoever calls one of these tools, by the tool's name. Judged before any call runs, by the request's body, which has
   * to be JSON-RPC.
   *
   * @default {}
   */
  tools?: Readonly<Record<string, ToolRule>>
  /**
   * The URL that clients know the route by, where it is another one than the server's `resource`: a resource of its own, with its own
   * metadata, and tokens that count nowhere else. One that is not in `protect` is not known.
   *
   * @default the server's `resource`
   * @see [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707.html#section-2)
   */
  resource?: string
}

/** Which routes are protected. */
export interface ProtectRule extends AccessRule {
  /** A route pattern as it stands in the route's `url`. Covers that route and every route below it: `/mcp` also `/mcp/:id`. */
  url: string
  /**
   * Covers only the route itself, not those below it.
   *
   * @default false
   */
  exact?: boolean
  /** The constraints of a route that is declared before the plugin, so that it is found at start. All variants are covered. */
  constraints?: Record<string, unknown>
}

/** Which pages may call, in browsers. */
export interface CorsOptions {
  /**
   * Origins as browsers write them, such as `https://app.example.com`, or `'*'` for all. The server's own is always among them. A request of a
   * page of any other origin is refused with 403; one without an `Origin` header comes from no page and is not concerned.
   *
   * @default every https origin, this machine's, and those of apps and extensions; on a loopback issuer not the https ones
   * @see [MCP: Streamable HTTP, security](https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning)
   */
  origins?: '*' | readonly string[]
}

/** Who is put on the whitelist first. */
export interface FirstAdmin {
  email: string
  /** @default the e-mail */
  name?: string
}

/** What `app.register(mcpOAuth, options)` takes. Checked at start; a mistake stops it with an `InvalidOptionError`. */
export interface McpOAuthOptions {
  /**
   * The public URL of this server, without a slash at the end: the issuer of every token, the start of every endpoint's URL. https, or
   * http on a loopback name. Never taken from the request.
   *
   * @see [RFC 8414 §2](https://www.rfc-editor.org/rfc/rfc8414.html#section-2)
   */
  issuer: string
  /** At least 32 random characters. Several rotate: the first signs, all verify. */
  secret: string | readonly string[]
  /** Where people sign in; one button each on the consent page. */
  providers: readonly IdentityProvider[]
  storage: OAuthStorage
  /**
   * The routes to protect.
   *
   * @default [] only the routes that say so themselves, by `config.mcpOAuth` or the `protect()` hook
   */
  protect?: ReadonlyArray<string | ProtectRule>
  /**
   * The URL that clients know the protected server by: the audience of every access token, but for routes that have a resource of their own.
   *
   * @default the resource of the only rule, or the issuer's origin and the only pattern if that has no parameter
   * @see [RFC 8707 §2](https://www.rfc-editor.org/rfc/rfc8707.html#section-2)
   */
  resource?: string
  /**
   * Scopes of your own: the name, and the words that the consent page shows for it. `openid`, `email`, `profile` and
   * `offline_access` are always there; name one to change its words.
   */
  scopes?: Readonly<Record<string, string>>
  /**
   * Put on the whitelist as an administrator at start, once per e-mail and database: whoever removes, suspends or demotes them later
   * has the last word.
   */
  firstAdmin?: FirstAdmin
  /**
   * In seconds.
   *
   * @default 604800 seven days
   */
  accessTokenLifetime?: number
  /**
   * How long a refresh token may lie unused, in seconds.
   *
   * @default 2592000 thirty days
   */
  refreshTokenLifetime?: number
  /**
   * When a person has to sign in again however often the client refreshed, in seconds.
   *
   * @default 7776000 ninety days
   */
  grantLifetime?: number
  /**
   * In seconds, ten minutes at most. OAuth 2.1 §4.1.2.
   *
   * @default 60
   */
  authorizationCodeLifetime?: number
  /**
   * What access tokens are signed with: `HS256` with the root secret, the others with key pairs that the plugin makes, keeps in the
   * storage, publishes and rotates. Others can verify only those.
   *
   * @default 'HS256'
   * @see [RFC 7518 §3.1](https://www.rfc-editor.org/rfc/rfc7518.html#section-3.1)
   */
  signingAlgorithm?: SigningAlgorithm
  /**
   * How long a key pair signs before a new one takes its place, in seconds. id_tokens are always signed by one.
   *
   * @default 7776000 ninety days
   */
  signingKeyLifetime?: number
  /**
   * Whether a client may be known by the URL of its metadata document, which is fetched when it asks for access, and from which hosts. In a
   * network that reaches no other servers, say false: clients then register instead.
   *
   * @default true; false where `registration` is not open
   * @see [Client ID Metadata Document](https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/)
   */
  clientMetadataDocuments?: boolean | ClientMetadataDocuments
  /**
   * Redirect URIs with private-use schemes that may be used, each the exact string. RFC 8252 §7.1.
   *
   * @default ['cursor://anysphere.cursor-mcp/oauth/callback']
   */
  allowedRedirectUris?: readonly string[]
  /**
   * What a registration without redirect URIs gets.
   *
   * @default ChatGPT's two and `http://localhost:3000/callback`
   */
  defaultRedirectUris?: readonly string[]
  /**
   * Who may register clients, and for which redirects.
   *
   * @default 'open'
   * @see [RFC 7591 §3](https://www.rfc-editor.org/rfc/rfc7591.html#section-3)
   */
  registration?: RegistrationMode | RegistrationOptions
  /**
   * How often one may ask the endpoints; false counts nothing. Protected routes are not counted: they are yours.
   *
   * @default {}
   */
  rateLimit?: false | RateLimitOptions
  /**
   * Which web pages may call the protected routes and the endpoints.
   *
   * @default {}
   * @see [Fetch §3.3](https://fetch.spec.whatwg.org/#http-cors-protocol)
   */
  cors?: CorsOptions
  /**
   * For how long, in seconds, a token that was found alive is not looked up again: the longest that a removed user, or a grant revoked by
   * another process, keeps access where the storage does not tell of changes. 0 asks the storage at every request.
   *
   * @default 5
   */
  revalidateAfter?: number
  /**
   * Where the endpoints are, below the issuer's path.
   *
   * @default '/oauth'
   */
  basePath?: string
  /**
   * How the pages look that people see, and which there are.
   *
   * @default {}
   */
  pages?: PageOptions
  /**
   * What is written down of what happens; false for nothing.
   *
   * @default {}
   */
  audit?: false | AuditOptions
  /**
   * Counts and measures for Prometheus, by prom-client, which has to be installed: `app.mcpOAuth.metrics` has them.
   *
   * @default false
   */
  metrics?: boolean | MetricsOptions
  /** Told of every request that the guard refuses. `error.cause` has the reason. */
  onRefused?: (request: FastifyRequest, error: OAuthError) => void
}
