import { OAuthError, type OAuthErrorCode } from '../errors.ts'
import type { RefusalName, Subject } from '../pages/words/index.ts'

/** A refusal that has words of its own on the pages. 403 unless the code says otherwise. */
export class PageError extends OAuthError {
  readonly page: RefusalName
  readonly #subject: Partial<Subject>

  constructor (
    page: RefusalName, description: string, { code = 'access_denied', cause, subject = {} }: { code?: OAuthErrorCode, cause?: unknown, subject?: Partial<Subject> } = {}
  ) {
    super(code, description, { cause })
    this.name = 'PageError'
    this.page = page
    this.#subject = subject
  }

  /** Whom and what it is about, as far as it matters: for the page, not for the log. */
  get subject (): Partial<Subject> {
    return this.#subject
  }
}
