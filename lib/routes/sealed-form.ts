import { equalStrings, mac, randomId } from '../keys/secrets.ts'
import type { AuthorizationServer } from '../server.ts'
import { PageError } from './page-error.ts'

/** What a form is for. One that was made for something else is not ours. */
export type FormPurpose = 'consent' | 'account' | 'admin'

interface Sealed<Content> {
  /** Makes the form good for one sign-in. */
  id: string
  content: Content
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** How long a page may stay open, in milliseconds. */
const lifetime = 3_600_000

/** What unseals for a purpose was sealed for it below. */
function isSealed<Content> (unsealed: unknown): unsealed is Sealed<Content> {
  return unsealed !== undefined
}

/**
 * The two hidden values of a form that asks for a sign-in. The page writes nothing to the storage. The second value only the browser that got
 * the page can send: it covers the first, client included.
 *
 * @param browser the secret that only that browser holds
 * @param id of the form, new for each
 */
export function sealForm (
  server: AuthorizationServer, browser: string, purpose: FormPurpose, content: object, now: Date, id = randomId()
): { request: string, csrf: string } {
  const form: Sealed<object> = { id, content, expiresAt: now.getTime() + lifetime }
  const sealed = server.keys.seal(purpose, form)
  return { request: sealed, csrf: mac(browser, purpose, sealed) }
}

/**
 * What a form that was posted is about.
 *
 * @throws {PageError} where it is not one of ours, or not this browser's, or too old.
 */
export function openForm<Content extends object> (
  server: AuthorizationServer, browser: string | undefined, purpose: FormPurpose, sealed: string, csrf: string | undefined, now: Date
): Sealed<Content> {
  if (browser === undefined || csrf === undefined || !equalStrings(mac(browser, purpose, sealed), csrf)) {
    throw new PageError('foreignForm', 'This form was not opened in this browser')
  }
  const form = server.keys.unseal(purpose, sealed)
  if (!isSealed<Content>(form)) throw new PageError('foreignForm', 'This form is not one of ours')
  if (form.expiresAt <= now.getTime()) throw new PageError('expiredForm', 'This page was open for too long')
  return form
}
