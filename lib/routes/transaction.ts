import { OAuthError } from '../errors.ts'
import { hashSecret, mac } from '../keys/secrets.ts'
import { codeChallengeOf } from '../oauth/pkce.ts'
import type { AuthorizationServer } from '../server.ts'
import type { TransactionKey } from '../storage/records.ts'

/** Which transaction a browser means. Only the browser that approved can name it: its cookie is half of the name. */
export function transactionKey (browser: string, handle: string): Omit<TransactionKey, 'now'> {
  return { handleHash: hashSecret(handle), kind: 'authorize', bindingHash: mac(browser, 'binding', handle) }
}

/** PKCE and nonce of the upstream leg, from what only the browser holds: whoever reads the storage can't complete a sign-in. */
export function upstreamSecrets (browser: string, handle: string, clientId: string): { nonce: string, codeVerifier: string, codeChallenge: string } {
  const codeVerifier = mac(browser, 'verifier', handle, clientId)
  return { nonce: mac(browser, 'nonce', handle, clientId), codeVerifier, codeChallenge: codeChallengeOf(codeVerifier) }
}

/** The provider's answer, or the page before it, in a browser that approved nothing of the kind, or too late, or twice. */
export function unknownSignIn (): OAuthError {
  return new OAuthError('access_denied', 'This sign-in was begun in another browser, is already used, or has expired')
}

export function callbackUrl (server: AuthorizationServer): string {
  return `${server.options.endpoints}/callback`
}
