import type { ShownClient } from '../clients/approved-client.ts'
import { OAuthError } from '../errors.ts'
import { equalStrings, mac, randomId } from '../keys/secrets.ts'
import type { AuthorizationRequest } from '../oauth/authorization-request.ts'
import type { AuthorizationServer } from '../server.ts'

/** A checked authorization request on its way through the consent form. The page writes nothing to the storage. */
export interface ConsentRequest extends AuthorizationRequest, ShownClient {
  /** Makes the form good for one decision to allow. */
  id: string
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** How long the page may stay open, in milliseconds. */
const lifetime = 3_600_000

const purpose = 'consent'

/** What unseals for this purpose was sealed below. */
function isConsentRequest (unsealed: unknown): unsealed is ConsentRequest {
  return unsealed !== undefined
}

/** The form's two hidden values. The second one only the browser that got the page can send: it covers the first, client included. */
export function sealConsent (
  server: AuthorizationServer, browser: string, request: AuthorizationRequest & ShownClient, now: Date
): { request: string, csrf: string } {
  const consent: ConsentRequest = { ...request, id: randomId(), expiresAt: now.getTime() + lifetime }
  const sealed = server.keys.seal(purpose, consent)
  return { request: sealed, csrf: mac(browser, purpose, sealed) }
}

/**
 * What a form that was posted is about.
 *
 * @throws {OAuthError} `access_denied` where it is not one of ours, or not this browser's, or too old.
 */
export function openConsent (
  server: AuthorizationServer, browser: string | undefined, sealed: string, csrf: string | undefined, now: Date
): ConsentRequest {
  if (browser === undefined || csrf === undefined || !equalStrings(mac(browser, purpose, sealed), csrf)) {
    throw new OAuthError('access_denied', 'This form was not opened in this browser')
  }
  const consent = server.keys.unseal(purpose, sealed)
  if (!isConsentRequest(consent)) throw new OAuthError('access_denied', 'This form is not one of ours')
  if (consent.expiresAt <= now.getTime()) throw new OAuthError('access_denied', 'This page was open for too long')
  return consent
}
