import { InvalidOptionError } from '../errors.ts'
import { isWebUri } from '../oauth/redirect-uri.ts'
import type { ProviderDefinition } from './definition.ts'

/** What every provider takes. */
export interface ProviderOptions {
  /**
   * Unique among your providers; stands in `user_profiles.provider`. Letters, digits, `-` and `_`, 50 at most.
   *
   * @default the preset's name: `google`, `microsoft`, `cognito`
   */
  id?: string
  /**
   * What people read on the button.
   *
   * @default `Google`, `Microsoft`, `Cognito`, or the issuer's host name
   */
  name?: string
  /** The client id that the provider gave you. */
  clientId: string
  /** The client secret that the provider gave you. Left out for a public client; PKCE is used in any case. */
  clientSecret?: string
  /**
   * What is asked of the provider. Without `openid` no id_token comes, and the userinfo endpoint alone says who signed in.
   *
   * @default ['openid', 'email', 'profile']
   * @see [OpenID Connect Core §5.4](https://openid.net/specs/openid-connect-core-1_0.html#ScopeClaims)
   */
  scopes?: readonly string[]
  /**
   * Where the discovery document lies (at `/.well-known/openid-configuration` below it), and who signs the id_tokens: https, or http on
   * loopback.
   *
   * @default the preset's own
   * @see [OpenID Connect Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)
   */
  issuer?: string
  /**
   * The authorization endpoint: https, or http on loopback.
   *
   * @default what the discovery document says
   */
  authorizationUrl?: string
  /**
   * The token endpoint: https, or http on loopback.
   *
   * @default what the discovery document says
   */
  tokenUrl?: string
  /**
   * The userinfo endpoint: https, or http on loopback. Asked only where the id_token names no e-mail, or none comes.
   *
   * @default what the discovery document says
   */
  userinfoUrl?: string
  /**
   * Only e-mails at these domains may come from this provider, such as `['example.com']`. Subdomains are domains of their own.
   *
   * @default any
   */
  emailDomains?: readonly string[]
  /**
   * The `prompt` parameter of the authorization request; false sends none.
   *
   * @default 'select_account'; with `oidc()` only where the discovery document lists it
   * @see [OpenID Connect Core §3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)
   */
  prompt?: string | false
}

/** What the options of all providers come to. */
export type CommonDefinition = Omit<ProviderDefinition, 'issuers' | 'subjectClaim' | 'vouches'> & { issuer: string | undefined }

const commonKeys = [
  'id', 'name', 'clientId', 'clientSecret', 'scopes', 'issuer', 'authorizationUrl', 'tokenUrl', 'userinfoUrl', 'emailDomains', 'prompt'
]

/** RFC 6749 appendix A: VSCHAR and scope-token. */
const credential = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/
const promptValues = /^[a-z_]+(?: [a-z_]+)*$/
const domainName = /^(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z\d-]{2,}$/

/** Folds what is compared without regard to case. */
export function lowerCase (value: string): string {
  return value.toLowerCase()
}

/** Reads the options of one provider, and says which is wrong and what to do. */
export class OptionReader {
  readonly #provider: string
  readonly #options: Readonly<Record<string, unknown>>

  constructor (provider: string, options: unknown, ownKeys: readonly string[] = []) {
    if (!(options instanceof Object)) throw new InvalidOptionError(provider, 'needs an object with clientId and clientSecret')
    this.#provider = provider
    this.#options = { ...options }
    const known = [...commonKeys, ...ownKeys]
    const unknown = Object.keys(options).find((key) => !known.includes(key))
    if (unknown !== undefined) this.fail(unknown, `is not an option; use one of ${known.join(', ')}`)
  }

  fail (key: string, message: string): never {
    throw new InvalidOptionError(`${this.#provider}.${key}`, message)
  }

  /** @returns undefined where the option is not set. */
  text (key: string, pattern: RegExp, message: string): string | undefined {
    const value = this.#options[key]
    if (value === undefined) return undefined
    return typeof value === 'string' && pattern.test(value) ? value : this.fail(key, message)
  }

  /** At least one item, each folded before it is matched. @returns undefined where the option is not set. */
  list (key: string, pattern: RegExp, message: string, fold = (item: string) => item): string[] | undefined {
    const value = this.#options[key]
    if (value === undefined) return undefined
    if (!Array.isArray(value) || value.length === 0) return this.fail(key, message)
    return value.map((item: unknown) => {
      const folded = typeof item === 'string' ? fold(item) : ''
      return pattern.test(folded) ? folded : this.fail(key, message)
    })
  }

  url (key: string): string | undefined {
    const message = 'must be an absolute https URL without a fragment (http only on localhost, 127.0.0.1 or [::1])'
    const value = this.text(key, /^/, message)
    return value === undefined || isWebUri(value) ? value : this.fail(key, message)
  }

  issuer (): string | undefined {
    const issuer = this.url('issuer')
    return issuer?.includes('?') === true ? this.fail('issuer', 'must not have a query') : issuer
  }

  #prompt (fallback: string | undefined): string | false | undefined {
    if (this.#options['prompt'] === false) return false
    return this.text('prompt', promptValues, 'must be a value of the prompt parameter such as login, or false to send none') ?? fallback
  }

  /** All that is alike for every provider. */
  common (defaults: { id: string | undefined, name: string, prompt: string | undefined }): CommonDefinition {
    return {
      id: this.text('id', /^[\w-]{1,50}$/, 'must be 1 to 50 letters, digits, - or _') ??
        defaults.id ?? this.fail('id', 'is missing; name the provider, such as okta'),
      name: this.text('name', /^\P{C}{1,100}$/u, 'must be 1 to 100 characters that people can read') ?? defaults.name,
      clientId: this.text('clientId', credential, 'must be the client id that the provider gave you') ??
        this.fail('clientId', 'is missing; the provider gave it to you'),
      clientSecret: this.text('clientSecret', credential, 'must be the secret that the provider gave you; a public client leaves it out'),
      scopes: this.list('scopes', scopeToken, 'must hold scopes such as openid, email and profile') ?? ['openid', 'email', 'profile'],
      prompt: this.#prompt(defaults.prompt),
      issuer: this.issuer(),
      authorizationUrl: this.url('authorizationUrl'),
      tokenUrl: this.url('tokenUrl'),
      userinfoUrl: this.url('userinfoUrl'),
      emailDomains: this.list('emailDomains', domainName, 'must hold domain names such as example.com', lowerCase)
    }
  }
}
