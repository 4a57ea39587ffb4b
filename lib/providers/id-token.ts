import { decodeJwt, errors, jwtVerify } from 'jose'
import type { IssuerRule } from './definition.ts'
import type { Metadata } from './discovery.ts'
import { ProviderError } from './types.ts'
import type { Claims } from './upstream.ts'

/** Asymmetric only: with a symmetric one, whoever knows a public key or our client secret could sign. */
const algorithms = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'
]
/** How far the clocks may be apart, in seconds. */
const clockTolerance = 60
/** It was made for the code that was just exchanged. In seconds; Entra dates tokens back by minutes. */
const maxTokenAge = 3_600

/** What an id_token is held against. */
export interface Expectation {
  clientId: string
  nonce: string
  issuers: IssuerRule
  discover: (location: string) => Promise<Metadata>
}

export interface VerifiedIdToken { issuer: string, claims: Claims }

function mistrust (why: string): ProviderError {
  return new ProviderError('untrusted', `the id_token ${why}`)
}

/** Entra publishes which issuer each key signs for: a key of one cloud or account type must not sign for another. */
function checkKeyIssuer (keys: Metadata['keys'], kid: string | undefined, tenant: string, issuer: string): void {
  const key: Claims | undefined = keys.jwks()?.keys.find((candidate) => candidate.kid === kid)
  const named = key?.['issuer']
  if (typeof named === 'string' && named.replace('{tenantid}', tenant) !== issuer) throw mistrust('is signed with a key of another issuer')
}

async function verify (idToken: string, { clientId, nonce, issuers, discover }: Expectation): Promise<VerifiedIdToken> {
  const metadata = await discover(issuers.locate(String(decodeJwt(idToken).iss)))
  const { payload, protectedHeader } = await jwtVerify(idToken, metadata.keys, {
    algorithms,
    audience: clientId,
    clockTolerance,
    maxTokenAge,
    requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat', 'nonce']
  })
  const tenant = String(payload['tid'])
  const issuer = metadata.issuer.replace('{tenantid}', tenant)
  if (payload.iss !== issuer && !issuers.aliases?.includes(String(payload.iss))) throw mistrust('is of another issuer')
  checkKeyIssuer(metadata.keys, protectedHeader.kid, tenant, issuer)
  if (payload['nonce'] !== nonce) throw mistrust('has another nonce')
  if (Array.isArray(payload.aud) && payload.aud.length > 1 && payload['azp'] !== clientId) throw mistrust('was made for another client')
  return { issuer, claims: payload }
}

/**
 * The claims of an id_token that holds. It must be signed by its issuer, for this client and this sign-in, now.
 *
 * @throws {ProviderError} `untrusted` where it does not hold, `unavailable` where the keys can't be had.
 * @see [OpenID Connect Core §3.1.3.7](https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation)
 */
export async function verifyIdToken (idToken: unknown, expectation: Expectation): Promise<VerifiedIdToken> {
  if (typeof idToken !== 'string') throw mistrust('is not a string')
  try {
    return await verify(idToken, expectation)
  } catch (error) {
    if (error instanceof ProviderError) throw error
    // jose's errors carry the claims, which are personal; the words of what jose found are not.
    const reason = error instanceof errors.JOSEError ? `${error.code}: ${error.message}` : 'its key can not be used'
    throw new ProviderError('untrusted', 'the id_token does not verify', { cause: new Error(reason) })
  }
}
