import { randomSecret } from '../keys/secrets.ts'
import type { ProviderDefinition, SecretMethod } from './definition.ts'
import type { UpstreamResponse } from './types.ts'
import { ProviderError } from './types.ts'
import type { Claims } from './upstream.ts'
import { postForm } from './upstream.ts'

/** OpenID Connect Discovery §3: a provider that lists nothing takes Basic. */
export function chooseSecretMethod (supported: readonly string[]): SecretMethod {
  if (supported.length === 0 || supported.includes('client_secret_basic')) return 'client_secret_basic'
  if (supported.includes('client_secret_post')) return 'client_secret_post'
  throw new ProviderError('refused', 'the provider takes client secrets neither by client_secret_basic nor by client_secret_post')
}

/** RFC 6749 §2.3.1 wants both halves form-encoded before they are joined. */
function basic (clientId: string, clientSecret: string): string {
  const [id, secret] = [clientId, clientSecret].map((value) => new URLSearchParams({ value }).toString().slice('value='.length))
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}

/**
 * Exchanges the code. A public client names itself only.
 *
 * @see [RFC 6749 §4.1.3](https://www.rfc-editor.org/rfc/rfc6749.html#section-4.1.3)
 * @throws {ProviderError}
 */
export function exchangeCode (
  tokenUrl: string,
  { clientId, clientSecret }: ProviderDefinition,
  secretMethod: SecretMethod | undefined,
  { code, redirectUri, codeVerifier }: UpstreamResponse
): Promise<Claims> {
  const form = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: codeVerifier })
  if (clientSecret !== undefined && secretMethod === 'client_secret_basic') {
    return postForm(tokenUrl, form, { authorization: basic(clientId, clientSecret) })
  }
  form.set('client_id', clientId)
  if (clientSecret !== undefined) form.set('client_secret', clientSecret)
  return postForm(tokenUrl, form)
}

/**
 * What the token endpoint says to a code that was never given. RFC 6749 §5.2.
 *
 * @returns the error code, where it names one
 * @throws {ProviderError} where it does not refuse.
 */
export async function refusalOf (
  tokenUrl: string, definition: ProviderDefinition, secretMethod: SecretMethod | undefined, redirectUri: string
): Promise<string | undefined> {
  try {
    await exchangeCode(tokenUrl, definition, secretMethod, { redirectUri, code: randomSecret(), issuer: undefined, nonce: randomSecret(), codeVerifier: randomSecret() })
  } catch (error) {
    if (error instanceof ProviderError && error.reason === 'refused') return error.cause instanceof Error ? error.cause.message : undefined
    throw error
  }
  throw new ProviderError('untrusted', 'the token endpoint gave a token for a code that there is not')
}
