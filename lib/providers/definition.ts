import type { Prompt } from '../oauth/authentication-request.ts'
import type { EntraTenancy, ProviderMark } from './types.ts'
import type { Claims } from './upstream.ts'

/** RFC 6749 §2.3.1, by its names in OpenID Connect. */
export type SecretMethod = 'client_secret_basic' | 'client_secret_post'

/** Who may speak for a provider. */
export interface IssuerRule {
  /** Whether keys can be found at all. Where not, an id_token says nothing and the userinfo endpoint serves. */
  known: boolean
  /** Whether there is no saying where the discovery document lies before an id_token comes. */
  fromIdToken?: true
  /**
   * Where the discovery document lies.
   *
   * @param iss what an unverified id_token says; empty where there is none
   * @throws {ProviderError} where the id_token can't be this provider's.
   */
  locate (iss: string): string
  /** Whether the document at a location may name this issuer. */
  isDocumentIssuer (issuer: string, location: string): boolean
  /** Whether an authorization response may name this issuer. RFC 9207 §2.4. */
  isResponseIssuer (iss: string): boolean
  /** Other spellings in id_tokens. */
  aliases?: readonly string[]
  /** Of identities that come without an id_token. The discovery document says where absent. */
  withoutIdToken?: string
}

/** What is known about who signed in. */
export interface Evidence {
  /** With the tenant filled in. */
  issuer: string
  /** The claims of the verified id_token, where one came. */
  idToken: Claims | undefined
  /** The claims that the e-mail stands in: those of the id_token, or of the userinfo endpoint in standard names. */
  profile: Claims
}

/** All that one provider does in its own way. */
export interface ProviderDefinition {
  id: string
  name: string
  mark?: ProviderMark
  emailDomains: readonly string[] | undefined
  clientId: string
  /** Undefined for a public client. */
  clientSecret: string | undefined
  /** What the discovery document says where undefined. */
  secretMethod?: SecretMethod
  scopes: readonly string[]
  /** The `prompt` to send. Undefined: `select_account`, where the discovery document knows it. */
  prompt: string | false | undefined
  /** What a client may ask for by `prompt`. What the discovery document says where undefined. */
  prompts?: readonly Prompt[]
  /** Where defined, these go before the discovery document's. */
  authorizationUrl: string | undefined
  tokenUrl: string | undefined
  userinfoUrl: string | undefined
  issuers: IssuerRule
  entra?: EntraTenancy
  /** Which claim is the subject. */
  subjectClaim: 'sub' | 'oid'
  /** Puts the userinfo endpoint's answer into standard names. */
  standardize?: (userinfo: Claims) => Claims
  /**
   * Whether the profile's e-mail belongs to the subject.
   *
   * @throws {ProviderError} where nobody of that issuer may sign in.
   */
  vouches (evidence: Evidence): boolean
}

/** One issuer, known beforehand. */
export function exactIssuer (issuer: string, aliases: readonly string[] = []): IssuerRule {
  return {
    known: true,
    locate: () => issuer,
    isDocumentIssuer: (named) => named === issuer,
    isResponseIssuer: (iss) => iss === issuer,
    aliases,
    withoutIdToken: issuer
  }
}
