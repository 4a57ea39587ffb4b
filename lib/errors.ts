/**
 * The wire values of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8707 §2 and OpenID Connect Core §3.1.2.6 that this
 * server answers.
 */
export type OAuthErrorCode =
  | 'access_denied'
  | 'insufficient_scope'
  | 'interaction_required'
  | 'invalid_client'
  | 'invalid_client_metadata'
  | 'invalid_grant'
  | 'invalid_redirect_uri'
  | 'invalid_request'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_token'
  | 'login_required'
  | 'registration_not_supported'
  | 'request_not_supported'
  | 'request_uri_not_supported'
  | 'server_error'
  | 'temporarily_unavailable'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'

const statusCodes: Partial<Record<OAuthErrorCode, number>> = {
  access_denied: 403,
  insufficient_scope: 403,
  invalid_client: 401,
  invalid_token: 401,
  server_error: 500,
  temporarily_unavailable: 503
}

/**
 * A refusal that the protocol has a name for. `message` holds fixed words that the client may read; the reason that only the
 * operator may know goes to `cause` and with it to the log.
 *
 * @see [RFC 6749 §5.2](https://www.rfc-editor.org/rfc/rfc6749.html#section-5.2)
 */
export class OAuthError extends Error {
  /** The `error` member on the wire. */
  readonly code: OAuthErrorCode
  /** The HTTP status of the answer. */
  readonly statusCode: number

  constructor (code: OAuthErrorCode, description: string, options: { cause?: unknown, statusCode?: number } = {}) {
    super(description)
    // Enumerable, unlike what Error makes of it: only so does pino write down a reason that is no Error itself.
    if (options.cause !== undefined) this.cause = options.cause
    this.name = 'OAuthError'
    this.code = code
    this.statusCode = options.statusCode ?? statusCodes[code] ?? 400
  }
}

/**
 * Too many requests, or too many wrong secrets. OAuth has no name of its own for it: `temporarily_unavailable` is its word for overload.
 *
 * @see [RFC 6585 §4](https://www.rfc-editor.org/rfc/rfc6585.html#section-4)
 * @see [RFC 6749 §4.1.2.1](https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.2.1)
 */
export class TooManyRequestsError extends OAuthError {
  /** When to ask again, in seconds. */
  readonly retryAfter: number

  constructor (retryAfter: number) {
    super('temporarily_unavailable', 'Too many requests came from this address', { statusCode: 429 })
    this.retryAfter = retryAfter
  }
}

/** What the deployer got wrong: it stops the start, and its message says in one sentence what to do. */
export class InvalidOptionError extends Error {
  /** The option, environment variable or route that is wrong. */
  readonly option: string

  constructor (option: string, message: string, options?: ErrorOptions) {
    super(`${option}: ${message}`, options)
    this.name = 'InvalidOptionError'
    this.option = option
  }
}

/** The storage can't be reached for now. Answered as 503 with `Retry-After`, never as a verdict about a token. */
export class StorageUnavailableError extends Error {
  /** @param options `reason`: a few words for the operator, such as `ECONNREFUSED` */
  constructor ({ reason, ...options }: ErrorOptions & { reason?: string } = {}) {
    super(reason === undefined ? 'The storage is unavailable' : `The storage is unavailable: ${reason}`, options)
    this.name = 'StorageUnavailableError'
  }
}
