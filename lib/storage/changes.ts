/** What access hangs on: the row of this id says something else now, or is gone. */
export interface Change {
  readonly kind: 'token' | 'grant' | 'client' | 'user'
  readonly id: string
}

/** What has changed; `everything` where nobody knows what. */
export type Changes = readonly Change[] | 'everything'

/** Who wants to know of changes that others make. */
export interface ChangeWatcher {
  /** Something has changed that access hangs on. */
  changed (changes: Changes): void
  /** Changes may go unnoticed from now on, until `everything` is told once. Told once for all attempts that fail in between. */
  failed (error: unknown): void
}
