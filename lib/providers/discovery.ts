import type { createRemoteJWKSet } from 'jose'
import { isWebUri } from '../oauth/redirect-uri.ts'
import { ProviderError } from './types.ts'
import type { Claims } from './upstream.ts'
import { getJson } from './upstream.ts'

/** What a provider says about itself. OpenID Connect Discovery §3. */
export interface Metadata {
  /** As the document names it: Entra's names all tenants at once by `{tenantid}`. */
  issuer: string
  authorizationEndpoint: string | undefined
  tokenEndpoint: string | undefined
  userinfoEndpoint: string | undefined
  tokenEndpointAuthMethods: readonly string[]
  promptValues: readonly string[]
  /** RFC 9207 §3. */
  sendsIssuer: boolean
  /** Finds the key of a token; asks again for an unknown `kid`, at most every 30 seconds. */
  keys: ReturnType<typeof createRemoteJWKSet>
}

/** How long a document counts, in milliseconds. */
const lifetime = 3_600_000

function strings (value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

/** An https issuer can't send us to an address of this machine. */
function addressIn (document: Claims, name: string, issuer: string): string | undefined {
  const address = document[name]
  if (address === undefined) return undefined
  const scheme = issuer.startsWith('https:') ? /^https:/i : /^https?:/i
  if (typeof address === 'string' && isWebUri(address) && scheme.test(address)) return address
  throw new ProviderError('untrusted', `the discovery document of ${issuer} has a bad ${name}`)
}

async function keysAt (address: string | undefined, issuer: string): Promise<Metadata['keys']> {
  if (address === undefined) throw new ProviderError('untrusted', `the discovery document of ${issuer} names no jwks_uri`)
  // Whoever only names a provider does not need it yet.
  const jose = await import('jose')
  return jose.createRemoteJWKSet(new URL(address), {
    [jose.customFetch]: async (url) => Response.json(await getJson(url))
  })
}

async function load (location: string, isIssuer: (issuer: string) => boolean): Promise<Metadata> {
  const document = await getJson(`${location.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const { issuer } = document
  // OpenID Connect Discovery §4.3: a document that speaks for somebody else counts for nothing.
  if (typeof issuer !== 'string' || !isIssuer(issuer)) {
    throw new ProviderError('untrusted', `the discovery document at ${location} names another issuer`)
  }
  return {
    issuer,
    authorizationEndpoint: addressIn(document, 'authorization_endpoint', location),
    tokenEndpoint: addressIn(document, 'token_endpoint', location),
    userinfoEndpoint: addressIn(document, 'userinfo_endpoint', location),
    tokenEndpointAuthMethods: strings(document['token_endpoint_auth_methods_supported']),
    promptValues: strings(document['prompt_values_supported']),
    sendsIssuer: document['authorization_response_iss_parameter_supported'] === true,
    keys: await keysAt(addressIn(document, 'jwks_uri', location), location)
  }
}

/**
 * Reads discovery documents when they are first needed, one request for all who wait, and keeps the last for an hour; failures are
 * not kept.
 *
 * @param isIssuer whether a document found at a location may name this issuer
 * @see [OpenID Connect Discovery §4](https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig)
 */
export function createDiscovery (isIssuer: (issuer: string, location: string) => boolean): (location: string) => Promise<Metadata> {
  let kept: { location: string, expiresAt: number, metadata: Promise<Metadata> } | undefined

  return function discover (location) {
    const now = Date.now()
    if (kept?.location === location && now < kept.expiresAt) return kept.metadata
    const metadata = load(location, (issuer) => isIssuer(issuer, location))
    const entry = { location, expiresAt: now + lifetime, metadata }
    kept = entry
    metadata.catch(() => { if (kept === entry) kept = undefined })
    return metadata
  }
}
