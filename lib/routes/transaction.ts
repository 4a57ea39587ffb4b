import { flowIdOf } from '../guard/flow-log.ts'
import { hashSecret, mac } from '../keys/secrets.ts'
import { codeChallengeOf } from '../oauth/pkce.ts'
import type { RefusalName } from '../pages/words/index.ts'
import type { AuthorizationServer } from '../server.ts'
import type { Transaction, TransactionKey, TransactionRefusal } from '../storage/records.ts'
import { PageError } from './page-error.ts'

/** Which transaction a browser means. Only the browser that approved can name it: its cookie is half of the name. */
export function transactionKey (browser: string | undefined, handle: string): Omit<TransactionKey, 'now'> {
  return { handleHash: hashSecret(handle), bindingHash: browser === undefined ? '' : mac(browser, 'binding', handle) }
}

/** PKCE and nonce of the upstream leg, from what only the browser holds: whoever reads the storage can't complete a sign-in. */
export function upstreamSecrets (browser: string, handle: string, transaction: Transaction): { nonce: string, codeVerifier: string, codeChallenge: string } {
  const purpose = transaction.kind === 'authorize' ? transaction.clientId : transaction.kind
  const codeVerifier = mac(browser, 'verifier', handle, purpose)
  return { nonce: mac(browser, 'nonce', handle, purpose), codeVerifier, codeChallenge: codeChallengeOf(codeVerifier) }
}

const pages: Record<TransactionRefusal, RefusalName> = {
  unknown: 'expiredSignIn',
  'other-browser': 'otherBrowser',
  used: 'usedSignIn',
  expired: 'expiredSignIn'
}

/** The provider's answer, or the page before it, in a browser that approved nothing of the kind, or too late, or twice. */
export function noSignIn (refusal: TransactionRefusal): PageError {
  return new PageError(pages[refusal], 'This sign-in was begun in another browser, is already used, or has expired', { cause: refusal })
}

/** The flow that begins with a form. */
export function flowOfForm (formId: string): string {
  return flowIdOf(hashSecret(formId))
}

export function callbackUrl (server: AuthorizationServer): string {
  return `${server.options.endpoints}/callback`
}
